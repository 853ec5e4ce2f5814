package qemuimg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Tool is the program qemu-img. The zero value is the one in PATH. Its methods
// may be called from several goroutines at once.
type Tool struct {
	Path string // of qemu-img; "" finds it in PATH
}

// Error is a qemu-img that could not be run or did not end well.
type Error struct {
	Args   []string // without the program's name
	Stderr string   // the last that it said there, at most 4 KiB
	Err    error    // often an *exec.ExitError
}

// Error returns what qemu-img said, and how it ended.
func (e *Error) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("qemu-img %s: %v", e.Args[0], e.Err)
	}
	return fmt.Sprintf("qemu-img %s: %s (%v)", e.Args[0], e.Stderr, e.Err)
}

// Unwrap returns the cause, which is or wraps ctx.Err() after a context ended.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, syscall.ENOSPC) true where qemu-img says that the
// disk is full.
func (e *Error) Is(target error) bool {
	return target == syscall.ENOSPC && strings.Contains(e.Stderr, "No space left on device")
}

// maxOutput bounds what is kept of qemu-img's standard output.
const maxOutput = 16 << 20

// output runs qemu-img and returns what it prints, also where it fails.
func (t *Tool) output(ctx context.Context, args ...string) ([]byte, error) {
	var out head
	err := t.run(ctx, &out, args...)
	return out.buf.Bytes(), err
}

// run runs qemu-img until it ends or ctx does. An error is an *Error, or says
// that there is no such program.
func (t *Tool) run(ctx context.Context, stdout io.Writer, args ...string) error {
	path, err := t.find()
	if err != nil {
		return err
	}
	var stderr tail
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C") // we read what it prints
	cmd.Stdout, cmd.Stderr = stdout, &stderr
	cmd.WaitDelay = 2 * time.Second
	prepare(cmd)
	if err := runPinned(cmd); err != nil {
		if ctx.Err() != nil {
			err = ctxError(ctx)
		}
		return &Error{args, stderr.String(), err}
	}
	return nil
}

func (t *Tool) find() (string, error) {
	name := t.Path
	if name == "" {
		name = "qemu-img"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w; install qemu-utils (qemu-img on Fedora, qemu on macOS) or set Tool.Path", err)
	}
	return filepath.Abs(path)
}

// runPinned runs cmd from a thread that lives until cmd has ended: a child
// that is to die with its parent dies with the very thread that started it
// (go.dev/issue/27505).
func runPinned(cmd *exec.Cmd) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- cmd.Run()
	}()
	return <-done
}

// ctxError returns why ctx ended: always what ctx.Err says, and the cause
// where one was given.
func ctxError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// absolute returns path in a form in which qemu-img takes no part of it for
// an option or a protocol.
func absolute(path string) (string, error) {
	if path == "" {
		return "", errNoPath
	}
	if strings.ContainsRune(path, 0) {
		return "", errors.New("the path contains a zero byte")
	}
	return filepath.Abs(path)
}

// head keeps the first maxOutput bytes.
type head struct{ buf bytes.Buffer }

func (h *head) Write(p []byte) (int, error) {
	h.buf.Write(p[:min(len(p), maxOutput-h.buf.Len())])
	return len(p), nil
}

// tail keeps the last 4 KiB.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	const size = 4 << 10
	t.buf = append(t.buf, p[max(0, len(p)-size):]...)
	if len(t.buf) > size {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-size:]...)
	}
	return len(p), nil
}

// String returns the text as one line, without the program's name before each.
func (t *tail) String() string {
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.buf), "�")) {
		if line = strings.TrimSpace(strings.TrimPrefix(line, "qemu-img: ")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}
