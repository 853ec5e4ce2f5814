package iso_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
)

// volAlphabet has what names are made of that both media can hold and that every
// reader shows: a case each, dots, spaces, what 8.3 names cannot hold, letters
// of two and three bytes.
var volAlphabet = []rune("abXY019.. -_+,=[]~#éß界д")

// volRandomName returns a name that FAT and Joliet can hold.
func volRandomName(r *rand.Rand) string {
	name := make([]rune, 1+r.IntN(1+r.IntN(60)))
	for i := range name {
		name[i] = volAlphabet[r.IntN(len(volAlphabet))]
	}
	if trimmed := strings.TrimRight(string(name), ". "); trimmed != "" {
		return trimmed
	}
	return "x"
}

// volRandomTree adds files and directories below dir, in which no two names
// differ in case only.
func volRandomTree(r *rand.Rand, tree fstest.MapFS, dir string, depth int) {
	used := make(map[string]bool)
	for range r.IntN(24) {
		name := volRandomName(r)
		if key := strings.ToLower(strings.ToUpper(name)); used[key] {
			continue
		} else {
			used[key] = true
		}
		if depth > 0 && r.IntN(5) == 0 {
			tree[dir+name] = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
			volRandomTree(r, tree, dir+name+"/", depth-1)
			continue
		}
		tree[dir+name] = &fstest.MapFile{Data: []byte(strings.Repeat(name, r.IntN(200))), Mode: 0o644 | fs.FileMode(r.IntN(2))*0o111}
	}
}

func TestVolumeOfRandomFiles(t *testing.T) {
	for _, tool := range []string{"xorriso", "isovfy", "fsck.fat", "mcopy"} {
		need.Tool(t, tool)
	}
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			tree := fstest.MapFS{}
			volRandomTree(rand.New(rand.NewPCG(seed, 0)), tree, "", 2)
			volume := iso.Volume{Label: "cidata", FS: tree, FloppySize: 20 << 20}
			want := volWant(t, tree)

			cd := volFile(t, volume.CreateCD)
			if out := volRun(t, "isovfy", cd); !strings.Contains(out, "No errors found") {
				t.Errorf("isovfy: %s", out)
			}
			volDiff(t, "xorriso by Rock Ridge", want, volExtract(t, cd))
			volDiff(t, "xorriso by Joliet", want.withoutModes(), volExtract(t, cd, "-read_fs", "norock").withoutModes())

			floppy := volFile(t, volume.CreateFloppy)
			volRun(t, "fsck.fat", "-n", floppy)
			volDiff(t, "mtools", want.withoutModes(), volMcopy(t, floppy))
		})
	}
}
