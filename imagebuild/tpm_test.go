package imagebuild

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
)

// What the TPM remembers is kept if that is asked for, beside the image, and
// lost otherwise.
func TestTPMState(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	for _, keep := range []bool{false, true} {
		b, _ := newBuild(t, guest.Button, ready(), do("look", func(ctx context.Context, g *Guest) error {
			var chips []any
			if err := g.VM.QMP().Execute(ctx, "query-tpm", nil, &chips); err != nil || len(chips) != 1 {
				t.Errorf("query-tpm: %v, %v", chips, err)
			}
			return nil
		}))
		b.VM.TPM = &qemu.TPM{}
		want := []string{"canary", "out.qcow2"}
		if keep {
			b.TPMState, b.Manifest = b.Output+".tpm", b.Output+".json"
			want = append(want, "out.qcow2.json", "out.qcow2.tpm")
		}
		a, err := b.Run(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(b.Output)
		if diff := cmp.Diff(want, names(t, dir)); diff != "" {
			t.Error(diff)
		}
		if !keep {
			continue
		}
		if fi, err := os.Stat(b.TPMState); err != nil || fi.Size() == 0 || fi.Mode() != mode(t, b.Output) || a.TPMState != b.TPMState {
			t.Errorf("%v, %v, %+v", fi, err, a)
		}
		if text, err := os.ReadFile(b.Manifest); err != nil || !strings.Contains(string(text), `"tpm_state": "`+b.TPMState+`"`) {
			t.Errorf("the manifest: %s, %v", text, err)
		}
		// A file that is there is not replaced, and then nothing is made.
		again := *b
		again.Output, again.Manifest = filepath.Join(dir, "b.qcow2"), ""
		if _, err := again.Run(soon(t)); err == nil || !strings.Contains(err.Error(), "TPMState") {
			t.Errorf("where there is a file: %v", err)
		}
	}
}

// A machine whose TPM dies is of no use, and the error says what has died.
func TestTPMDies(t *testing.T) {
	t.Parallel()
	need.Tool(t, "swtpm")
	b, _ := newBuild(t, guest.Button, ready())
	b.VM.TPM = &qemu.TPM{}
	b.Steps = append(b.Steps, do("kill it", func(ctx context.Context, g *Guest) error {
		for pid, args := range processes(t, filepath.Dir(b.Output)) {
			if p, err := os.FindProcess(pid); err == nil && strings.Contains(args, "--tpmstate") {
				p.Kill()
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}))
	step := fails(t, b, time.Minute, "the machine's TPM has ended: swtpm ended (signal: killed)")
	var machine *MachineError
	if !errors.As(step, &machine) || step.Name() != "tpm-ended" {
		t.Errorf("%q, %v", step.Name(), step)
	}
}

func TestTPMStateWithoutTPM(t *testing.T) {
	t.Parallel()
	b, _ := newBuild(t, guest.Button)
	b.TPMState = b.Output
	err := b.Validate(soon(t))
	for _, want := range []string{"TPMState: is the same file as Output", "TPMState: there is no TPM"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}
