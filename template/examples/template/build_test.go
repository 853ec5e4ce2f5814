package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// machines is a template of small machines, for a test in a directory of its
// own. Their sshd is a server of the test, in whose directory commands run.
type machines struct {
	t    *testing.T
	home string // where the guests' commands run
	root map[string]any
	out  printed // what the program has printed
}

func newMachines(t *testing.T, names ...string) *machines {
	t.Helper()
	need.Tool(t, "qemu-system-x86_64")
	need.Tool(t, "qemu-img")
	m := &machines{t: t, home: t.TempDir(), root: map[string]any{}}
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Dir: m.home, Exec: sshtest.Shell(m.home)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	cd := guest.CD(t, guest.Button)
	t.Chdir(t.TempDir())
	var builders []any
	for _, name := range names {
		builders = append(builders, map[string]any{
			"type": "qemu", "name": name, "iso_url": cd, "iso_checksum": "none", "headless": true, "accelerator": "tcg",
			"memory": 64, "disk_size": "8M", "boot_wait": "-1s", "boot_serial": []string{`<wait "R">`}, "vm_name": "disk",
			"ssh_username": "root", "ssh_password": "secret", "ssh_port": port, "skip_nat_mapping": true,
			"http_content": map[string]string{"/name": "{{ build_name }}"}, "http_port_min": 20082, "http_port_max": 29082,
		})
	}
	m.root["builders"] = builders
	return m
}

// local adds a shell-local to a build, or to all if the name is empty.
func (m *machines) local(build string, lines ...string) {
	p := map[string]any{"type": "shell-local", "inline": lines}
	if build != "" {
		p["only"] = []string{build}
	}
	list, _ := m.root["provisioners"].([]any)
	m.root["provisioners"] = append(list, p)
}

// build runs the program with the template, and returns its status and what it
// has printed.
func (m *machines) build(args ...string) (int, string) {
	return m.program(&program{}, args...)
}

func (m *machines) program(p *program, args ...string) (int, string) {
	m.t.Helper()
	text, err := json.Marshal(m.root)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile("t.json", text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	out := &m.out
	out.reset()
	if p.stdout = out; p.stderr == nil {
		p.stderr = out
	}
	status := p.run(ctx, append(append([]string{"build"}, args...), "t.json"))
	return status, out.String()
}

// printed is what a program prints, from several goroutines.
type printed struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *printed) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.b.Reset()
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.String()
}

// files are the files in and under the working directory.
func files(t *testing.T) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if path != "." && path != "t.json" {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// until is a line of shell that waits for a condition, for at most two minutes.
func until(condition string) string {
	return "n=0; until " + condition + "; do n=$((n+1)); test $n -lt 1200; sleep 0.1; done"
}

// TestTogether builds two images at a time: each waits for the other's being
// there. Their ports and files do not collide, though the template says the
// same of both.
func TestTogether(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.local("", "touch $PACKER_BUILD_NAME.here", until("test -e a.here -a -e b.here"), "echo address {{build `PackerHTTPAddr`}}")
	status, out := m.build("-parallel-builds=0")
	if status != 0 {
		t.Fatal(out)
	}
	if diff := cmp.Diff([]string{"a.here", "b.here", "output-a", "output-a/disk", "output-b", "output-b/disk"}, files(t)); diff != "" {
		t.Error(diff)
	}
	var ports []string
	for _, a := range regexp.MustCompile(`(?m)^    ([ab]): address 10\.0\.2\.2:(\d+)$`).FindAllStringSubmatch(out, -1) {
		ports = append(ports, a[2])
	}
	if len(ports) != 2 || ports[0] == ports[1] {
		t.Errorf("ports %v in\n%s", ports, out)
	}
}

// TestOneByOne builds two images one after the other.
func TestOneByOne(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.local("", "mkdir busy")
	m.local("", "rmdir busy")
	status, out := m.build("-parallel-builds=1")
	if status != 0 {
		t.Fatal(out)
	}
	end, begin := strings.Index(out, "Build 'a' finished after"), regexp.MustCompile(`(?m)^(==>|   ) b: `).FindStringIndex(out)
	if end < 0 || begin == nil || begin[0] < end {
		t.Errorf("b began before a had ended:\n%s", out)
	}
}

// TestWatch looks at the page of a build that should have a window, where there is
// no display, and of one with -watch.
func TestWatch(t *testing.T) {
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	for _, flag := range []string{"-watch=false", "-watch"} {
		m := newMachines(t, "a")
		m.local("", until("test -e seen"))
		if flag != "-watch" {
			m.root["builders"].([]any)[0].(map[string]any)["headless"] = false
		}
		ended := make(chan int)
		go func() {
			status, _ := m.build(flag)
			ended <- status
		}()
		var url string
		for deadline := time.Now().Add(2 * time.Minute); url == "" && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if found := regexp.MustCompile(`a: watch it at (\S+)\n`).FindStringSubmatch(m.out.String()); found != nil {
				url = found[1]
			}
		}
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err, m.out.String())
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !strings.Contains(string(page), "<title>a") {
			t.Errorf("%s: %s, %v", flag, page, err)
		}
		if err := os.WriteFile("seen", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if status := <-ended; status != 0 {
			t.Errorf("%s: status %d:\n%s", flag, status, m.out.String())
		}
		if res, err := http.Get(url); err == nil {
			res.Body.Close()
			t.Error("the page is still there")
		}
	}
}

