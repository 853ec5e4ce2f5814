//go:build unix

package qmp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu/qmp"
	"github.com/bootscribe/bootscribe/qemu/qmp/qmptest"
)

// socketpair returns two ends of a Unix socket that has no name.
func socketpair(t *testing.T) (net.Conn, *os.File) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	ours := os.NewFile(uintptr(fds[0]), "ours")
	defer ours.Close()
	nc, err := net.FileConn(ours)
	if err != nil {
		t.Fatal(err)
	}
	return nc, os.NewFile(uintptr(fds[1]), "theirs")
}

// startQEMU runs a QEMU without a machine whose monitor is on a socketpair.
func startQEMU(t *testing.T) (*qmp.Conn, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "qemu-system-x86_64"), "-machine", "none", "-nodefaults", "-display", "none",
		"-chardev", "socket,id=m,fd=3", "-mon", "chardev=m,mode=control")
	nc, theirs := socketpair(t)
	var stderr bytes.Buffer
	cmd.Stderr, cmd.ExtraFiles = &stderr, []*os.File{theirs}
	err := cmd.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Log(stderr.String())
		}
	})
	conn, err := qmp.NewConn(soon(t), nc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, cmd
}

func TestQEMU(t *testing.T) {
	conn, _ := startQEMU(t)
	events := conn.Subscribe()
	if v := conn.Greeting().Version; v.Major < 5 {
		t.Error(v)
	}

	var schema []struct {
		Name string
		Meta string `json:"meta-type"`
	}
	if err := conn.Execute(soon(t), "query-qmp-schema", nil, &schema); err != nil || len(schema) < 500 {
		t.Errorf("schema of %d entries, %v", len(schema), err)
	}
	if out, err := conn.HMP(soon(t), "info version"); err != nil || !strings.HasPrefix(out, conn.Greeting().Version.String()[:3]) {
		t.Errorf("%q, %v", out, err)
	}
	err := conn.Execute(soon(t), "device_add", map[string]any{"driver": "bogus"}, nil)
	var refused *qmp.Error
	if !errors.As(err, &refused) || refused.Class != "GenericError" || !strings.Contains(refused.Desc, "bogus") {
		t.Error(err)
	}

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			var status struct{ Status string }
			if err := conn.Execute(soon(t), "query-status", nil, &status); err != nil || status.Status == "" {
				t.Error(status, err)
			}
		})
	}
	wg.Wait()
	if err := conn.Execute(soon(t), "quit", nil, nil); err != nil {
		t.Error(err)
	}
	if e := next(t, events); e.Name != "SHUTDOWN" || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
	if <-conn.Done(); conn.Err() == nil {
		t.Error("no reason for the end")
	}
}

func TestQEMUKilled(t *testing.T) {
	conn, cmd := startQEMU(t)
	events := conn.Subscribe()
	cmd.Process.Kill()
	if e, ok := <-events.C; ok {
		t.Errorf("%+v", e)
	}
	if err := conn.Execute(soon(t), "stop", nil, nil); !errors.Is(err, conn.Err()) {
		t.Error(err)
	}
}

// A file that went to QEMU can be opened there, by many at once.
func TestQEMUFiles(t *testing.T) {
	conn, _ := startQEMU(t)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wg.Go(func() {
			f, err := os.Create(filepath.Join(t.TempDir(), name))
			if err != nil {
				t.Error(err)
				return
			}
			err = conn.ExecuteFD(soon(t), "getfd", map[string]string{"fdname": name}, f)
			f.Close()
			if err == nil {
				err = conn.Execute(soon(t), "closefd", map[string]string{"fdname": name}, nil)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestExecuteFD(t *testing.T) {
	server, err := qmptest.Listen("unix", filepath.Join(t.TempDir(), "s"), qmptest.Script{Handlers: handlers{
		"getfd": func(c *qmptest.Conn, r qmptest.Request) {
			f := c.TakeFile()
			if f == nil {
				c.Refuse(r, "GenericError", "No file descriptor supplied via SCM_RIGHTS")
				return
			}
			defer f.Close()
			text, _ := io.ReadAll(f)
			c.Reply(r, string(text)+string(r.Arguments))
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := qmp.Dial(soon(t), "unix", server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w.WriteString("content")
	w.Close()
	defer r.Close()
	if err := conn.ExecuteFD(soon(t), "getfd", nil, r); err != nil {
		t.Fatal(err)
	}
	err = conn.Execute(soon(t), "getfd", nil, nil)
	if err == nil || err.Error() != "qmp: getfd: No file descriptor supplied via SCM_RIGHTS" {
		t.Error(err)
	}
	want := []string{"qmp_capabilities", "getfd", "getfd"}
	var got []string
	for _, r := range server.Requests() {
		got = append(got, r.Command)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r.Close()
	if err := conn.ExecuteFD(soon(t), "getfd", nil, r); err == nil || !strings.Contains(err.Error(), "use of closed file") {
		t.Error(err)
	}
}

func TestExecuteFDNotUnix(t *testing.T) {
	_, conn := open(t, qmptest.Script{})
	err := conn.ExecuteFD(soon(t), "getfd", nil, os.Stdin)
	if err == nil || !strings.Contains(err.Error(), "only a Unix socket carries files") {
		t.Error(err)
	}
	if err := conn.ExecuteFD(soon(t), "getfd", nil, nil); err == nil || err.Error() != "qmp: getfd: no file given" {
		t.Error(err)
	}
}

// The JSON of a command is made by encoding/json, so a name cannot end it.
func TestQEMUInjection(t *testing.T) {
	conn, _ := startQEMU(t)
	name := "x\"}}\r\n{\"execute\":\"quit\"}"
	err := conn.Execute(soon(t), "device_del", map[string]string{"id": name}, nil)
	var refused *qmp.Error
	if !errors.As(err, &refused) || !strings.Contains(refused.Desc, name) {
		t.Error(err)
	}
	var status json.RawMessage
	if err := conn.Execute(soon(t), "query-status", nil, &status); err != nil {
		t.Error("QEMU has gone: ", err)
	}
}
