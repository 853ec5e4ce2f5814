# Clears the screen, prints a text there and on COM1, and halts for good.

	.set	COM1, 0x3f8

	.code16
	.globl	_start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7000, %sp
	cld
	movw	$0x0003, %ax		# text, 80 by 25
	int	$0x10
	movw	$text, %si
1:	lodsb
	testb	%al, %al
	jz	3f
	movb	$0x0e, %ah		# print %al
	movw	$7, %bx
	int	$0x10
	movb	%al, %cl
	movw	$COM1+5, %dx
2:	inb	%dx, %al
	testb	$0x20, %al		# transmitter empty?
	jz	2b
	movb	%cl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	jmp	1b
3:	hlt
	jmp	3b

	.org	0x80			# guest.Show writes here
text:	.byte	0

	.org	510
	.word	0xaa55