// TestOneFails lets a build fail while another runs, which goes on: it waits
// until nothing of the first is left.
func TestOneFails(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.local("", "touch $PACKER_BUILD_NAME.here", until("test -e a.here -a -e b.here"))
	m.local("a", "exit 3")
	m.local("b", until("test ! -e output-a"))
	status, out := m.build()
	if status != 1 || !strings.Contains(out, "Build 'a' errored") || !strings.Contains(out, "Build 'b' finished") ||
		!strings.Contains(out, "--> b: output-b/disk\n") {
		t.Errorf("status %d:\n%s", status, out)
	}
	if diff := cmp.Diff([]string{"a.here", "b.here", "output-b", "output-b/disk"}, files(t)); diff != "" {
		t.Error(diff)
	}
}

// TestOnError looks at what is left of a build that fails, and whether the
// cleanup provisioner has run.
func TestOnError(t *testing.T) {
	for _, tt := range []struct {
		mode    string
		kept    []string
		cleaned bool
	}{
		{"cleanup", nil, true},
		{"abort", []string{"output-a", "output-a/disk.failed"}, false},
		{"run-cleanup-provisioner", []string{"output-a", "output-a/disk.failed"}, true},
		{"ask", nil, true}, // there is nobody to ask
	} {
		t.Run(tt.mode, func(t *testing.T) {
			m := newMachines(t, "a")
			m.local("", "exit 3")
			m.root["error-cleanup-provisioner"] = map[string]any{"type": "shell", "remote_path": "./c.sh", "inline": []string{"echo cleaned > cleaned"}}
			status, out := m.build("-on-error=" + tt.mode)
			if status != 1 {
				t.Errorf("status %d", status)
			}
			if diff := cmp.Diff(tt.kept, files(t)); diff != "" {
				t.Error(diff, out)
			}
			if _, err := os.Stat(filepath.Join(m.home, "cleaned")); (err == nil) != tt.cleaned {
				t.Errorf("the cleanup provisioner: %v\n%s", err, out)
			}
		})
	}
}

// TestAsk has a person look at each failure, who tries twice and then aborts.
func TestAsk(t *testing.T) {
	m := newMachines(t, "a")
	m.local("", "echo once >> tries", "exit 3")
	in, person := io.Pipe()
	defer person.Close()
	go io.WriteString(person, "r\nwhat?\nr\na\n")
	status, out := m.program(&program{stdin: in, interactive: true}, "-on-error=ask")
	if status != 1 || strings.Count(out, "[r] retry the step?") != 4 {
		t.Errorf("status %d:\n%s", status, out)
	}
	if tries, err := os.ReadFile("tries"); string(tries) != "once\nonce\nonce\n" {
		t.Errorf("tries: %q, %v", tries, err)
	}
	if diff := cmp.Diff([]string{"output-a", "output-a/disk.failed", "tries"}, files(t)); diff != "" {
		t.Error(diff)
	}
}

// TestAskRetry goes on when the second try succeeds.
func TestAskRetry(t *testing.T) {
	m := newMachines(t, "a")
	m.local("", "if mkdir first; then exit 3; fi")
	in, person := io.Pipe()
	defer person.Close()
	go io.WriteString(person, "r\n")
	if status, out := m.program(&program{stdin: in, interactive: true}, "-on-error=ask"); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	if diff := cmp.Diff([]string{"first", "output-a", "output-a/disk"}, files(t)); diff != "" {
		t.Error(diff)
	}
}

