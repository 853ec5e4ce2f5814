# Ends QEMU with status 85, to show that the machine runs at all: it needs a
# CPU that fetches, a BIOS that reads a disk, and a device that answers.
# Run with -device isa-debug-exit,iobase=0x501,iosize=1.

	.code16
	.globl	_start
_start:
	cli
	movw	$0x501, %dx
	movb	$42, %al		# status is 42*2+1
	outb	%al, %dx
1:	hlt				# only without the device
	jmp	1b

	.org	510
	.word	0xaa55
