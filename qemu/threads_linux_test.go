package qemu

import (
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Threads that come and go in the embedding program do not take QEMU along,
// which the kernel would kill with the thread that started it. That this thread
// ends without the lock takes luck (one run in ten on a busy machine), so the
// lock itself is looked for as well: the runtime names it in a trace.
func TestThreadsEnding(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	p, err := startProcess(sleep, []string{"60"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.proc.Kill()
		<-p.done
	}()
	if head := goroutineIn(t, "(*process).run("); !strings.Contains(head, "locked to thread") {
		t.Errorf("the goroutine that waits for the program is free to change its thread: %s", head)
	}
	endThreads(50)
	time.Sleep(50 * time.Millisecond) // for a signal to arrive and be noticed
	if isClosed(p.done) {
		t.Errorf("the program is gone: %v", p.err)
	}
}

// goroutineIn returns the first line of the trace of a goroutine that is in a
// function.
func goroutineIn(t *testing.T, function string) string {
	t.Helper()
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for trace := range strings.SplitSeq(string(buf), "\n\n") {
		if head, frames, _ := strings.Cut(trace, "\n"); strings.Contains(frames, function) {
			return head
		}
	}
	t.Fatalf("no goroutine is in %s", function)
	return ""
}

// endThreads ends n threads, those first that run no goroutine.
func endThreads(n int) {
	all := make(chan struct{})
	var locked, ended sync.WaitGroup
	for range n {
		locked.Add(1)
		ended.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends
			locked.Done()
			<-all
		})
	}
	locked.Wait()
	close(all)
	ended.Wait()
}
