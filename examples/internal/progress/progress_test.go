package progress

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/keyseq"
)

var times = regexp.MustCompile(`(?m)^ *\d+\.\ds  `)

// Without a terminal there are lines and no control characters; what takes no
// time is not mentioned twice.
func TestPlain(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	r := New(f)
	for _, e := range []imagebuild.Event{
		imagebuild.PhaseStarted{Phase: imagebuild.PhaseSteps},
		imagebuild.StepStarted{Step: "type", Index: 0, Total: 2},
		imagebuild.Typed{Progress: keyseq.Progress{Index: 1, Total: 100}},
		imagebuild.StepDone{Step: "type", Index: 0, Total: 2, Took: time.Millisecond},
		imagebuild.StepStarted{Step: "install", Index: 1, Total: 2},
		imagebuild.Progress{What: "copying", Done: 1, Total: 100},
		imagebuild.Progress{What: "copying", Done: 50, Total: 100},
		imagebuild.Progress{What: "without an end"},
		imagebuild.ConsoleLine{Line: "for -v only"},
		imagebuild.Output{Line: "hello"},
		imagebuild.StepDone{Step: "install", Index: 1, Total: 2, Took: 90 * time.Second, Err: errors.New("no")},
		imagebuild.PhaseDone{Phase: imagebuild.PhaseSteps, Took: 91 * time.Second},
	} {
		if p, ok := e.(imagebuild.Progress); ok && p.Done == 50 {
			r.said = time.Now().Add(-sayEvery) // as if it had taken that long
		}
		r.Observe(e)
	}
	r.Close()
	got, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	const want = `step 1/2  type
step 2/2  install
copying: 50 %
  | hello
step 2/2  failed after 90.0 s
steps    done in 91.0 s
`
	if d := cmp.Diff(want, times.ReplaceAllString(string(got), "")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
