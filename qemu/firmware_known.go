package qemu

// knownFirmware are places that distributions use, for those that ship no
// descriptor files: code and template that belong together, the larger flash
// first where there are two.
var knownFirmware = []struct {
	arch, code, vars string
	secure           bool
}{
	// Debian, Ubuntu
	{arch: "x86_64", code: "/usr/share/OVMF/OVMF_CODE_4M.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.fd"},
	{arch: "x86_64", code: "/usr/share/OVMF/OVMF_CODE.fd", vars: "/usr/share/OVMF/OVMF_VARS.fd"},
	{arch: "x86_64", code: "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", secure: true},
	{arch: "aarch64", code: "/usr/share/AAVMF/AAVMF_CODE.fd", vars: "/usr/share/AAVMF/AAVMF_VARS.fd"},
	{arch: "riscv64", code: "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", vars: "/usr/share/qemu-efi-riscv64/RISCV_VIRT_VARS.fd"},
	// Fedora, RHEL
	{arch: "x86_64", code: "/usr/share/edk2/ovmf/OVMF_CODE.fd", vars: "/usr/share/edk2/ovmf/OVMF_VARS.fd"},
	{arch: "x86_64", code: "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", vars: "/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd", secure: true},
	{arch: "aarch64", code: "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw", vars: "/usr/share/edk2/aarch64/vars-template-pflash.raw"},
	{arch: "riscv64", code: "/usr/share/edk2/riscv/RISCV_VIRT_CODE.fd", vars: "/usr/share/edk2/riscv/RISCV_VIRT_VARS.fd"},
	// Arch Linux
	{arch: "x86_64", code: "/usr/share/edk2/x64/OVMF_CODE.4m.fd", vars: "/usr/share/edk2/x64/OVMF_VARS.4m.fd"},
	{arch: "x86_64", code: "/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", vars: "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"},
	{arch: "aarch64", code: "/usr/share/edk2/aarch64/QEMU_CODE.fd", vars: "/usr/share/edk2/aarch64/QEMU_VARS.fd"},
	// openSUSE
	{arch: "x86_64", code: "/usr/share/qemu/ovmf-x86_64-4m-code.bin", vars: "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"},
	{arch: "x86_64", code: "/usr/share/qemu/ovmf-x86_64-code.bin", vars: "/usr/share/qemu/ovmf-x86_64-vars.bin"},
	{arch: "aarch64", code: "/usr/share/qemu/aavmf-aarch64-code.bin", vars: "/usr/share/qemu/aavmf-aarch64-vars.bin"},
	// QEMU's own build, as Homebrew installs it
	{arch: "x86_64", code: "/opt/homebrew/share/qemu/edk2-x86_64-code.fd", vars: "/opt/homebrew/share/qemu/edk2-i386-vars.fd"},
	{arch: "x86_64", code: "/usr/local/share/qemu/edk2-x86_64-code.fd", vars: "/usr/local/share/qemu/edk2-i386-vars.fd"},
	{arch: "aarch64", code: "/opt/homebrew/share/qemu/edk2-aarch64-code.fd", vars: "/opt/homebrew/share/qemu/edk2-arm-vars.fd"},
	{arch: "aarch64", code: "/usr/local/share/qemu/edk2-aarch64-code.fd", vars: "/usr/local/share/qemu/edk2-arm-vars.fd"},
}
