package typeguest

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		typed, arrived string
		want           Difference
	}{
		{"", "", Difference{}},
		{"linux quiet", "linux quiet", Difference{}},
		{"abc", "", Difference{Lost: 3}},
		{"", "abc", Difference{Wrong: 3}},
		{"", "aa", Difference{Doubled: 2}},
		{"abc", "ac", Difference{Lost: 1}},
		{"abc", "abbc", Difference{Doubled: 1}},
		{"ab", "aab", Difference{Doubled: 1}},
		{"abc", "abcc", Difference{Doubled: 1}},
		{"abc", "abxc", Difference{Wrong: 1}},
		{"aBc", "abc", Difference{Wrong: 1}},
		{"abcdef", "bcddef", Difference{Lost: 1, Doubled: 1}},
	} {
		if diff := cmp.Diff(tt.want, Compare(tt.typed, tt.arrived)); diff != "" {
			t.Errorf("Compare(%q, %q) (-want +got):\n%s", tt.typed, tt.arrived, diff)
		}
	}
}

// What was taken out of a long text is found, wherever it was.
func TestCompareLong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	typed := make([]byte, 600)
	for i := range typed {
		typed[i] = byte(' ' + random.IntN(95))
	}
	for _, n := range []int{1, 30, 200, 590} {
		arrived := append([]byte(nil), typed...)
		for range n {
			at := random.IntN(len(arrived))
			arrived = append(arrived[:at], arrived[at+1:]...)
		}
		if got := Compare(string(typed), string(arrived)); got != (Difference{Lost: n}) {
			t.Errorf("%d characters removed, found %+v", n, got)
		}
	}
}
