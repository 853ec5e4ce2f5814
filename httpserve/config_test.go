package httpserve_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/httpserve"
)

func TestValidate(t *testing.T) {
	for _, prefix := range []string{"", "k7", "ABCxyz019-_.~"} {
		if err := (&httpserve.Config{Prefix: prefix}).Validate(); err != nil {
			t.Errorf("Prefix %q: %v", prefix, err)
		}
	}
	for _, prefix := range []string{".", "..", "a/b", "/a", "a b", "ü", "%41", strings.Repeat("a", 129)} {
		if err := (&httpserve.Config{Prefix: prefix}).Validate(); err == nil {
			t.Errorf("Prefix %q is accepted", prefix)
		}
	}
	if err := (*httpserve.Config)(nil).Validate(); err != nil {
		t.Error(err)
	}
	err := (&httpserve.Config{
		Files:         httpserve.Text{"/a": "", "b": "", "b/c": ""},
		Data:          1,
		Prefix:        "a/b",
		MaxConns:      -1,
		MaxFiles:      -1,
		HeaderTimeout: -1,
		StallTimeout:  -1,
	}).Validate()
	want := `httpserve: config: Prefix "a/b": must be one path element of letters, digits and -_.~; crypto/rand.Text makes one
httpserve: config: Data: is set but Templates is nil; set Templates or remove Data
httpserve: config: Files: "/a": is no file name; write it like "dir/file", without a slash at the ends
httpserve: config: Files: "b": is a file, and "b/c" needs a directory there; rename one
httpserve: config: MaxConns: is negative; use 0 for the default
httpserve: config: MaxFiles: is negative; use 0 for the default
httpserve: config: HeaderTimeout: is negative; use 0 for the default
httpserve: config: StallTimeout: is negative; use 0 for the default`
	if fmt.Sprint(err) != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// TestStartRefuses lists what is found before any guest starts, and looks that
// the listener is closed each time.
func TestStartRefuses(t *testing.T) {
	unreadable := filepath.Join(t.TempDir(), "d")
	write(t, filepath.Join(unreadable, "ok"), "")
	for _, tt := range []struct {
		name string
		cfg  httpserve.Config
		want []string
	}{
		{"templates", httpserve.Config{
			Templates: httpserve.Text{"a.cfg": "x\n{{.Nme}}\n", "b.cfg": "{{.Name", "c.cfg": "{{.Name}}"},
			Data:      map[string]string{"Name": "n"},
		}, []string{`Templates: "a.cfg"`, "a.cfg:2:", `no entry for key "Nme"`, "b.cfg:1:"}},
		{"nil data", httpserve.Config{Templates: httpserve.Text{"a": "{{.X}}"}}, []string{"a:1:", `"X"`}},
		{"endless template", httpserve.Config{
			Templates: httpserve.Text{"a": `{{define "r"}}xxxxxxxxxxxxxxxxxxxxxxxx{{template "r"}}{{end}}{{template "r"}}`},
		}, []string{`"a"`, "more than 1 MiB"}},
		{"long template", httpserve.Config{
			Templates: httpserve.Text{"a": `{{range .}}{{printf "%1000d" .}}{{end}}`}, Data: make([]int, 2000),
		}, []string{"more than 1 MiB"}},
		{"both", httpserve.Config{
			Files: httpserve.Text{"a": ""}, Templates: httpserve.Text{"a": ""},
		}, []string{`"a": is in Files too`}},
		{"many", httpserve.Config{
			Files: httpserve.Text{"a": "", "b": "", "c": ""}, MaxFiles: 2,
		}, []string{"more than 2 files"}},
		{"gone", httpserve.Config{Files: os.DirFS(filepath.Join(unreadable, "gone"))}, []string{"Files", "no such file"}},
		{"negative", httpserve.Config{MaxConns: -1}, []string{"MaxConns"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			s, err := httpserve.Serve(ln, &tt.cfg)
			if err == nil {
				s.Close()
				t.Fatal("accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
			if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
				c.Close()
				t.Error("the listener is still open")
			}
		})
	}
}

func TestRoutable(t *testing.T) {
	_, err := httpserve.Start(t.Context(), "0.0.0.0:0", nil)
	if err == nil || !strings.Contains(err.Error(), "AllowRoutable") {
		t.Errorf("listening on all addresses: %v, want a refusal that names AllowRoutable", err)
	}
}

func TestURL(t *testing.T) {
	s := start(t, &httpserve.Config{Prefix: "k"})
	port := s.Addr().(*net.TCPAddr).Port
	for got, want := range map[string]string{
		s.URL():               fmt.Sprintf("http://127.0.0.1:%d/k", port),
		s.URLFor("10.0.2.2"):  fmt.Sprintf("http://10.0.2.2:%d/k", port),
		s.URLFor("fec0::2"):   fmt.Sprintf("http://[fec0::2]:%d/k", port),
		s.URLFor("some.host"): fmt.Sprintf("http://some.host:%d/k", port),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestText(t *testing.T) {
	text := httpserve.Text{"a": "1", "d/b": "22", "d/e/c": ""}
	if err := fstest.TestFS(text, "a", "d/b", "d/e/c"); err != nil {
		t.Error(err)
	}
}

func TestDir(t *testing.T) {
	path := t.TempDir()
	write(t, filepath.Join(path, "a"), "1")
	write(t, filepath.Join(path, "d", "b"), "22")
	files, err := httpserve.Dir(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(files, "a", "d/b"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{filepath.Join(path, "gone"), filepath.Join(path, "a")} {
		if _, err := httpserve.Dir(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("Dir(%q): %v", bad, err)
		}
	}
}
