package record

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
)

const installer = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64/"

var uefi = qemu.Firmware{Type: qemu.UEFI}

var shots = []shot{
	{"seabios", machine(qemu.Config{}), []string{"wait No bootable device", "save seabios"}},
	{"ipxe", machine(qemu.Config{NICs: []qemu.NIC{{Model: "e1000", Restrict: true}}, Boot: qemu.BootNetwork}),
		[]string{"wait No bootable device", "save ipxe"}},
	{"isolinux", isolinux("default linux\nprompt 1\ndisplay boot.msg\n"),
		[]string{"wait boot:", "type linux quiet url=10.0.2.2:8000/a_B-c", "save isolinux"}},
	{"menu", isolinux("ui menu.c32\n" + entries), []string{"wait Boot Menu", "down", "still", "save menu",
		"tab", "type  auto=true", "still", "save menu-edit"}},
	{"vesamenu", isolinux("ui vesamenu.c32\n" + entries), []string{"still", "down", "still", "save vesamenu"}},
	{"vesamenu-debian", debianMenu, []string{"still", "save vesamenu-debian", "tab", "type  auto=true url=http://10.0.2.2:8000/preseed.cfg", "still", "save vesamenu-debian-edit"}},
	{"grub-text", grub(qemu.Firmware{}, "terminal_output console"), []string{"wait GNU GRUB", "down", "still", "save grub-text",
		"e", "still", "save grub-text-edit", "esc", "c", "type echo hello", "ret", "still", "save grub-text-shell"}},
	{"grub-gfx", grub(qemu.Firmware{}, "insmod all_video\ninsmod gfxterm\nloadfont unicode\nset gfxmode=640x480\nterminal_output gfxterm"),
		[]string{"still", "down", "still", "save grub-gfx"}},
	{"grub-efi-text", grub(uefi, "terminal_output console"),
		[]string{"wait GNU GRUB", "down", "still", "save grub-efi-text", "c", "type echo hello", "ret", "still", "save grub-efi-shell"}},
	{"grub-efi-gfx", grub(uefi, "insmod all_video\ninsmod gfxterm\nloadfont unicode\nset gfxmode=auto\nterminal_output gfxterm"),
		[]string{"still", "down", "still", "save grub-efi-gfx", "e", "still", "save grub-efi-gfx-edit"}},
	{"ovmf", machine(qemu.Config{Firmware: uefi}), []string{"wait Shell>", "still", "save ovmf-shell",
		"type help", "ret", "still", "save ovmf-help", "type exit", "ret", "still", "save ovmf-setup", "down", "down", "ret", "still", "save ovmf-bootmanager"}},
	{"linux", linux(qemu.Firmware{}, "vga=normal nomodeset console=tty0 console=ttyS0 rdinit=/bin/sh"), append(shell, "still", "save linux")},
	{"linux-glyphs", linux(uefi, "nomodeset console=tty0 console=ttyS0 rdinit=/bin/sh"), glyphShell()},
	{"installer", linux(qemu.Firmware{}, "vga=normal nomodeset fb=false DEBIAN_FRONTEND=newt"), []string{
		"wait Select a language", "still", "save installer-language", "ret",
		"wait Select your location", "still", "save installer-location", "ret",
		"wait Configure the keyboard", "still", "save installer-keyboard"}},
	{"installer-memory", memory(512, network("vga=788")), []string{"shows Entering low memory mode", "still", "save installer-fb-memory"}},
	{"installer-fb", network("vga=788"), []string{"shows Select a language", "still", "save installer-fb-language"}},
	{"installer-preseed", network("vga=788 auto=true priority=critical url=http://10.0.2.2:9/preseed.cfg"), []string{
		"shows Failed to retrieve the", "still", "save installer-fb-preseed", "ret",
		"shows Installation step failed", "still", "save installer-fb-step-failed"}},
	{"installer-questions", network("vga=normal nomodeset fb=false DEBIAN_FRONTEND=newt locale=en_US.UTF-8 keymap=us"), []string{
		"wait enter the hostname", "still", "save installer-hostname", "ret", "wait Domain name:", "still", "ret",
		"wait mirror country", "still", "save installer-mirror", "ret", "wait Debian archive mirror:", "still", "ret",
		"wait HTTP proxy", "still", "save installer-proxy", "ret", "wait Architecture not supported", "still", "save installer-bad-mirror"}},
	{"installer-no-network", linux(qemu.Firmware{}, "vga=normal nomodeset fb=false DEBIAN_FRONTEND=newt locale=en_US.UTF-8 keymap=us"), []string{
		"wait No Ethernet card", "still", "save installer-no-network"}},
	{"installer-efi", linux(uefi, "DEBIAN_FRONTEND=newt"), []string{
		"pause", "save ovmf-logo", "pause", "pause", "still", "save linux-efi", "pause", "pause", "pause", "pause", "pause", "still", "save installer-efi-language"}},
	{"ovmf-glyphs", glyphs, []string{"wait Shell>", "still", "type cls", "ret", "type type fs0:c.txt", "ret", "still", "save ovmf-glyphs"}},
}