// TestBreakpoint waits for Enter, with -debug after each step too.
func TestBreakpoint(t *testing.T) {
	m := newMachines(t, "a")
	m.root["provisioners"] = []any{map[string]any{"type": "breakpoint", "note": "look"}}
	in, person := io.Pipe()
	defer person.Close()
	go io.WriteString(person, strings.Repeat("\n", 4))
	status, out := m.program(&program{stdin: in, interactive: true}, "-debug")
	want := []string{"step 'type on the serial port'", "step 'wait for SSH'", "provisioner look", "step 'breakpoint'"}
	for _, w := range want {
		if strings.Count(out, w) != 1 {
			t.Errorf("nobody was asked after %s:\n%s", w, out)
		}
	}
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

// TestMachineReadable reads what programs are told of a build that succeeds and
// of one that fails.
func TestMachineReadable(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.local("a", "echo one, two")
	m.local("b", "exit 3")
	m.root["post-processors"] = []any{map[string]any{"type": "checksum", "checksum_types": []string{"sha256"}, "output": "SUMS"}}
	status, out := m.program(&program{stderr: io.Discard}, "-machine-readable", "-parallel-builds=1")
	if status != 1 {
		t.Errorf("status %d", status)
	}
	var got []string
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if len(fields) < 4 || !regexp.MustCompile(`^\d{10}$`).MatchString(fields[0]) {
			t.Errorf("a line %q", line)
			continue
		}
		if fields[2] != "ui" || strings.Contains(line, "one%!(PACKER_COMMA) two") {
			got = append(got, strings.Join(fields[1:], ","))
		}
	}
	i := slices.IndexFunc(got, func(s string) bool { return strings.HasPrefix(s, "b,error,") })
	if i < 0 || !strings.Contains(got[i], "exit status 3") {
		t.Fatalf("no error of b in %q", got)
	}
	got = slices.Delete(got, i, i+1)
	want := []string{
		"a,ui,message,one%!(PACKER_COMMA) two", ",error-count,1", "a,artifact-count,2",
		"a,artifact,0,builder-id,transcend.qemu", "a,artifact,0,id,VM", "a,artifact,0,string,output-a/disk",
		"a,artifact,0,files-count,1", "a,artifact,0,file,0,output-a/disk", "a,artifact,0,end",
		"a,artifact,1,builder-id,checksum", "a,artifact,1,id,VM", "a,artifact,1,string,output-a/disk%!(PACKER_COMMA) SUMS",
		"a,artifact,1,files-count,2", "a,artifact,1,file,0,output-a/disk", "a,artifact,1,file,1,SUMS", "a,artifact,1,end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestTimestamps prints the time in front of each line.
func TestTimestamps(t *testing.T) {
	m := newMachines(t, "a")
	began := time.Now().Add(-time.Second)
	status, out := m.program(&program{stderr: io.Discard}, "-timestamp-ui")
	if status != 0 {
		t.Error(out)
	}
	lines := 0
	for line := range strings.Lines(out) {
		stamp, text, _ := strings.Cut(line, ": ")
		at, err := time.Parse(time.RFC3339, stamp)
		if err != nil || at.Before(began.Truncate(time.Second)) || time.Since(at) > 3*time.Minute || text == "" {
			t.Errorf("%v: %q", err, line)
		}
		lines++
	}
	if lines < 5 {
		t.Errorf("only %d lines:\n%s", lines, out)
	}
}

// TestForce replaces what an earlier build has made, and only with -force.
func TestForce(t *testing.T) {
	m := newMachines(t, "a")
	if err := os.MkdirAll("output-a", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"disk", "mine"} {
		if err := os.WriteFile(filepath.Join("output-a", name), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if status, out := m.build(); status != 1 || !strings.Contains(out, "-force") {
		t.Errorf("status %d: %s", status, out)
	}
	if status, out := m.build("-force"); status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	for name, replaced := range map[string]bool{"disk": true, "mine": false} {
		if text, err := os.ReadFile(filepath.Join("output-a", name)); err != nil || (string(text) != "old") != replaced {
			t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
	}
}

// TestInterrupted ends the builds that run, and leaves nothing.
func TestInterrupted(t *testing.T) {
	m := newMachines(t, "a", "b")
	m.local("", "echo here; sleep 100")
	ctx, cancel := context.WithCancelCause(context.Background())
	text, err := json.Marshal(m.root)
	if err != nil {
		t.Fatal(err)
	}
	var out interrupting
	out.done = func() { cancel(fmt.Errorf("interrupted")) }
	p := &program{stdin: bytes.NewReader(text), stdout: &out, stderr: &out}
	if status := p.run(ctx, []string{"build", "-"}); status != 1 || !strings.Contains(out.String(), "Cleanly cancelled builds after being interrupted.") {
		t.Errorf("status %d:\n%s", status, out.String())
	}
	if diff := cmp.Diff([]string(nil), files(t)); diff != "" {
		t.Error(diff)
	}
}

// interrupting interrupts when both builds are at work.
type interrupting struct {
	printed
	done func()
	seen int
}

func (i *interrupting) Write(b []byte) (int, error) {
	if strings.HasSuffix(string(b), ": here\n") {
		if i.seen++; i.seen == 2 { // the program prints one line at a time
			i.done()
		}
	}
	return i.printed.Write(b)
}
