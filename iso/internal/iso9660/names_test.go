package iso9660

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/iso/internal/seed"
	"github.com/google/go-cmp/cmp"
)

// treeOf returns a tree of empty files; names that end in a slash are directories.
func treeOf(t *testing.T, names ...string) *seed.Node {
	t.Helper()
	root := seed.NewRoot()
	for _, n := range names {
		dir := strings.HasSuffix(n, "/")
		if err := root.Put(strings.TrimSuffix(n, "/"), seed.Node{Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestNames(t *testing.T) {
	x40, x70 := strings.Repeat("x", 40), strings.Repeat("x", 70)
	tests := map[string]struct {
		names        []string // sorted
		primary, jol []string
	}{
		"plain":       {[]string{"KS.CFG", "meta-data", "sub.d/"}, []string{"KS.CFG", "META_DATA.", "SUB_D"}, []string{"KS.CFG", "meta-data", "sub.d"}},
		"same in d":   {[]string{"a+b", "a-b", "a_b"}, []string{"A_B.", "A_B_1.", "A_B_2."}, []string{"a+b", "a-b", "a_b"}},
		"file as dir": {[]string{"A/", "a"}, []string{"A", "A_1."}, []string{"A", "a"}},
		"dots":        {[]string{".a", ".a.b.c", "z."}, []string{"_A.", "_A_B.C", "Z."}, []string{".a", ".a.b.c", "z_"}},
		"long":        {[]string{x40 + "1.conf", x40 + "2.conf"}, []string{x40[:26] + ".CONF", x40[:24] + "_1.CONF"}, []string{x40 + "1.conf", x40 + "2.conf"}},
		"longer":      {[]string{x70, x70 + ".tar"}, []string{x70[:30] + ".", x70[:27] + ".TAR"}, []string{x70[:64], x70[:60] + ".tar"}},
		"forbidden":   {[]string{"a*", "a?", "a_"}, []string{"A_.", "A__1.", "A__2."}, []string{"a_~1", "a_~2", "a_"}},
		"surrogates":  {[]string{"x" + strings.Repeat("😀", 40)}, []string{"X" + strings.Repeat("_", 29) + "."}, []string{"x" + strings.Repeat("😀", 31)}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			children := treeOf(t, tt.names...).Children()
			want := tt.primary
			for i := range want {
				want[i] = strings.ToUpper(want[i])
			}
			if diff := cmp.Diff(want, isoNames(children)); diff != "" {
				t.Errorf("primary (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.jol, joliet{}.names(children)); diff != "" {
				t.Errorf("Joliet (-want +got):\n%s", diff)
			}
		})
	}
}

// Ten thousand names that are cut to the same one must not take forever.
func TestNamesOfLargeDirectory(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("%s%05d", strings.Repeat("long", 20), i)
	}
	children := treeOf(t, names...).Children()
	for what, got := range map[string][]string{"primary": isoNames(children), "Joliet": joliet{}.names(children)} {
		seen := make(map[string]bool)
		for _, n := range got {
			if seen[n] || len(n) > 64 {
				t.Fatalf("%s: %q is there twice or too long", what, n)
			}
			seen[n] = true
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	dirs := make([]string, maxDirs)
	for i := range dirs {
		dirs[i] = fmt.Sprintf("%d/", i)
	}
	big := seed.NewRoot()
	if err := big.Put("disk.img", seed.Node{Size: 1 << 32}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		root *seed.Node
		want string
	}{
		"directories": {treeOf(t, dirs...), "65536 directories: ISO 9660 can number 65535; use fewer"},
		"large file":  {big, `"disk.img": 4294967296 bytes; a file on this CD ends at 4 GiB (4294967295 bytes), split it`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Plan(tt.root, Options{Time: time.Unix(0, 0)})
			if diff := cmp.Diff(tt.want, fmt.Sprint(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
