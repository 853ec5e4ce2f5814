# Writes to the second disk, 32 KiB at a time, until a given sector is reached
# or a write fails, and says by isa-debug-exit which of the two it was: status
# 35 for done and 69 for a failure.
# Run with -device isa-debug-exit,iobase=0x501,iosize=1.

	.set	BUFFER, 0x8000
	.set	CHUNK, 64		# sectors in the buffer

	.code16
	.globl	_start
_start:
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7000, %sp
	cld
	movw	$BUFFER, %di
	movw	$CHUNK*256, %cx
	movw	$0x5a5a, %ax		# zeros might not be stored
	rep stosw
1:	movw	$packet, %si
	movw	$0x4300, %ax		# extended write, no verify
	movb	$0x81, %dl
	int	$0x13
	movb	$34, %al
	jc	2f
	addl	$CHUNK, lba
	movl	lba, %eax
	cmpl	end, %eax
	jb	1b
	movb	$17, %al
2:	movw	$0x501, %dx
	outb	%al, %dx
3:	hlt
	jmp	3b

	.align	4
packet:	.byte	16, 0
	.word	CHUNK, BUFFER, 0	# sectors, offset, segment
lba:	.long	0, 0

	.org	0x1f0			# guest.Fill writes here
end:	.long	0

	.org	510
	.word	0xaa55
