package imagebuild

import (
	"context"
	"net"
	"path/filepath"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/ssh"
)

// prepare makes and starts what the machine needs.
func (r *run) prepare(ctx context.Context) error {
	var err error
	if r.scratch, err = newScratch(filepath.Dir(r.b.Output)); err != nil {
		return err
	}
	if err := r.makeMedia(ctx); err != nil {
		return err
	}
	if r.b.temporaryKey() {
		if r.key, err = ssh.NewKey(); err != nil {
			return err
		}
	}
	if err := r.serve(); err != nil {
		return err
	}
	if err := r.makeSeed(ctx); err != nil {
		return err
	}
	// Now the boot commands are known to the letter.
	return r.b.validateSteps(r.vars)
}

// makeMedia makes the disk and the floppy.
func (r *run) makeMedia(ctx context.Context) error {
	if err := r.makeDisk(ctx); err != nil {
		return err
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
		r.vars = r.b.vars("", 0, key)
		return nil
	}
	listener, host, err := r.b.listen()
	if err != nil {
		return err
	}
	at := listener.Addr().(*net.TCPAddr)
	r.vars = r.b.vars(host, at.Port, key)
	config := r.b.fileServer(r.vars)
	config.AllowRoutable = !at.IP.IsLoopback() // by what HTTP says
	config.Observe = func(req httpserve.Request) {
		r.emit(Requested{req})
		r.misses.requested(req)
	}
	r.server, err = httpserve.Serve(listener, config)
	return err
}

// fileServer returns what is served to the guest.
func (b *Build) fileServer(v Vars) *httpserve.Config {
	c := &httpserve.Config{Files: b.Files, Templates: b.Templates}
	if b.Templates != nil {
		c.Data = v
	}
	return c
}
