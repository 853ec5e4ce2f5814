package bootscribe_test

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/bootscribe/bootscribe"

// row says what one package's own files may import beyond the standard
// library, and why. Packages of this module are named without its path.
type row struct {
	pkg   string
	may   []string
	since string
}

// The table of who may import whom. A leaf imports no other leaf: they meet
// through func types and nouns of the standard library, so that each works
// alone and can be understood alone.
var table = []row{
	{".", nil, "the root is only documentation"},
	{"imagebuild", []string{"qemu", "qemu/qmp", "qemu/qemuimg", "vnc", "keyseq", "screen", "detect", "iso", "httpserve", "ssh", "winrm",
		"github.com/gofrs/flock", "golang.org/x/sys"},
		"the only place where the leaves meet; flock marks scratch directories in use, x/sys asks for free space"},
	{"qemu", []string{"qemu/qmp", "golang.org/x/sys"}, "a machine is driven by QMP; x/sys for process and socket flags"},
	{"qemu/qmp", []string{"golang.org/x/sys"}, "a protocol on a net.Conn needs nothing else"},
	{"qemu/qemuimg", []string{"golang.org/x/sys"}, "runs one program; x/sys for renaming without overwriting"},
	{"vnc", []string{"github.com/mitchellh/go-vnc"}, "go-vnc does handshake, authentication and client messages"},
	{"keyseq", []string{"golang.org/x/text"}, "a language needs nothing else"},
	{"screen", []string{"golang.org/x/image"}, "works on image.Image"},
	{"iso", []string{"github.com/cavaliergopher/grab/v3", "github.com/gofrs/flock", "golang.org/x/sys"},
		"grab fetches behind a guard; flock shares the cache among processes"},
	{"httpserve", nil, "net/http is enough"},
	{"detect", nil, "looks at text that others bring"},
	{"view", []string{"imagebuild", "detect", "vnc", "qemu", "screen", "iso", "httpserve", "ssh", "winrm"},
		"stands on imagebuild, whose events are those of the leaves; screen compares pictures"},
	{"ssh", []string{"golang.org/x/crypto", "github.com/pkg/sftp"}, "the SSH client and file transfer"},
	{"winrm", []string{"golang.org/x/crypto"}, "net/http carries it; x/crypto for the MD4 of NTLM"},
	{"vnc/vnctest", []string{"vnc"}, "a test kit: the standard library and the package that it tests"},
	{"qemu/qmp/qmptest", []string{"qemu/qmp"}, "a test kit"},
	{"ssh/sshtest", []string{"ssh", "golang.org/x/crypto", "github.com/pkg/sftp"}, "a test kit: x/crypto and sftp have the server's side too"},
	{"winrm/winrmtest", []string{"winrm/internal/ntlm"}, "a test kit; the server's side of NTLM is beside the client's"},
	{"examples/", []string{"*", "github.com/vbauerster/mpb/v8", "golang.org/x/term"}, "whole programs; progress bars are theirs, not the library's"},
	{"internal/winguest", []string{"winrm/winrmtest"}, "a program for guests of tests: the kit in a guest"},
	{"internal/", []string{"internal/"}, "what tests share stays at the bottom"},
}

// compiled lists the modules that may end up in a program which uses this
// library. A new one is a decision: who keeps it, and what does it bring along?
var compiled = []string{
	"github.com/cavaliergopher/grab/v3",
	"github.com/gofrs/flock",
	"github.com/kr/fs", // of sftp
	"github.com/mitchellh/go-vnc",
	"github.com/pkg/sftp",
	"golang.org/x/crypto",
	"golang.org/x/image",
	"golang.org/x/sys",
	"golang.org/x/text",
}

// testModules lists the modules that tests may import besides.
var testModules = []string{"github.com/google/go-cmp", "golang.org/x/crypto", "golang.org/x/sys", "golang.org/x/image", "github.com/pkg/sftp"}

// TestImports holds each package's imports against the table.
func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		if !p.ours() {
			continue
		}
		r, ok := rowOf(p.name())
		if !ok {
			t.Errorf("%s: has no row in the table of imports_test.go; add one with its reason", p.name())
			continue
		}
		for _, path := range p.Imports {
			if name, third := outside(t, path); !r.allows(name) {
				kind := "package"
				if third {
					kind = "module"
				}
				t.Errorf("%s: imports %s %s, which its row does not allow (%s)", p.name(), kind, name, r.since)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			name, third := outside(t, path)
			if third && !slices.Contains(testModules, name) && !r.allows(name) {
				t.Errorf("%s: its tests import module %s, which testModules lacks", p.name(), name)
			}
			if name == "imagebuild" && p.name() != "imagebuild" && !r.allows(name) {
				t.Errorf("%s: its tests import imagebuild, which stands above it", p.name())
			}
		}
	}
}

