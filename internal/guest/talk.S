# Says 30000 dots on COM1 without looking whether the line is free, as fast as
# it can, and powers off.

	.set	COM1, 0x3f8
	.set	DOTS, 30000		# guest.TalkDots

	.code16
	.globl	_start
_start:
	movw	$DOTS, %cx
	movw	$COM1, %dx
	movb	$'.', %al
1:	outb	%al, %dx
	loop	1b
	movw	$0x604, %dx		# see poweroff.S
	movw	$0x2000, %ax
	outw	%ax, %dx
2:	hlt
	jmp	2b

	.org	510
	.word	0xaa55
