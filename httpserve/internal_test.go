package httpserve

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNearest(t *testing.T) {
	s := &snapshot{names: []string{"debian/preseed.cfg", "ks.cfg", "meta-data", "user-data"}}
	for asked, want := range map[string]string{
		"/preseed.cfg":           "debian/preseed.cfg",
		"/Debian/PRESEED.cfg":    "debian/preseed.cfg",
		"/ks.cgf":                "ks.cfg",
		"/kickstart.cfg":         "",
		"/user-date":             "user-data",
		"/seed/meta-data":        "meta-data",
		"/vendor-data":           "",
		"/":                      "",
		"":                       "",
		strings.Repeat("x", 500): "",
	} {
		if got := s.nearest(asked); got != want {
			t.Errorf("nearest(%.40q) = %q, want %q", asked, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 9, 0}, {"abc", "", 9, 3}, {"kitten", "sitting", 9, 3}, {"kitten", "sitting", 3, 3},
		{"kitten", "sitting", 2, 2}, {"abc", "abcdefgh", 3, 3}, {"flaw", "lawn", 9, 2},
	} {
		if got := distance(tt.a, tt.b, tt.limit); got != tt.want {
			t.Errorf("distance(%q, %q, %d) = %d, want %d", tt.a, tt.b, tt.limit, got, tt.want)
		}
	}
}

func TestCoverage(t *testing.T) {
	var c coverage
	for _, s := range []span{{4, 6}, {4, 4}, {0, 2}, {8, 10}, {1, 5}} {
		c = c.add(s)
	}
	if diff := cmp.Diff(coverage{{0, 6}, {8, 10}}, c, cmp.AllowUnexported(span{})); diff != "" {
		t.Error(diff)
	}
	if c.whole(10) || !c.add(span{6, 8}).whole(10) {
		t.Error("whole is wrong")
	}
}

func TestLogIsBounded(t *testing.T) {
	l := newLog(nil)
	for range 3 * maxLogged {
		l.add(Request{}, nil, -1)
	}
	if n := len(l.all()); n > maxLogged || n < maxLogged*3/4 {
		t.Errorf("%d requests kept", n)
	}
}

// FuzzPath holds that a path is answered with a file of the list or with
// nothing, whatever it looks like.
func FuzzPath(f *testing.F) {
	files := Text{"a": "", "d/b": "", ".x": ""}
	cfg := (&Config{Files: files, Prefix: "k"}).withDefaults()
	s, err := take(&cfg)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"/k/a", "/k//d/b", "/k/../a", "/k/d/./b", "/a", "/k", "/k/.x\x00", "//k///a", "/k/d\\b"} {
		f.Add(seed)
	}
	h := &handler{&cfg, s, newLog(nil)}
	f.Fuzz(func(t *testing.T, path string) {
		name, inside := h.name(path)
		if !inside || s.files[name] == nil {
			s.nearest(name)
			return
		}
		if _, ok := files[name]; !ok || !fs.ValidPath(name) {
			t.Errorf("%q reaches %q", path, name)
		}
		var elements []string
		for e := range strings.SplitSeq(path, "/") {
			if e != "" {
				elements = append(elements, e)
			}
		}
		if want := append([]string{"k"}, strings.Split(name, "/")...); !slices.Equal(elements, want) {
			t.Errorf("%q reaches %q", path, name)
		}
	})
}