// TestModules holds what a user of the library compiles against the list.
func TestModules(t *testing.T) {
	for _, p := range packages(t) {
		if !p.ours() || !p.library() {
			continue
		}
		for _, path := range p.Deps {
			if name, third := outside(t, path); third && !slices.Contains(compiled, name) {
				t.Errorf("%s: compiles module %s, which is not on the agreed list", p.name(), name)
			}
		}
	}
}

// TestTable looks that the rules would notice what they are for.
func TestTable(t *testing.T) {
	for _, tt := range []struct {
		pkg, imports string
		want         bool
	}{
		{"imagebuild", "qemu", true},
		{"keyseq", "vnc", false},
		{"view", "imagebuild", true},
		{"imagebuild", "view", false},
		{"vnc", "imagebuild", false},
		{"vnc", "github.com/mitchellh/go-vnc", true},
		{"qemu", "qemu/qemuimg", false},
		{"iso", "github.com/vbauerster/mpb/v8", false},
		{"examples/demo", "imagebuild", true},
		{"examples/demo", "github.com/vbauerster/mpb/v8", true},
		{"examples/demo", "github.com/mitchellh/go-vnc", false},
		{"internal/need", "imagebuild", false},
		{"httpserve", "", true},
		{"httpserve", "internal/need", false},
		{"iso", "iso/internal/fat", true},
		{"iso/internal/fat", "iso/internal/seed", true},
		{"iso/internal/fat", "qemu", false},
		{"internal/a", "internal/b", true},
		{"examples/internal/a", "golang.org/x/term", true},
	} {
		r, ok := rowOf(tt.pkg)
		if !ok {
			t.Errorf("%s has no row", tt.pkg)
		}
		if got := r.allows(tt.imports); got != tt.want {
			t.Errorf("%s may import %q: %v, want %v", tt.pkg, tt.imports, got, tt.want)
		}
	}
	if r, ok := rowOf("util"); ok {
		t.Errorf("package util has the row of %q", r.pkg)
	}
}

// rowOf finds a package's row: its own, or that of the folder it is in. What a
// package keeps in an internal folder of its own has that package's row, so
// that the parts of iso, for instance, are free to use each other.
func rowOf(name string) (row, bool) {
	name, _, _ = strings.Cut(name, "/internal/")
	for _, r := range table {
		if r.pkg == name || strings.HasSuffix(r.pkg, "/") && strings.HasPrefix(name+"/", r.pkg) {
			return r, true
		}
	}
	return row{}, false
}

// allows tells whether the row permits what outside returned. A star stands
// for every package of this module.
func (r row) allows(name string) bool {
	if name == "" || slices.Contains(r.may, name) || strings.HasPrefix(name, r.pkg+"/internal/") {
		return true
	}
	if strings.HasPrefix(name, "internal/") && slices.Contains(r.may, "internal/") {
		return true
	}
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(r.may, "*") && !strings.Contains(first, ".")
}

// pkg is what go list says of one package.
type pkg struct {
	ImportPath   string
	Name         string
	Standard     bool
	ForTest      string
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Dir          string
	GoFiles      []string
}

func (p pkg) ours() bool { return p.Module != nil && p.Module.Path == module }

// name is the import path without the module's.
func (p pkg) name() string { return short(p.ImportPath) }

// library tells whether users of the library compile the package.
func (p pkg) library() bool {
	return !strings.HasPrefix(p.name(), "examples/") && !strings.HasPrefix(p.name(), "internal/") && !p.kit()
}

// kit tells whether it is one of the servers for tests.
func (p pkg) kit() bool { return strings.HasSuffix(p.name(), "test") }

func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// outside returns the name that the table uses for an import path: "" for the
// standard library, the short name for a package of this module, and the
// module's path for all others, which are third parties'.
func outside(t *testing.T, path string) (name string, third bool) {
	if path == module || strings.HasPrefix(path, module+"/") {
		return short(path), false
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "", false
	}
	for _, p := range packages(t) {
		if p.ImportPath == path && p.Standard {
			return "", false // vendored in the standard library
		}
		if p.ImportPath == path && p.Module != nil {
			return p.Module.Path, true
		}
	}
	return path, true
}

var listed = sync.OnceValues(func() ([]pkg, error) {
	if err := touchSources(); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-deps", "-test", "-e", "-json=ImportPath,Name,Standard,ForTest,Module,Imports,TestImports,XTestImports,Deps,Dir,GoFiles", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = errors.New(string(exit.Stderr))
		}
		return nil, err
	}
	var list []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		// Variants that are compiled only for a test repeat what the plain
		// package and its TestImports say.
		if p.ForTest == "" && !strings.HasSuffix(p.ImportPath, ".test") {
			list = append(list, p)
		}
	}
})

// touchSources looks at every directory and Go file, so that go test, which
// caches a result until what the test itself looked at changes, runs this one
// again when go list would say something else.
func touchSources() error {
	return filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
}

// packages lists this module's packages and all that they and their tests
// depend on.
func packages(t *testing.T) []pkg {
	t.Helper()
	list, err := listed()
	if err != nil {
		t.Fatal("go list:", err)
	}
	return list
}
