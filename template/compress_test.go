package template_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/template"
)

// TestCompress compresses an image in all ways, and looks what the host's
// programs find in them.
func TestCompress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var c template.Config
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error { return g.VM.Powerdown(ctx) })
	programs := map[string]string{"gz": "gzip", "bgzf": "gzip", "lz4": "lz4", "xz": "xz", "bz2": "bzip2"}
	var chains []any
	for method, program := range programs {
		need.Tool(t, program)
		for _, name := range []string{method, "tar." + method} {
			chains = append(chains, map[string]any{"type": "compress", "output": filepath.Join(dir, "{{.BuildName}}."+name), "compression_level": 9, "keep_input_artifact": true})
		}
	}
	_, artifacts, err := run(t, map[string]any{"iso_url": guest.CD(t, guest.Button), "communicator": "none", "name": "x", "output_directory": filepath.Join(dir, "out"), "vm_name": "disk"},
		map[string]any{"provisioners": []any{map[string]any{"type": "look"}}, "post-processors": chains}, &c)
	if err != nil {
		t.Fatal(err)
	}
	if len(artifacts) != 1+len(chains) {
		t.Errorf("%d artifacts", len(artifacts))
	}
	image, err := os.ReadFile(filepath.Join(dir, "out", "disk"))
	if err != nil {
		t.Fatal(err)
	}
	for method, program := range programs {
		for _, name := range []string{method, "tar." + method} {
			line := fmt.Sprintf("%s -dc < x.%s", program, name)
			if strings.HasPrefix(name, "tar.") {
				line += " | tar -xOf - disk"
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = dir
			if got, err := cmd.Output(); err != nil || !bytes.Equal(got, image) {
				t.Errorf("%s: %d bytes of %d: %v", line, len(got), len(image), err)
			}
		}
	}
}
