package main

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/view"
)

// watched is what there is to see of a build: a live page, and a trace for the
// report that stays.
type watched struct {
	address string // of the page
	report  string // the path of the report
	trace   string // a directory that does not stay
	live    *view.Live
	rec     *view.Recorder
	server  *http.Server
}

// watch lets a build that makes the image out be watched.
func watch(out string) (*watched, error) {
	w := &watched{report: strings.TrimSuffix(out, filepath.Ext(out)) + "-report.html"}
	title := filepath.Base(out)
	dir, err := os.MkdirTemp("", "demo-trace-")
	if err != nil {
		return nil, err
	}
	w.trace = dir
	if w.rec, err = view.Record(&view.RecordConfig{Dir: dir, Title: title, Keep: view.Always}); err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, w.rec.Finish(nil), os.RemoveAll(dir))
	}
	w.address = "http://" + listener.Addr().String() + "/"
	w.live = view.NewLive(&view.LiveConfig{Title: title})
	w.server = &http.Server{Handler: w.live}
	go w.server.Serve(listener) // until Close
	return w, nil
}

func (w *watched) observe(e imagebuild.Event) {
	w.rec.Observe(e)
	w.live.Observe(e)
}

// finish ends the page and writes the report of a build that has ended so.
func (w *watched) finish(failed error) error {
	w.live.Finish(failed)
	err := errors.Join(w.rec.Finish(failed), w.write(), os.RemoveAll(w.trace))
	return errors.Join(err, w.live.Close(), w.server.Close())
}

// write writes the report, in the place of that of an earlier build.
func (w *watched) write() error {
	f, err := os.CreateTemp(filepath.Dir(w.report), ".demo-report-*")
	if err != nil {
		return err
	}
	err = errors.Join(view.Report(f, w.trace), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), w.report)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
