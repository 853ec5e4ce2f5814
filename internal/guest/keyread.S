# Reads keys by INT 16h into memory at 0x8000 and counts them in the word at
# 0x7e00, where a test reads them through the monitor. Two words tune it: how
# long it dawdles after each key, and whether it prints the key.

	.set	COUNT, 0x7e00
	.set	BUFFER, 0x8000

	.code16
	.globl	_start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7000, %sp
	sti
	cld
	movw	$BUFFER, %di
	movw	%ax, COUNT
next:
	xorb	%ah, %ah
	int	$0x16			# waits for a key
	stosb
	incw	COUNT
	movw	delay, %cx
	jcxz	2f
	movb	%al, %bl
1:	inb	$0x80, %al		# about 1 us on hardware, an exit to QEMU here
	loop	1b
	movb	%bl, %al
2:	cmpw	$0, echo
	je	next
	movb	$0x0e, %ah		# print %al
	movw	$7, %bx
	int	$0x10
	jmp	next

	.org	0x1f0			# guest.KeyRead writes here
delay:	.word	0
echo:	.word	0

	.org	510
	.word	0xaa55
