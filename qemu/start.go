package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// timing is how long things may take. It is a value so that tests can shorten
// what they cannot wait for.
type timing struct {
	start       time.Duration // until QEMU answers: seconds on a busy host without KVM
	beat        time.Duration // between questions whether QEMU still answers
	beatLimit   time.Duration // until it counts as hung
	quit        time.Duration // for the quit command of Close
	terminate   time.Duration // for SIGTERM after it
	kill        time.Duration // for SIGKILL after that
	afterQMP    time.Duration // for the process to follow its QMP connection
	powerAgain  []time.Duration
	keysPatient time.Duration // without a key being taken
}

var usual = timing{
	start:     30 * time.Second,
	beat:      5 * time.Second,
	beatLimit: 15 * time.Second,
	quit:      2 * time.Second,
	terminate: 3 * time.Second,
	kill:      10 * time.Second,
	afterQMP:  30 * time.Second,
	// Many guests miss the first press, their ACPI not being ready.
	powerAgain:  []time.Duration{10 * time.Second, 20 * time.Second},
	keysPatient: 30 * time.Second,
}

// Start checks c as [Config.Preflight] does and starts the machine. When it
// returns, the guest runs and nothing of what it did was missed. ctx bounds
// the start only; the machine lives until the guest switches it off, or until
// [VM.Close], which must be called in any case.
//
// If QEMU does not come up the error is a [*StartError] with its own words.
func Start(ctx context.Context, c *Config) (*VM, error) {
	return start(ctx, c, usual)
}

