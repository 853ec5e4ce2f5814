# Resets the machine by the keyboard controller, again at every boot.

	.code16
	.globl	_start
_start:
	movb	$0xfe, %al		# pulse the reset line
	outb	%al, $0x64
1:	jmp	1b

	.org	510
	.word	0xaa55
