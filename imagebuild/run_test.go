package imagebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// The whole way: what is typed at the medium's prompt is on the image.
func TestRun(t *testing.T) {
	t.Parallel()
	const text = `Install auto=true url="http://10.0.2.2/a?b&c" -- ~!@#$%^*()_+|{}:<>`
	b, r := newBuild(t, guest.Install, ready(),
		TypeFunc(func(v Vars) string { return strings.ReplaceAll(text, "<", "<lt>") + v.Name + "<enter>" }),
		WaitSerial("W|E"))
	b.Manifest = b.Output + ".json"
	a, err := b.Run(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := content(t, b.Output); !bytes.HasPrefix(got, []byte(text+"out\x00")) {
		t.Errorf("the disk holds %q", got[:128])
	}
	lines := only[ConsoleLine](r)
	if len(lines) != 1 || lines[0].Line != "R"+text+"outW" {
		t.Errorf("on the serial line: %q", lines)
	}
	if opened := only[ScreenOpened](r); len(opened) != 1 || opened[0].VNC.Seq() == 0 || opened[0].VNC.Err() == nil {
		t.Errorf("the screen: %+v, want one that has shown something and is closed", opened)
	}
	if left := names(t, filepath.Dir(b.Output)); !cmp.Equal(left, []string{"canary", "out.qcow2", "out.qcow2.json"}) {
		t.Error(left)
	}
	checkArtifact(t, b, a)
	checkPhases(t, r, a)
}

// content returns the first 512 bytes of the disk in an image.
func content(t *testing.T, image string) []byte {
	t.Helper()
	raw := filepath.Join(t.TempDir(), "raw")
	if out, err := exec.Command("qemu-img", "convert", "-O", "raw", image, raw).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(raw)
	if err != nil || len(data) != 1<<20 {
		t.Fatal(len(data), err)
	}
	return data[:512]
}

func checkArtifact(t *testing.T, b *Build, a *Artifact) {
	t.Helper()
	size, digest, err := digest(t.Context(), b.Output)
	if err != nil {
		t.Fatal(err)
	}
	if a.Path != b.Output || a.Size != size || a.Digest != digest || a.VirtualSize != 1<<20 || a.Format != qemuimg.Qcow2 ||
		a.Accel != qemu.TCG || a.QEMU == "" || a.Name != "out" || !strings.HasPrefix(a.Medium, "sha256:") || a.Built.IsZero() {
		t.Errorf("%+v", a)
	}
	text, err := os.ReadFile(b.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	var read Artifact
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	want := *a
	want.Phases = nil
	for _, p := range a.Phases {
		want.Phases = append(want.Phases, PhaseDone{p.Phase, p.Took.Round(1e6)})
	}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("the manifest (-artifact +manifest):\n%s", diff)
	}
	// Both have the mode that the umask leaves to any new file.
	f, err := os.Create(filepath.Join(t.TempDir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, path := range []string{b.Output, b.Manifest} {
		if got, want := mode(t, path), mode(t, f.Name()); got != want {
			t.Errorf("%s has the mode %v, a new file %v", path, got, want)
		}
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func checkPhases(t *testing.T, r *events, a *Artifact) {
	t.Helper()
	all := []Phase{PhaseCheck, PhaseFetch, PhasePrepare, PhaseBoot, PhaseSteps, PhaseShutdown, PhasePublish}
	var want, got []string
	for _, p := range all {
		want = append(want, fmt.Sprint("+", p), fmt.Sprint("-", p))
	}
	for _, e := range r.list() {
		switch e := e.(type) {
		case PhaseStarted:
			got = append(got, fmt.Sprint("+", e.Phase))
		case PhaseDone:
			got = append(got, fmt.Sprint("-", e.Phase))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(a.Phases) != len(all) {
		t.Error(a.Phases)
	}
	if steps := only[StepDone](r); len(steps) != 3 || steps[2].Index != 2 || steps[2].Total != 3 || steps[2].Err != nil {
		t.Errorf("%+v", steps)
	}
	var machine []string
	for _, e := range only[Machine](r) {
		machine = append(machine, fmt.Sprintf("%T", e.Event))
	}
	if len(machine) < 3 || machine[0] != "qemu.Started" || machine[len(machine)-1] != "qemu.Exited" {
		t.Error(machine)
	}
}

// A guest that switches itself off when it is done.
func TestWaitShutdown(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Install, ready(), do("switch off by key", func(ctx context.Context, g *Guest) error {
		// The guest may be gone before it is known to have taken the key.
		_ = g.Type(ctx, "<esc>", nil)
		return g.WaitShutdown(ctx)
	}))
	if _, err := b.Run(soon(t)); err != nil {
		t.Fatal(err)
	}
	b, _ = newBuild(t, guest.PowerOff, do("look away", func(ctx context.Context, g *Guest) error {
		<-g.VM.Done()
		return nil
	}), WaitShutdown())
	if _, err := b.Run(soon(t)); err != nil {
		t.Error("the guest was off before the step:", err)
	}
}

// A guest that the last key of a boot command switches off may be gone before it
// is known to have taken that. The command has done its work all the same, which
// nothing but the guest's end can follow.
func TestSwitchedOffByKey(t *testing.T) {
	t.Parallel()
	off := func() (*Build, *events) { return newBuild(t, guest.Install, ready(), Type("<esc>")) }
	b, _ := off()
	b.Steps = append(b.Steps, WaitShutdown())
	if _, err := b.Run(soon(t)); err != nil {
		t.Error(err)
	}
	b, _ = off()
	if _, err := b.Run(soon(t)); err != nil {
		t.Error("as the last step:", err)
	}
	b, _ = off()
	b.Steps = append(b.Steps, WaitText("never"))
	fails(t, b, 20*time.Second, "the guest switched itself off", "wait until the screen shows")
	b, _ = newBuild(t, guest.Install, ready(), Type("<esc><wait1m>x"))
	fails(t, b, 20*time.Second, "the guest switched itself off", "type the boot command")
}

// The working directory may change during the build.
func TestRelativeOutput(t *testing.T) {
	b, _ := newBuild(t, guest.Button, do("change the directory", func(context.Context, *Guest) error {
		return os.Chdir("/")
	}), ready())
	t.Chdir(filepath.Dir(b.Output))
	whole := b.Output
	b.Output, b.Manifest = "out.qcow2", "out.json"
	a, err := b.Run(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if b.Output != "out.qcow2" {
		t.Error("Run has written to the Build:", b.Output)
	}
	if _, err := os.Stat(whole); err != nil || a.Path != whole {
		t.Error(a.Path, err)
	}
}

// Two runs of one Build do not disturb each other, and only one of them can
// have the output.
func TestParallel(t *testing.T) {
	t.Parallel()
	var met sync.WaitGroup
	met.Add(2)
	b, _ := newBuild(t, guest.Button, ready(), do("meet", func(context.Context, *Guest) error {
		met.Done()
		met.Wait()
		return nil
	}))
	errs := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := b.Run(soon(t))
			errs <- err
		}()
	}
	first, second := <-errs, <-errs
	if first == nil {
		first, second = second, first
	}
	if second != nil || !errors.Is(first, fs.ErrExist) {
		t.Errorf("%v\n%v", first, second)
	}
	b.Overwrite = true
	met.Add(2)
	other := *b
	other.Output = filepath.Join(filepath.Dir(b.Output), "other.qcow2")
	for _, b := range []*Build{b, &other} {
		go func() {
			_, err := b.Run(soon(t))
			errs <- err
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Error(err)
	}
}

// What appears where the output is to go while the build runs stays as it is.
func TestOutputAppears(t *testing.T) {
	t.Parallel()
	for _, manifest := range []bool{false, true} {
		b, _ := newBuild(t, guest.Button)
		b.Manifest = b.Output + ".json"
		path := b.Output
		if manifest {
			path = b.Manifest
		}
		b.Steps = []Step{do("intrude", func(context.Context, *Guest) error {
			return os.WriteFile(path, []byte("mine"), 0o600)
		}), ready()}
		if _, err := b.Run(soon(t)); !errors.Is(err, fs.ErrExist) {
			t.Error(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "mine" {
			t.Errorf("%q, %v", text, err)
		}
		if left := names(t, filepath.Dir(b.Output)); len(left) != 2 {
			t.Error(left)
		}
	}
}

// With Overwrite the old image and manifest are there until the new ones are.
func TestOverwrite(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button, ready())
	b.Manifest, b.Overwrite = b.Output+".json", true
	for _, path := range []string{b.Output, b.Manifest} {
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	failing := *b
	failing.Steps = []Step{do("fail", func(context.Context, *Guest) error { return errors.New("no") })}
	if _, err := failing.Run(soon(t)); err == nil {
		t.Error("no error")
	}
	for _, path := range []string{b.Output, b.Manifest} {
		if text, err := os.ReadFile(path); err != nil || string(text) != "old" {
			t.Errorf("after a failure: %q, %v", text, err)
		}
	}
	a, err := b.Run(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	checkArtifact(t, b, a)
}
