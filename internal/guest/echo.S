# Sends what is typed to COM1, one byte of ASCII a key; 0 for a key that has
# none. Says "R" when it is ready.

	.set	COM1, 0x3f8

	.code16
	.globl	_start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7000, %sp
	movb	$'R', %al
1:	call	send
	xorb	%ah, %ah
	int	$0x16			# waits for a key
	jmp	1b

send:	movb	%al, %cl
	movw	$COM1+5, %dx
2:	inb	%dx, %al
	testb	$0x20, %al		# transmitter empty?
	jz	2b
	movb	%cl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	ret

	.org	510
	.word	0xaa55
