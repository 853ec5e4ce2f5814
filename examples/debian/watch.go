package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bootscribe/bootscribe/view"
)

// watched records a build. The recording stays if it was asked for, or if the
// build fails.
type watched struct {
	rec    *view.Recorder
	dir    string // of the trace
	report string // the path of the page
	keep   bool
}

func watch(o options) (*watched, error) {
	w := &watched{dir: o.trace, report: o.out + ".report.html", keep: o.trace != ""}
	if !w.keep {
		dir, err := os.MkdirTemp(filepath.Dir(o.out), filepath.Base(o.out)+".trace-")
		if err != nil {
			return nil, err
		}
		w.dir = dir
	}
	var err error
	w.rec, err = view.Record(&view.RecordConfig{Dir: w.dir, Title: filepath.Base(o.out), Keep: view.Always})
	if err != nil && !w.keep {
		err = errors.Join(err, os.Remove(w.dir))
	}
	return w, err
}

// finish ends the recording of a build that has ended so, and says where it is.
func (w *watched) finish(failed error) error {
	if err := w.rec.Finish(failed); err != nil {
		return err
	}
	if failed == nil && !w.keep {
		return os.RemoveAll(w.dir)
	}
	f, err := os.Create(w.report)
	if err != nil {
		return err
	}
	if err := errors.Join(view.Report(f, w.dir), f.Close()); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("what there was to see is in %s, and in %s", w.report, w.dir)
	}
	fmt.Printf("%s: what there was to see\n", w.report)
	return nil
}
