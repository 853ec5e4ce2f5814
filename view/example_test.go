package view_test

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/view"
)

// A build that can be watched in a browser, and leaves a report if it fails.
func Example() {
	build := imagebuild.Build{
		Output: "debian.qcow2",
		Media:  iso.Source{URLs: []string{"debian-12.5.0-amd64-netinst.iso"}, Checksum: "file:SHA256SUMS"},
	}
	if err := watched(context.Background(), build); err != nil {
		log.Fatal(err)
	}
}

func watched(ctx context.Context, build imagebuild.Build) error {
	rec, err := view.Record(&view.RecordConfig{Dir: "trace", Title: "debian"})
	if err != nil {
		return err
	}
	live := view.NewLive(&view.LiveConfig{Title: "debian"})
	defer live.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, rec.Finish(nil))
	}
	server := &http.Server{Handler: live}
	defer server.Close()
	go server.Serve(listener)
	log.Printf("watch it at http://%s/", listener.Addr())

	build.Observe = func(e imagebuild.Event) {
		rec.Observe(e)
		live.Observe(e)
	}
	_, failed := build.Run(ctx)
	live.Finish(failed)
	if err := rec.Finish(failed); err != nil || failed == nil {
		return errors.Join(failed, err)
	}
	report, err := os.Create("report.html")
	if err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, view.Report(report, "trace"), report.Close())
}
