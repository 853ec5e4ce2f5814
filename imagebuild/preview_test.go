package imagebuild

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// What a build would run is what it runs, but for the names of what is not there
// yet, and nothing is made.
func TestPreview(t *testing.T) {
	t.Parallel()
	b, r := newBuild(t, guest.Button, ready())
	b.Seed = &iso.Volume{Label: "a b", Content: map[string]string{"f": "x"}}
	b.VM.Args = []qemu.ArgEdit{{Op: qemu.ArgAdd, Option: "-smbios", Value: "type=11,value=it's $HOME"}}
	p, err := b.Preview(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(b.Output)
	if diff := cmp.Diff([]string{"canary"}, names(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	var ran []string
	for _, e := range only[Machine](r) {
		if started, ok := e.Event.(qemu.Started); ok {
			ran = started.Args
		}
	}
	scratch := ""
	for _, word := range ran {
		if _, after, ok := strings.Cut(word, `"filename":"`+dir+"/.bootscribe-build-"); ok && scratch == "" {
			scratch, _, _ = strings.Cut(after, "/")
		}
	}
	for i := range ran {
		ran[i] = strings.ReplaceAll(ran[i], ".bootscribe-build-"+scratch, ".bootscribe-build-0")
	}
	if diff := cmp.Diff(p.Command, ran); diff != "" {
		t.Errorf("the preview and what was run (-preview +run):\n%s", diff)
	}
	// A shell takes it as it is meant.
	out, err := exec.Command("sh", "-c", `printf '%s\n' `+p.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Command, strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")); diff != "" {
		t.Error(diff)
	}
	// The machine survives JSON.
	text, err := json.Marshal(p.Machine)
	if err != nil {
		t.Fatal(err)
	}
	var back qemu.Config
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	p.Machine.DebugConsole = nil // code, which is left out
	if diff := cmp.Diff(p.Machine, back); diff != "" {
		t.Error(diff)
	}
}
