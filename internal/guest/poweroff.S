# Powers the machine off as an ACPI guest does: SLP_EN and sleep type 5 (whose
# number is 0 here) into PM1_CNT, where SeaBIOS puts it on pc and q35.

	.code16
	.globl	_start
_start:
	movw	$0x604, %dx
	movw	$0x2000, %ax
	outw	%ax, %dx
1:	hlt
	jmp	1b

	.org	510
	.word	0xaa55