// glyphs is a machine whose UEFI shell can show all characters that UEFI's
// consoles must have, and those of Latin-1.
func glyphs(t *testing.T, dir string) *qemu.Config {
	text := "\uFEFF" + strings.Join(uefiText, "\r\n") + "\r\n"
	var file []byte
	for _, u := range utf16.Encode([]rune(text)) {
		file = binary.LittleEndian.AppendUint16(file, u)
	}
	write(t, filepath.Join(dir, "fat", "c.txt"), string(file))
	return &qemu.Config{Firmware: uefi, Args: []qemu.ArgEdit{
		{Op: qemu.ArgAdd, Option: "-drive", Value: "file=fat:" + filepath.Join(dir, "fat") + ",format=raw,if=virtio,readonly=on"},
	}}
}

// uefiText has the characters that the UEFI specification names for its text
// output, and those of Latin-1.
var uefiText = []string{
	" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
	"¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞ",
	"ßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
	"─│┌┐└┘├┤┬┴┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬",
	"░▲►▼◄←↑→↓",
}

// shell makes the shell on the serial line write on the screen.
var shell = []string{
	"wait ~ #", "send mount -t devtmpfs dev /dev", "wait ~ # ",
	`send printf '\033c\033[1;33mABCDEFGHIJKLMNOPQRSTUVWXYZ\033[0m\nabcdefghijklmnopqrstuvwxyz 0123456789\n\033[7m !"#$%%&\047()*+,-./:;<=>?@[\134]^_\140{|}~ \033[0m\n' >/dev/tty1`,
	`send printf '\033[31;44m┌─┬┐│├┼┤└┴┘ ╔═╦╗║╠╬╣╚╩╝ ░▒▓ ▀▄▌▐ äöüßéèçñÅÉ £¥½¼²° ←↑→↓ ▲▼◄► ●\033[0m\n' >/dev/tty1`,
	"send cat /proc/meminfo | head -n 12 >/dev/tty1",
}

// glyphShell makes the shell write all characters of Linux's own font, which is
// in the order of code page 437, in rows of 32.
func glyphShell() []string {
	do := []string{"wait ~ #", "send mount -t devtmpfs dev /dev", "wait ~ # ", `send printf '\033c' >/dev/tty1`}
	for _, line := range linuxText {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\047`, `%`, `%%`).Replace(line)
		do = append(do, "send printf '"+quoted+`\n' >/dev/tty1`)
	}
	return append(do, "still", "save linux-glyphs")
}

var linuxText = []string{
	" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼▶◀↕‼¶§▬↨↑↓→←∟↔▲▼",
	" !\"#$%&'()*+,-./0123456789:;<=>?",
	"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_",
	"`abcdefghijklmnopqrstuvwxyz{|}~⌂",
	"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ",
	"áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
	"└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
	"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ",
}

// linux is a machine that boots the Debian installer's kernel.
func linux(fw qemu.Firmware, options string) func(*testing.T, string) *qemu.Config {
	return func(t *testing.T, dir string) *qemu.Config {
		kernel := need.File(t, installer+"linux", "install debian-installer-12-netboot-amd64")
		return &qemu.Config{Firmware: fw, Args: []qemu.ArgEdit{
			{Op: qemu.ArgAdd, Option: "-kernel", Value: kernel},
			{Op: qemu.ArgAdd, Option: "-initrd", Value: installer + "initrd.gz"},
			{Op: qemu.ArgAdd, Option: "-append", Value: options},
		}}
	}
}

