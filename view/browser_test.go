package view

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
)

// chromium returns the browser's path, and skips the test where there is none.
// Not every distribution has it as a package of its own; Debian does.
func chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser; run without -short")
	}
	if path, err := exec.LookPath("chromium"); err == nil {
		return path
	}
	if system, _ := os.ReadFile("/etc/os-release"); strings.Contains(string(system), "\nID=debian\n") {
		need.Skip(t, "needs chromium; `make deps` installs it")
	}
	t.Skip("needs chromium, which this distribution does not have as a package")
	return ""
}

// browser is a headless Chromium with one page, driven by the DevTools protocol
// over a pair of pipes: JSON with a zero byte after each message.
type browser struct {
	t       *testing.T
	out     *os.File
	session string

	mu      sync.Mutex
	id      int
	answers map[int]chan answer
	said    []string // errors that the page has told of
}

type answer struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
	Params json.RawMessage `json:"params"`
}

// newBrowser starts a browser that ends with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path := chromium(t)
	toIn, toOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromIn, fromOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--disable-extensions", "--remote-debugging-pipe",
		"--user-data-dir="+filepath.Join(home, "profile"), "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+home)
	cmd.ExtraFiles = []*os.File{toIn, fromOut} // descriptors 3 and 4
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toIn.Close()
	fromOut.Close()
	b := &browser{t: t, out: toOut, answers: map[int]chan answer{}}
	var reader sync.WaitGroup
	reader.Go(func() { b.read(fromIn) })
	t.Cleanup(func() {
		toOut.Close() // it ends then
		timer := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		reader.Wait()
		fromIn.Close()
		if t.Failed() && log.Len() > 0 {
			t.Logf("chromium said: %.2000s", log.String())
		}
	})
	b.open()
	return b
}

func (b *browser) read(from *os.File) {
	in := bufio.NewReader(from)
	for {
		message, err := in.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			defer b.mu.Unlock()
			for id, c := range b.answers {
				close(c)
				delete(b.answers, id)
			}
			return
		}
		var a answer
		if json.Unmarshal(message[:len(message)-1], &a) != nil {
			continue
		}
		b.mu.Lock()
		switch c := b.answers[a.ID]; {
		case c != nil:
			c <- a
			delete(b.answers, a.ID)
		case a.Method == "Runtime.exceptionThrown" || a.Method == "Log.entryAdded":
			b.said = append(b.said, string(a.Params))
		}
		b.mu.Unlock()
	}
}

// try sends a command and decodes its answer into result, unless that is nil.
func (b *browser) try(method string, params, result any) error {
	c := make(chan answer, 1)
	b.mu.Lock()
	b.id++
	message, err := json.Marshal(map[string]any{"id": b.id, "method": method, "params": params, "sessionId": b.session})
	if err == nil && b.session == "" {
		message, err = json.Marshal(map[string]any{"id": b.id, "method": method, "params": params})
	}
	b.answers[b.id] = c
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err := b.out.Write(append(message, 0)); err != nil {
		return err
	}
	select {
	case a, ok := <-c:
		if !ok {
			return errors.New(method + ": the browser has ended")
		}
		if a.Error != nil {
			return errors.New(method + ": " + a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-time.After(2 * time.Minute):
		return errors.New(method + ": no answer")
	}
}

func (b *browser) do(method string, params, result any) {
	b.t.Helper()
	if err := b.try(method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

type object = map[string]any

// open attaches to a new page.
func (b *browser) open() {
	b.t.Helper()
	var target struct{ TargetID string }
	b.do("Target.createTarget", object{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.do("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(domain+".enable", object{}, nil)
	}
}

// show gives the page a width and a colour scheme, "light" or "dark".
func (b *browser) show(width int, scheme string) {
	b.t.Helper()
	b.do("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	b.do("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// visit goes to a page and waits until it says that it is ready.
func (b *browser) visit(url string) {
	b.t.Helper()
	b.do("Page.navigate", object{"url": url}, nil)
	b.until(fmt.Sprintf("document.readyState === 'complete' && location.href === %q", url))
}

// eval returns the value of an expression in the page.
func (b *browser) eval(expression string, result any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.do("Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if result != nil && len(r.Result.Value) > 0 {
		if err := json.Unmarshal(r.Result.Value, result); err != nil {
			b.t.Fatalf("%s: %v", expression, err)
		}
	}
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		var is bool
		b.eval("!!("+expression+")", &is)
		if is {
			return
		}
		if time.Now().After(end) {
			var text string
			b.eval("document.body.innerText", &text)
			b.t.Fatalf("never so: %s\nthe page says: %.2000s", expression, text)
		}
	}
}
