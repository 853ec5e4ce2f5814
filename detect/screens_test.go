package detect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealScreens looks what is found on screens of real guests, which package
// screen has for its own tests, and that a day later the same stalls are.
func TestRealScreens(t *testing.T) {
	files, err := filepath.Glob("../screen/testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"grub-efi-shell.txt":           "grub-prompt:16 grub-prompt:16!",
		"grub-text-shell.vga":          "grub-prompt:11 grub-prompt:11!",
		"installer-bad-mirror.txt":     "debian-question:8 debian-error:11! debian-dialog:14 debian-question:8! debian-dialog:14!",
		"installer-fb-language.txt":    "debian-question:2 debian-question:2!",
		"installer-fb-memory.txt":      "debian-question:21 debian-question:21!",
		"installer-fb-preseed.txt":     "debian-question:22 debian-preseed-missing:24! debian-preseed-missing:25! debian-question:22!",
		"installer-fb-step-failed.txt": "debian-question:21 debian-step-failed:23! debian-step-failed:24! debian-question:21!",
		"installer-keyboard.vga":       "debian-question:2 debian-question:2!",
		"installer-language.vga":       "debian-question:2 debian-question:2!",
		"installer-location.vga":       "debian-question:2 debian-question:2!",
		"installer-hostname.vga":       "debian-question:4 debian-dialog:17 debian-question:4! debian-dialog:17!",
		"installer-mirror.vga":         "debian-question:2 debian-question:2!",
		"installer-no-network.vga":     "debian-question:2 debian-error:4! debian-question:2!",
		"installer-proxy.vga":          "debian-question:6 debian-dialog:18 debian-question:6! debian-dialog:18!",
		"ipxe.vga":                     "seabios-device:5 ipxe:7 ipxe-failed:21 ipxe-failed:22 no-bootable-device:24!",
		"seabios.vga":                  "seabios:1 seabios-device:2 boot-device-failed:3 seabios-device:5 no-bootable-device:8!",
	}
	seen := 0
	d := newDetector(t, Default())
	for _, file := range files {
		lines := readScreen(t, file)
		if lines == nil {
			continue
		}
		seen++
		d.forget()
		found := d.Screen(at(0), lines)
		later, _ := d.Due(at(86400))
		name := filepath.Base(file)
		if got := short(append(found, later...)); got != want[name] {
			t.Errorf("%s: found %q, want %q in\n%s", name, got, want[name], strings.Join(lines, "\n"))
		}
	}
	if seen < 10 {
		t.Errorf("there are %d screens", seen)
	}
}

// readScreen returns the lines of a VGA's text memory of 80 columns, or of a
// text; nil for anything else.
func readScreen(t *testing.T, file string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(file) {
	case ".txt":
		return strings.Split(string(data), "\n")
	case ".vga":
		for row := range min(len(data)/160, 25) {
			var b strings.Builder
			for i := row * 160; i < row*160+160; i += 2 {
				switch c := data[i]; {
				case c >= 0xb0 && c <= 0xdf:
					b.WriteRune('│')
				case c >= ' ' && c < 0x7f:
					b.WriteByte(c)
				default:
					b.WriteByte(' ')
				}
			}
			lines = append(lines, strings.TrimRight(b.String(), " "))
		}
	}
	return lines
}