func start(ctx context.Context, c *Config, t timing) (*VM, error) {
	c = c.clone()
	h, err := c.Preflight(ctx)
	if err != nil {
		return nil, err
	}
	dir, owned, err := c.scratch()
	if err != nil {
		return nil, err
	}
	vm, err := startIn(ctx, c, h, dir, t)
	if err != nil {
		if owned {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, err
	}
	if owned {
		vm.scratch = dir
	}
	go vm.watch()
	go vm.tell()
	return vm, nil
}

// clone copies c and its slices, so that the caller may change its own.
func (c *Config) clone() *Config {
	d := *c
	d.Disks, d.CDROMs, d.Args = slices.Clone(c.Disks), slices.Clone(c.CDROMs), slices.Clone(c.Args)
	d.NICs, d.Shares, d.FwCfg = slices.Clone(c.NICs), slices.Clone(c.Shares), slices.Clone(c.FwCfg)
	if c.Kernel != nil {
		kernel := *c.Kernel
		d.Kernel = &kernel
	}
	if c.TPM != nil {
		tpm := *c.TPM
		d.TPM = &tpm
	}
	for i := range d.NICs {
		d.NICs[i].Forwards = slices.Clone(d.NICs[i].Forwards)
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	return &d
}

// scratch returns the directory of the machine's own files, and whether it is
// to be removed at the end.
func (c *Config) scratch() (dir string, owned bool, err error) {
	if c.Dir != "" {
		return c.Dir, false, nil
	}
	dir, err = os.MkdirTemp("", "bootscribe-vm-") // with mode 0700
	if err != nil {
		return "", false, fmt.Errorf("qemu: scratch directory: %w", err)
	}
	return dir, true, nil
}

// startIn starts the machine with its files in dir.
func startIn(ctx context.Context, c *Config, h *Host, dir string, t timing) (*VM, error) {
	if err := c.prepareVars(h, dir); err != nil {
		return nil, err
	}
	serial, err := c.makeSerial(dir)
	if err != nil {
		return nil, err
	}
	defer serial.remove()
	if serial != nil {
		h.serial = serial.path
	}
	args, err := c.CommandLine(h)
	if err != nil {
		return nil, err
	}
	b, err := c.startBeside(h, dir)
	if err != nil {
		return nil, err
	}
	c.Logger.Debug("qemu: starting", "binary", h.Binary, "args", args)
	l := &launch{binary: h.Binary, args: args, window: c.Display != "", serial: serial, debug: c.DebugConsole != nil, more: b.inherited(), limit: t.start}
	if err := l.start(ctx); err != nil {
		return nil, b.abandon(err)
	}
	vm := newVM(c, h, l, dir, t)
	vm.beside = b
	if err := vm.begin(ctx); err != nil {
		return nil, b.abandon(l.abandon(err))
	}
	return vm, nil
}

// prepareVars makes the machine's own copy of the UEFI variables.
func (c *Config) prepareVars(h *Host, dir string) error {
	fw := c.firmware(h)
	if !c.uefi() || fw.Vars == "" {
		return nil
	}
	if fw.VarsFile == "" {
		fw.VarsFile = filepath.Join(dir, "efivars.fd")
		h.Firmware.VarsFile = fw.VarsFile
	}
	err := copyNew(fw.Vars, fw.VarsFile)
	if errors.Is(err, os.ErrExist) {
		return nil // of an earlier run: keep its boot entries
	}
	if err != nil {
		return fmt.Errorf("qemu: UEFI variables: %w", err)
	}
	return nil
}

// copyNew copies a file to a path where nothing is yet.
func copyNew(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err = errors.Join(err, dst.Close()); err != nil {
		os.Remove(to)
	}
	return err
}

// launch starts QEMU and connects to it.
type launch struct {
	binary string
	args   []string
	window bool
	serial *serialPipes // nil for none
	debug  bool
	more   []*os.File    // QEMU's descriptors after those of its lines; closed when it has them
	limit  time.Duration // until the greeting

	proc      *process
	qmp       *qmp.Conn
	line      *serialLine // the serial port; nil without one
	debugLine net.Conn    // the debug console; nil without one
}

// start returns when QEMU has greeted.
func (l *launch) start(ctx context.Context) error {
	conn, files, err := l.connect()
	files = append(files, l.more...)
	if err == nil {
		l.proc, err = startProcess(l.binary, l.args, "", environment(l.window), files)
		if err != nil {
			err = &StartError{Args: l.command(), Status: -1, Err: err}
		}
	}
	for _, f := range files {
		if f != nil {
			f.Close() // QEMU's end only: its death must end the connection
		}
	}
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		l.closeLines()
		return err
	}
	return l.greet(ctx, conn)
}

// connect makes the machine's lines. The files are QEMU's ends, the first of
// which is to be its descriptor 3; nil stands for one that is not used. They
// are to be closed after an error too.
func (l *launch) connect() (control net.Conn, files []*os.File, err error) {
	for _, line := range []struct {
		name string
		ours *net.Conn
		used bool
	}{{"QMP", &control, true}, {"debug console", &l.debugLine, l.debug}} {
		if !line.used {
			files = append(files, nil)
			continue
		}
		conn, theirs, err := socketPair(line.name)
		if err != nil {
			return control, files, fmt.Errorf("qemu: %s connection: %w", line.name, err)
		}
		*line.ours = conn
		files = append(files, theirs)
	}
	return control, files, nil
}

func (l *launch) greet(ctx context.Context, conn net.Conn) error {
	limited, cancel := context.WithTimeoutCause(ctx, l.limit,
		fmt.Errorf("QEMU did not answer within %v", l.limit))
	defer cancel()
	var err error
	if l.qmp, err = qmp.NewConn(limited, conn); err != nil {
		return l.abandon(err)
	}
	if l.line, err = l.serial.open(); err != nil {
		return l.abandon(err)
	}
	return nil
}

// abandon ends QEMU after a failure and returns the error that tells of it.
func (l *launch) abandon(err error) error {
	if l.qmp != nil {
		l.qmp.Close()
	}
	e := &StartError{Args: l.command(), Status: -1, Err: err}
	// A QEMU that refuses its arguments closes the connection and then exits:
	// its status is worth the moment.
	if l.proc.waitFor(500 * time.Millisecond) {
		e.Status, e.Signal = l.proc.status()
		e.Err = fmt.Errorf("QEMU ended at once (%s)", ending(e.Status, e.Signal))
	} else {
		l.proc.proc.Kill()
		<-l.proc.done
	}
	e.Stderr = l.proc.output.String()
	l.closeLines()
	return e
}

func ending(status int, signal string) string {
	if signal != "" {
		return "signal: " + signal
	}
	return fmt.Sprintf("status %d", status)
}

func (l *launch) closeLines() {
	if l.line != nil {
		l.line.Close()
	}
	if l.debugLine != nil {
		l.debugLine.Close()
	}
}

func (l *launch) command() []string { return append([]string{l.binary}, l.args...) }