// network is a machine that boots the Debian installer, with a network that leads
// nowhere.
func network(options string) func(*testing.T, string) *qemu.Config {
	boot := linux(qemu.Firmware{}, options)
	return func(t *testing.T, dir string) *qemu.Config {
		c := boot(t, dir)
		c.NICs = []qemu.NIC{{}}
		return c
	}
}

// memory is another machine with so many MiB.
func memory(size int, vm func(*testing.T, string) *qemu.Config) func(*testing.T, string) *qemu.Config {
	return func(t *testing.T, dir string) *qemu.Config {
		c := vm(t, dir)
		c.Memory = size
		return c
	}
}

const entries = `menu title Bootscribe Boot Menu
label linux
  menu label ^Install
  kernel linux
label expert
  menu label ^Expert install (gjpqy_{}|~\^)
  kernel linux
label local
  menu label Boot from ^local disk
  localboot 0x80
`

func machine(c qemu.Config) func(*testing.T, string) *qemu.Config {
	return func(*testing.T, string) *qemu.Config { return &c }
}

// isolinux is a machine that boots a disc with this configuration.
func isolinux(config string) func(*testing.T, string) *qemu.Config {
	return func(t *testing.T, dir string) *qemu.Config {
		root := filepath.Join(dir, "root")
		modules := "/usr/lib/syslinux/modules/bios/"
		for _, m := range []string{"ldlinux.c32", "menu.c32", "vesamenu.c32", "libutil.c32", "libcom32.c32"} {
			install(t, modules+m, filepath.Join(root, m))
		}
		write(t, filepath.Join(root, "boot.msg"), "\x0c\x0f07Welcome to \x0f1eBootscribe\x0f07!\n\nPress \x0f4fF1\x0f07 for help or ENTER to boot: 0123456789 gjpqy\n")
		write(t, filepath.Join(root, "isolinux.cfg"), config)
		return bootISO(t, root, dir)
	}
}

func debianMenu(t *testing.T, dir string) *qemu.Config {
	root := filepath.Join(dir, "root")
	need.File(t, installer+"linux", "install debian-installer-12-netboot-amd64")
	if err := os.CopyFS(filepath.Join(root, "debian-installer/amd64/boot-screens"), os.DirFS(installer+"boot-screens")); err != nil {
		t.Fatal(err)
	}
	install(t, "/usr/lib/syslinux/modules/bios/ldlinux.c32", filepath.Join(root, "ldlinux.c32"))
	write(t, filepath.Join(root, "isolinux.cfg"), "path debian-installer/amd64/boot-screens/\ninclude debian-installer/amd64/boot-screens/menu.cfg\ndefault debian-installer/amd64/boot-screens/vesamenu.c32\nprompt 0\ntimeout 0\n")
	return bootISO(t, root, dir)
}

func bootISO(t *testing.T, root, dir string) *qemu.Config {
	install(t, "/usr/lib/ISOLINUX/isolinux.bin", filepath.Join(root, "isolinux.bin"))
	iso := filepath.Join(dir, "boot.iso")
	run(t, "xorriso", "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin", "-c", "boot.cat",
		"-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", root)
	return &qemu.Config{CDROMs: []qemu.CDROM{{Path: iso}}}
}

func grub(fw qemu.Firmware, config string) func(*testing.T, string) *qemu.Config {
	return func(t *testing.T, dir string) *qemu.Config {
		root := filepath.Join(dir, "root")
		write(t, filepath.Join(root, "boot/grub/grub.cfg"), config+`
set timeout=-1
menuentry 'Install Bootscribe' { true }
menuentry 'Expert install (gjpqy_{}|~^)' {
  echo one two
  linux /linux quiet --- auto=true url=http://10.0.2.2:8000/preseed.cfg
}
submenu 'Advanced options >' { true }
`)
		iso := filepath.Join(dir, "boot.iso")
		run(t, "grub-mkrescue", "-o", iso, root)
		return &qemu.Config{Firmware: fw, CDROMs: []qemu.CDROM{{Path: iso}}}
	}
}

func install(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(data))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
