# Waits for the power button, as pressed by QMP's system_powerdown, and then
# powers off. Says "R" on COM1 when it is listening.

	.set	PM1_STS, 0x600
	.set	PM1_EN, 0x602
	.set	PM1_CNT, 0x604
	.set	PWRBTN, 0x100

	.code16
	.globl	_start
_start:
	cli				# the button raises an interrupt: nobody serves it
	movw	$PM1_EN, %dx
	movw	$PWRBTN, %ax		# without this QEMU does not even set the status
	outw	%ax, %dx
	movw	$0x3f8, %dx
	movb	$'R', %al
	outb	%al, %dx
1:	pause
	movw	$PM1_STS, %dx
	inw	%dx, %ax
	testw	$PWRBTN, %ax
	jz	1b
	movw	$PM1_CNT, %dx
	movw	$0x2000, %ax
	outw	%ax, %dx
2:	hlt
	jmp	2b

	.org	510
	.word	0xaa55
