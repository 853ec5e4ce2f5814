package template

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// decompressors are the programs that read what is made here.
var decompressors = map[string]string{"gz": "gzip", "bgzf": "gzip", "lz4": "lz4", "xz": "xz", "bz2": "bzip2"}

// sample writes a file that is not a multiple of any block, partly noise and
// partly text.
func sample(t *testing.T) (path string, text []byte) {
	t.Helper()
	r := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 200_001)
	r.Read(noise)
	text = append(noise, bytes.Repeat([]byte("all work and no play "), 30_000)...)
	path = filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

// packed packs a file.
func packed(t *testing.T, format string, level int, path string) []byte {
	t.Helper()
	how, ok := packingOf(format)
	if !ok {
		t.Fatalf("there is no format %q", format)
	}
	how.level = level
	f, err := os.Create(filepath.Join(t.TempDir(), "packed"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := how.write(context.Background(), f, []string{path}); err != nil {
		t.Fatal(format, err)
	}
	out, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPack has the programs of the host read what is packed, in each way and at
// the ends of the levels.
func TestPack(t *testing.T) {
	path, text := sample(t)
	for method, tool := range decompressors {
		need.Tool(t, tool)
		var sizes []int
		for _, level := range []int{-1, 0, 1, 9} {
			out := packed(t, method, level, path)
			cmd := exec.Command(tool, "-dc")
			cmd.Stdin = bytes.NewReader(out)
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, level %d: %s reads %d bytes of %d: %v", method, level, tool, len(got), len(text), err)
			}
			sizes = append(sizes, len(out))
		}
		if sizes[0] >= len(text) || sizes[3] > sizes[2] {
			t.Errorf("%s: %v bytes at the levels -1, 0, 1 and 9, of %d", method, sizes, len(text))
		}
		if out := packed(t, "tar."+method, -1, path); !bytes.HasPrefix(out, packed(t, method, -1, path)[:3]) {
			t.Errorf("tar.%s begins with %q", method, out[:3])
		}
	}
	if small, large := len(packed(t, "zip", 9, path)), len(packed(t, "zip", 0, path)); small >= large {
		t.Errorf("zip: %d bytes at the level 9, and %d at 0", small, large)
	}
}

// TestBGZF walks the blocks by their sizes.
func TestBGZF(t *testing.T) {
	path, text := sample(t)
	for _, level := range []int{0, -1} {
		out := packed(t, "bgzf", level, path)
		blocks := 0
		rest := out
		for len(rest) > len(bgzfEnd) {
			if !bytes.HasPrefix(rest, []byte("\x1f\x8b\x08\x04")) || string(rest[12:16]) != "BC\x02\x00" {
				t.Fatalf("block %d begins with %q", blocks, rest[:18])
			}
			rest = rest[int(binary.LittleEndian.Uint16(rest[bgzfSize:]))+1:]
			blocks++
		}
		if !bytes.Equal(rest, bgzfEnd) || blocks != (len(text)+bgzfBlock-1)/bgzfBlock {
			t.Errorf("%d blocks, and %q at the end", blocks, rest)
		}
	}
}

// TestFormatOf reads formats from names.
func TestFormatOf(t *testing.T) {
	for name, want := range map[string]string{
		"a.tar.gz": "tar.gz", "a.gz": "gz", "a.tar": "tar", "a.zip": "zip", "a.tar.bzip2": "tar.bzip2", "a.bz2": "bz2", "x.tar.d/a.lz4": "lz4",
		"a.tar.xz": "tar.xz", "a.bgzf": "bgzf", "a": "tar.gz", "a.rar": "tar.gz", "tar.gz": "gz", "a.b.xz": "xz",
	} {
		if got := formatOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if p, ok := packingOf("tar.bzip2"); !ok || p != (packing{archive: "tar", method: "bz2"}) {
		t.Errorf("tar.bzip2: %+v", p)
	}
}
