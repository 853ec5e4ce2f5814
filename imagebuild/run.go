package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/vnc"
)

// run is one execution of a Build. Each phase uses what the ones before it made.
type run struct {
	b         *Build // a copy, with absolute paths
	callbacks callbacks
	observer  observer
	phases    []PhaseDone
	scratch   *scratch

	medium *iso.Medium   // nil without one
	discs  []*iso.Medium // further ones
	base   *base         // nil for a disk that begins empty
	media  media
	server *httpserve.Server
	misses misses
	key    *ssh.Key // the temporary one, or nil
	vars   Vars

	vm       *qemu.VM
	console  *console
	version  string // QEMU's
	guest    *Guest
	machine  *watch
	sentry   *sentry
	artifact *Artifact
	kept     string // where the disk goes if the build fails; empty for nowhere
}

// Run builds the image: it fetches and verifies the medium, makes the disk,
// serves the files, starts the machine, runs the steps, switches the machine
// off and publishes its disk. When it returns, nothing that it started is left:
// no process, goroutine, port or file but the image, its manifest, the medium
// in the cache and what [Guest.KeepDisk] asks for. That holds for errors and panics too, and no image is
// made then; after a kill of the whole program the machine ends with it, and
// the next Run with an Output in the same directory removes what lies about
// there.
//
// What is wrong before the machine starts is reported all at once, as by
// Validate. The failure of a step is a [*StepError]. When ctx ends, Run returns
// within some seconds with an error that wraps the context's cause.
//
// Run changes nothing of the process that it is called in: not its working
// directory, umask, environment or handling of signals; it prints nothing and
// never exits.
func (b *Build) Run(ctx context.Context) (artifact *Artifact, err error) {
	own, err := b.absolute()
	if err != nil {
		return nil, err
	}
	r := &run{b: own}
	ctx, r.callbacks.abort = context.WithCancelCause(ctx)
	r.observer = observer{callbacks: &r.callbacks, observe: b.Observe}
	// Deferred, so that a step that panics or ends its goroutine, as the
	// Fatal of a test does, leaves nothing behind either.
	defer func() {
		if released := r.release(); released != nil {
			artifact, err = nil, errors.Join(err, released)
		}
		r.callbacks.abort(nil)
		r.callbacks.rethrow()
	}()
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	r.kept = "" // it has not failed
	return r.artifact, nil
}

// absolute returns a copy whose paths mean the same when the program changes
// its working directory during the build.
func (b *Build) absolute() (*Build, error) {
	own := *b
	for _, path := range []*string{&own.Output, &own.Manifest, &own.TPMState} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return nil, fmt.Errorf("imagebuild: %w", err)
		}
		*path = abs
	}
	return &own, nil
}

