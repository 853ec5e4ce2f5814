package detect

import (
	"os"
	"testing"
)

// TestLogs looks what is found in what real guests said, which is in testdata,
// some of it shortened.
func TestLogs(t *testing.T) {
	for _, tt := range []struct {
		name string
		ch   Channel
		want string
	}{
		// an empty disk and no other device
		{"seabios.log", DebugCon, "seabios:1 seabios:56 seabios-device:84 boot-device-failed:85 seabios-device:89 boot-device-failed:90 no-bootable-device:94!"},
		{"uefi.log", Serial, "uefi-boot-failed:1 uefi-loading:2 uefi-shell:3! uefi-shell:4! uefi-shell-prompt:11 uefi-shell-prompt:11!"},
		{"wrong-root.log", Serial, "linux:1 no-root-device:51!"},
		{"good.log", Serial, "linux:1"},
	} {
		log, err := os.ReadFile("testdata/" + tt.name)
		if err != nil {
			t.Fatal(err)
		}
		d := newDetector(t, Default())
		found := append(d.Feed(at(0), tt.ch, log), d.Flush(at(0))...)
		later, _ := d.Due(at(86400))
		if got := short(append(found, later...)); got != tt.want {
			t.Errorf("%s: found\n\t%q, want\n\t%q\n%v", tt.name, got, tt.want, found)
		}
	}
}
