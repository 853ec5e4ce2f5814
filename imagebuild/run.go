package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/vnc"
)

// run is one execution of a Build. Each phase uses what the ones before it made.
type run struct {
	b       *Build
	began   time.Time
	scratch *scratch

	observe sync.Mutex // one event at a time
	phases  []PhaseDone

	medium *iso.Medium
	media  media
	server *httpserve.Server
	key    *ssh.Key // the temporary one, or nil
	vars   Vars

	vm      *qemu.VM
	version string // QEMU's
	guest   *Guest
	machine *watch
}

// Run builds the image: it fetches and verifies the medium, makes the disk,
// serves the files, starts the machine, runs the steps, switches the machine
// off and publishes its disk. When it returns, nothing that it started is left:
// no process, goroutine, port or file but the image, its manifest and the
// medium in the cache. That holds for errors too, and no image is made then;
// after a kill of the whole program the machine ends with it, and the next Run
// with an Output in the same directory removes what lies about there.
//
// What is wrong before the machine starts is reported all at once, as by
// Validate. The failure of a step is a [*StepError]. When ctx ends, Run returns
// within some seconds with an error that wraps the context's cause.
func (b *Build) Run(ctx context.Context) (*Artifact, error) {
	r := &run{b: b, began: time.Now()}
	artifact, err := r.all(ctx)
	if err := errors.Join(err, r.release()); err != nil {
		return nil, err
	}
	return artifact, nil
}

func (r *run) all(ctx context.Context) (*Artifact, error) {
	var artifact *Artifact
	for _, p := range []struct {
		phase Phase
		do    func(context.Context) error
	}{
		{PhaseCheck, r.b.Validate},
		{PhaseFetch, r.fetch},
		{PhasePrepare, r.prepare},
		{PhaseBoot, r.boot},
		{PhaseSteps, r.steps},
		{PhaseShutdown, r.shutdown},
		{PhasePublish, func(ctx context.Context) (err error) { artifact, err = r.publish(ctx); return err }},
	} {
		if err := r.phase(ctx, p.phase, p.do); err != nil {
			return nil, err
		}
	}
	artifact.Phases = r.phases
	return artifact, r.writeManifest(artifact)
}

func (r *run) phase(ctx context.Context, p Phase, do func(context.Context) error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("imagebuild: %w", context.Cause(ctx))
	}
	r.emit(PhaseStarted{p})
	began := time.Now()
	if err := do(ctx); err != nil {
		return err
	}
	done := PhaseDone{p, time.Since(began)}
	r.phases = append(r.phases, done)
	r.emit(done)
	return nil
}

func (r *run) emit(e Event) {
	if r.b.Observe == nil {
		return
	}
	r.observe.Lock()
	defer r.observe.Unlock()
	r.b.Observe(e)
}

func (r *run) fetch(ctx context.Context) error {
	f := r.b.Fetcher
	f.Observe = func(e iso.Event) {
		if r.b.Fetcher.Observe != nil {
			r.b.Fetcher.Observe(e)
		}
		r.emit(Fetched{e})
	}
	medium, err := f.Fetch(ctx, r.b.Media)
	if err != nil {
		return err
	}
	r.medium, r.media.medium = medium, medium.Path
	return nil
}

func (r *run) boot(ctx context.Context) error {
	config := r.b.machine(r.media)
	config.Dir = r.scratch.dir
	r.machine = newWatch()
	lines := &lineWriter{line: func(s string) { r.emit(ConsoleLine{s}) }}
	config.Console = teeWriter{lines, r.b.Console, r.b.VM.Console}
	config.Observe = func(e qemu.Event) {
		if started, ok := e.(qemu.Started); ok {
			r.version = started.Version
		}
		if r.b.VM.Observe != nil {
			r.b.VM.Observe(e)
		}
		r.emit(Machine{e})
		r.machine.event(e)
	}
	vm, err := qemu.Start(ctx, &config)
	if err != nil {
		return err
	}
	r.vm = vm
	r.machine.follow(vm)
	if err := r.medium.Check(); err != nil {
		return err
	}
	return r.look(ctx)
}

// look opens the machine's screen and keyboard.
func (r *run) look(ctx context.Context) error {
	r.guest = &Guest{Vars: r.vars, VM: r.vm, run: r}
	if r.b.VM.VGA == "none" {
		return nil
	}
	nc, err := r.vm.VNC(ctx)
	if err != nil {
		return err
	}
	r.guest.VNC, err = vnc.NewConn(ctx, nc, nil)
	return err
}

// release ends and removes all that is still there.
func (r *run) release() error {
	var errs []error
	if r.guest != nil {
		r.guest.close()
	}
	if r.vm != nil {
		errs = append(errs, r.vm.Close())
		r.machine.wait()
	}
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	if r.scratch != nil {
		errs = append(errs, r.scratch.remove())
	}
	return errors.Join(errs...)
}

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
	// Now the boot commands are known to the letter.
	return r.b.validateSteps(r.vars)
}