func (r *run) all(ctx context.Context) error {
	for _, p := range []struct {
		phase Phase
		do    func(context.Context) error
	}{
		{PhaseCheck, r.b.Validate},
		{PhaseFetch, r.fetch},
		{PhasePrepare, r.prepare},
		{PhaseBoot, r.boot},
		{PhaseSteps, r.steps},
		{PhaseShutdown, r.end},
		{PhasePublish, r.publish},
	} {
		if err := r.phase(ctx, p.phase, p.do); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) phase(ctx context.Context, p Phase, do func(context.Context) error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("imagebuild: %s: %w", p, context.Cause(ctx))
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

func (r *run) emit(e Event) { r.observer.emit(e) }

// fetch gets the installation medium, the further discs and the image that the
// disk begins as, as far as there are such.
func (r *run) fetch(ctx context.Context) error {
	if r.b.hasMedium() {
		medium, err := r.get(ctx, r.b.Media)
		if err != nil {
			return err
		}
		r.medium, r.media.medium = medium, medium.Path
	}
	for i, s := range r.b.Discs {
		disc, err := r.get(ctx, s)
		if err != nil {
			return fmt.Errorf("imagebuild: Discs[%d]: %w", i, err)
		}
		r.discs, r.media.discs = append(r.discs, disc), append(r.media.discs, disc.Path)
	}
	if r.b.hasImage() {
		image, err := r.get(ctx, r.b.Disk.Image)
		if err != nil {
			return fmt.Errorf("imagebuild: Disk.Image: %w", err)
		}
		r.base = &base{Medium: image}
	}
	return nil
}

func (r *run) get(ctx context.Context, s iso.Source) (*iso.Medium, error) {
	f := r.b.Fetcher
	f.Observe = func(e iso.Event) {
		if r.b.Fetcher.Observe != nil {
			r.callbacks.call(func() { r.b.Fetcher.Observe(e) })
		}
		r.emit(Fetched{e})
	}
	return f.Fetch(ctx, s)
}

// unswapped finds a medium or image that is no longer what was verified. It is
// called when QEMU has opened them.
func (r *run) unswapped() error {
	if r.medium != nil {
		if err := r.medium.Check(); err != nil {
			return err
		}
	}
	for _, d := range r.discs {
		if err := d.Check(); err != nil {
			return err
		}
	}
	if r.base == nil {
		return nil
	}
	return r.base.Check()
}

func (r *run) boot(ctx context.Context) error {
	config := r.b.machine(r.media)
	if config.Dir == "" {
		config.Dir = r.scratch.dir
	}
	r.withTPM(&config)
	r.b.withVars(&config, r.vars)
	var err error
	if r.sentry, err = newSentry(r); err != nil {
		return err
	}
	r.machine = newWatch(r.sentry.panicked)
	r.console = &console{callbacks: &r.callbacks, copies: []io.Writer{r.sentry, r.b.Console, r.b.VM.Console}}
	r.console.lines.line = func(s string) { r.emit(ConsoleLine{s}) }
	config.Console = r.console
	if config.HasDebugPort() && !r.sentry.quiet.Load() {
		config.DebugConsole = debugConsole{r.sentry, r.b.VM.DebugConsole}
	}
	config.Observe = r.machineEvent
	vm, err := qemu.Start(ctx, &config)
	if err != nil {
		return err
	}
	r.vm = vm
	r.machine.follow(vm)
	if err := r.unswapped(); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	r.sentry.start()
	return nil
}

func (r *run) machineEvent(e qemu.Event) {
	if started, ok := e.(qemu.Started); ok {
		r.version = started.Version
	}
	if r.b.VM.Observe != nil {
		r.callbacks.call(func() { r.b.VM.Observe(e) })
	}
	r.emit(Machine{e})
	r.machine.event(e)
}

// look opens the machine's screen and keyboard.
func (r *run) look(ctx context.Context) error {
	r.guest = &Guest{Vars: r.vars, VM: r.vm, run: r}
	if err := r.guest.handle(r.b.Handlers); err != nil {
		return err
	}
	if r.b.VM.VGA == "none" {
		return nil
	}
	nc, err := r.vm.VNC(ctx)
	if err != nil {
		return err
	}
	if r.guest.VNC, err = vnc.NewConn(ctx, nc, nil); err != nil {
		return reason(r.cause(ctx), err)
	}
	r.guest.eye = &eye{conn: r.guest.VNC, vm: r.vm, ocr: r.b.OCR, reader: screen.Reader{Fonts: r.b.Fonts}}
	r.emit(ScreenOpened{r.guest.VNC, r.vm.Viewer()})
	return nil
}

// release ends and removes all that is still there.
func (r *run) release() error {
	var errs []error
	if r.sentry != nil {
		r.sentry.close()
	}
	if r.guest != nil {
		r.guest.close()
	}
	if r.vm != nil {
		errs = append(errs, r.endMachine(), r.keepDisk())
	}
	if r.server != nil {
		errs = append(errs, r.server.Close())
	}
	if r.scratch != nil {
		errs = append(errs, r.scratch.remove())
	}
	r.observer.end()
	return errors.Join(errs...)
}

// endMachine returns when nothing of the machine is left, or with an error when
// it cannot be ended.
func (r *run) endMachine() error {
	if err := r.vm.Close(); err != nil {
		return err
	}
	r.machine.wait()
	r.console.lines.Flush()
	return nil
}
