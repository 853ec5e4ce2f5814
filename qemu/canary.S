# The canary: the boot sector of a guest that says through QEMU's
# isa-debug-exit device that it ran. The device's port 0x501 takes a byte n and
# ends QEMU with status 2n+1: 0x2a gives 85, which QEMU does not use itself.
#
#	as --32 -o canary.o canary.S
#	ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o canary.bin canary.o
#
# canarySector in canary.go holds the first bytes.
	.code16
	.globl	_start
_start:
	cli
	movw	$0x501, %dx
	movb	$0x2a, %al
	outb	%al, %dx
halt:
	hlt
	jmp	halt
	.org	510
	.word	0xaa55
