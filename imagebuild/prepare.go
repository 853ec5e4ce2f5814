package imagebuild

import (
	"context"
	"net"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// makeMedia makes the disk, the seed CD and the floppy.
func (r *run) makeMedia(ctx context.Context) error {
	var tool qemuimg.Tool
	r.media.disk = r.scratch.path("disk.qcow2")
	if err := tool.Create(ctx, r.media.disk, qemuimg.CreateOptions{Size: r.b.diskSize()}); err != nil {
		return err
	}
	if r.b.Seed != nil {
		r.media.seed = r.scratch.path("seed.iso")
		if err := r.b.Seed.CreateCD(ctx, r.media.seed); err != nil {
			return err
		}
	}
	if r.b.Floppy != nil {
		r.media.floppy = r.scratch.path("floppy.img")
		return r.b.Floppy.CreateFloppy(ctx, r.media.floppy)
	}
	return nil
}

// serve starts the server for the guest's files. It listens before it renders
// the templates, which may name the port.
func (r *run) serve() error {
	key := ""
	if r.key != nil {
		key = r.key.AuthorizedKey()
	}
	if !r.b.serves() {
		r.vars = r.b.vars(0, key)
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	r.vars = r.b.vars(listener.Addr().(*net.TCPAddr).Port, key)
	r.server, err = httpserve.Serve(listener, &httpserve.Config{
		Files:     r.b.Files,
		Templates: r.b.Templates,
		Data:      r.vars,
		Observe:   func(req httpserve.Request) { r.emit(Requested{req}) },
	})
	return err
}
