# The smallest of installers. Says "R" on COM1 and sends back what is typed. At
# Enter it writes that to the first sector of the first disk, says "W", or "E" if
# it cannot, waits for the power button and powers off. At Escape it powers off
# at once.

	.set	COM1, 0x3f8
	.set	PM1_STS, 0x600
	.set	PM1_EN, 0x602
	.set	PM1_CNT, 0x604
	.set	PWRBTN, 0x100
	.set	SECTOR, 0x8000

	.code16
	.globl	_start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7000, %sp
	cld
	movw	$SECTOR, %di
	movw	$256, %cx
	rep stosw
	movw	$SECTOR, %di
	movb	$'R', %al
1:	call	send
	xorb	%ah, %ah
	int	$0x16			# waits for a key
	cmpb	$0x1b, %al
	je	off
	cmpb	$0x0d, %al
	je	write
	stosb
	jmp	1b

write:	movw	$0x0301, %ax		# write one sector:
	movw	$SECTOR, %bx		# from ES:BX
	movw	$0x0001, %cx		# to cylinder 0, sector 1,
	movw	$0x0080, %dx		# head 0 of the first disk
	int	$0x13
	movb	$'W', %al
	jnc	2f
	movb	$'E', %al
2:	call	send
	cli				# the button raises an interrupt: nobody serves it
	movw	$PM1_EN, %dx
	movw	$PWRBTN, %ax
	outw	%ax, %dx
3:	pause
	movw	$PM1_STS, %dx
	inw	%dx, %ax
	testw	$PWRBTN, %ax
	jz	3b
off:	movw	$PM1_CNT, %dx
	movw	$0x2000, %ax
	outw	%ax, %dx
4:	hlt
	jmp	4b

send:	movb	%al, %cl
	movw	$COM1+5, %dx
5:	inb	%dx, %al
	testb	$0x20, %al		# transmitter empty?
	jz	5b
	movb	%cl, %al
	movw	$COM1, %dx
	outb	%al, %dx
	ret

	.org	510
	.word	0xaa55
