package fat

import (
	"testing"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
	"github.com/google/go-cmp/cmp"
)

func TestShortNames(t *testing.T) {
	tests := map[string]struct {
		names []string
		want  map[string]string
	}{
		"as they are":     {[]string{"README", "A.B", "KS.CFG"}, map[string]string{"README": "README     ", "A.B": "A       B  ", "KS.CFG": "KS      CFG"}},
		"case only":       {[]string{"ks.cfg", "Setup.Exe"}, map[string]string{"ks.cfg": "KS      CFG", "Setup.Exe": "SETUP   EXE"}},
		"too long":        {[]string{"user-data", "Autounattend.xml"}, map[string]string{"user-data": "USER-D~1   ", "Autounattend.xml": "AUTOUN~1XML"}},
		"numbered":        {[]string{"network1.conf", "network2.conf"}, map[string]string{"network1.conf": "NETWOR~1CON", "network2.conf": "NETWOR~2CON"}},
		"number is taken": {[]string{"NETWOR~1.CON", "network1.conf"}, map[string]string{"NETWOR~1.CON": "NETWOR~1CON", "network1.conf": "NETWOR~2CON"}},
		"taken as long":   {[]string{"networ~1.con", "network1.conf"}, map[string]string{"networ~1.con": "NETWOR~1CON", "network1.conf": "NETWOR~2CON"}},
		"dots":            {[]string{".bashrc", "a.b.c", "..x"}, map[string]string{".bashrc": "BASHRC~1   ", "a.b.c": "AB~1    C  ", "..x": "X~1        "}},
		"characters":      {[]string{"a+b", "é", "界.界", "a b"}, map[string]string{"a+b": "A_B~1      ", "é": "_~1        ", "界.界": "_~1     _  ", "a b": "AB~1       "}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			root := seed.NewRoot()
			for _, n := range tt.names {
				if err := root.Put(n, seed.Node{}); err != nil {
					t.Fatal(err)
				}
			}
			got := make(map[string]string)
			for i, s := range shortNames(root.Children()) {
				got[root.Children()[i].Name] = s
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPut12KeepsItsNeighbours(t *testing.T) {
	b := make([]byte, 6)
	for i, v := range []uint32{0xFF0, 0xFFF, 0x123, 0xABC} {
		put12(b, i, v)
	}
	if diff := cmp.Diff([]byte{0xF0, 0xFF, 0xFF, 0x23, 0xC1, 0xAB}, b); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The number of clusters decides between FAT12 and FAT16; a layout that comes
// out on the wrong side of a limit is unreadable.
func TestDiskLayoutsHoldTheirClusters(t *testing.T) {
	for sectors := uint32(minSize / sectorSize); sectors < 300_000; sectors += 13 {
		g := disk(sectors)
		if g.clusters() > maxClusters16 || g.tableBytes() > g.perFAT*sectorSize {
			t.Fatalf("%d sectors: %+v has %d clusters, a table of %d bytes", sectors, g, g.clusters(), g.tableBytes())
		}
		if g.perFAT > 1 && g.tableBytes() <= (g.perFAT-2)*sectorSize {
			t.Fatalf("%d sectors: %+v wastes sectors, a table has %d bytes", sectors, g, g.tableBytes())
		}
	}
	if g := disk(maxSize / sectorSize); g.clusters() > maxClusters16 || g.perCluster > 64 {
		t.Errorf("largest: %+v has %d clusters", g, g.clusters())
	}
}
