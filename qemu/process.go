package qemu

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// process is a running program that dies with this one where the system can
// arrange it, whose output is read whatever it writes.
type process struct {
	pid    int
	output tail          // of standard output and error together
	trace  trace         // what of it is QEMU's trace, which is not kept
	done   chan struct{} // closed when the program has ended and been waited for
	err    error         // of the wait; set before done is closed
	state  *os.ProcessState
	proc   *os.Process
}

// startProcess runs a program with standard input from nothing and files as
// descriptors 3 and up, which stay the caller's. It runs in dir; empty means
// where this program does.
func startProcess(path string, args []string, dir string, env []string, files []*os.File) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = dir, env, files
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = processAttr()
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go p.run(cmd, r, started)
	err = <-started
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	return p, nil
}

// run starts the program and waits for it on one thread. Linux kills a child
// whose parent asked so when the thread that made it ends, not when the
// process does, so this thread must be nobody else's until the child is gone.
func (p *process) run(cmd *exec.Cmd, output *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid, p.proc = cmd.Process.Pid, cmd.Process
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.drain(output)
	}()
	started <- nil
	p.err = cmd.Wait()
	p.state = cmd.ProcessState
	// The last words are in the pipe now. A program that this one started and
	// left behind could hold it open, so it is not waited for without end.
	output.SetReadDeadline(time.Now().Add(time.Second))
	<-read
	output.Close()
	close(p.done)
}

// drain reads to the end, so that the program never waits for us.
func (p *process) drain(output *os.File) {
	buf := make([]byte, 64<<10)
	for {
		n, err := output.Read(buf)
		p.output.Write(p.trace.sift(buf[:n]))
		if err != nil {
			p.output.Write(p.trace.rest())
			return
		}
	}
}

// status returns how the program ended: its exit status, or -1 and the signal.
// Both are unknown, -1 and "", when another part of the embedding program
// waited for our child before us.
func (p *process) status() (int, string) {
	if p.state == nil {
		return -1, ""
	}
	if s := endSignal(p.state); s != "" {
		return -1, s
	}
	return p.state.ExitCode(), ""
}

// signal sends s unless the program has ended.
func (p *process) signal(s os.Signal) error {
	err := p.proc.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// waitFor waits until the program has ended or d has passed.
func (p *process) waitFor(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// environment returns what a program of ours needs to know, and nothing else:
// QEMU has no business with the embedding program's secrets.
func environment(window bool) []string {
	names := []string{"PATH", "HOME", "TMPDIR", "LANG", "SystemRoot"}
	if window {
		names = append(names, "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR")
	}
	env := []string{}
	for _, name := range names {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
