package qemu

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Threads that come and go in the embedding program do not take QEMU along,
// which the kernel would kill with the thread that started it. That this thread
// ends without the lock takes luck (one run in ten on a busy machine), so the
// lock itself is looked for as well: the runtime names it in a trace.
func TestThreadsEnding(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	ask, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, answer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := startProcess(sh, []string{"-c", "read line <&3; echo lives >&4"}, "", nil, []*os.File{ask, answer})
	ask.Close()
	answer.Close()
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
	endThreads(t, 50)
	// A program that was killed answers nothing more.
	io.WriteString(in, "?\n")
	if said, err := io.ReadAll(out); string(said) != "lives\n" {
		t.Errorf("the program says %q, %v", said, err)
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

// endThreads ends n threads, those first that run no goroutine, and waits until
// the kernel has done with them.
func endThreads(t *testing.T, n int) {
	t.Helper()
	all, tids := make(chan struct{}), make(chan int, n)
	var locked, ended sync.WaitGroup
	for range n {
		locked.Add(1)
		ended.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends
			tids <- syscall.Gettid()
			locked.Done()
			<-all
		})
	}
	locked.Wait()
	close(all)
	ended.Wait()
	limit := time.Now().Add(20 * time.Second)
	for range n {
		tid := <-tids
		for tid != os.Getpid() && threadLives(tid) { // the first thread stays
			if time.Now().After(limit) {
				t.Fatal("a thread does not end")
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func threadLives(tid int) bool {
	_, err := os.Stat("/proc/self/task/" + strconv.Itoa(tid))
	return err == nil
}
