package keyseq

import (
	"image"
	"math"
	"testing"
	"time"
)

func TestEvents(t *testing.T) {
	tests := []struct{ layout, in, want string }{
		// Packer's own tests.
		{"us", "<rightShift><rightshiftoff><RIGHTSHIFTON><menu>", "+FFE2 -FFE2 -FFE2 +FFE2 +FF67 -FF67"},
		{"us", "<leftCommand><RIGHTCOMMAND><leftoption><rightOption>", "+FFE9 -FFE9 +FFEA -FFEA +FFE7 -FFE7 +FFE8 -FFE8"},
		{"us", "AbC", "+FFE1 +41 -41 -FFE1 +62 -62 +FFE1 +43 -43 -FFE1"},
		{"us", "<Aon><Aoff>", "+FFE1 +41 -41 -FFE1"},
		// What Packer does with the rest.
		{"us", "", ""},
		{"us", "<esc><wait>Ab", "+FF1B -FF1B w1s +FFE1 +41 -41 -FFE1 +62 -62"},
		{"us", "<leftShiftOn>A<leftShiftOff>", "+FFE1 +FFE1 +41 -41 -FFE1 -FFE1"},
		{"us", "É", "+FFE1 +C9 -C9 -FFE1"},
		{"us", "é界😀", "+E9 -E9 +754C -754C +1F600 -1F600"},
		{"us", "ǅⅧ", "+1C5 -1C5 +2167 -2167"},
		{"us", "\n\t\r\x00", "+A -A +9 -9 +D -D +0 -0"},
		{"us", "~`_-{}", "+FFE1 +7E -7E -FFE1 +60 -60 +FFE1 +5F -5F -FFE1 +2D -2D +FFE1 +7B -7B -FFE1 +FFE1 +7D -7D -FFE1"},
		{"us", "<foo>", "+FFE1 +3C -3C -FFE1 +66 -66 +6F -6F +6F -6F +FFE1 +3E -3E -FFE1"},
		{"us", "<wait0><wait90>", "w1s w1m30s"},
		{"us", "<fon> <fOff>", "+66 +20 -20 -66"},
		{"us", "<{on><{off>", "+FFE1 +7B -7B -FFE1"},
		// The tokens that Packer has not.
		{"us", "<bs*2><f13>", "+FF08 -FF08 +FF08 -FF08 +FFCA -FFCA"},
		{"us", "<lt><gt>", "+FFE1 +3C -3C -FFE1 +FFE1 +3E -3E -FFE1"},
		{"us", "<ltOn><ltOff>", "+FFE1 +3C -3C -FFE1"},
		{"us", "<altGrOn><capsLock><altGrOff>", "+FE03 +FFE5 -FFE5 -FE03"},
		// Other layouts: the keys by their US legends.
		{"de", "yZ", "+7A -7A +FFE1 +59 -59 -FFE1"},
		{"de", "@", "+FE03 +71 -71 -FE03"},
		{"de", "^", "+60 -60 +20 -20"},
		{"de", "É", "+3D -3D +FFE1 +45 -45 -FFE1"},
		{"de", "<lt><gt>", "+A6 -A6 +FFE1 +A6 -A6 -FFE1"},
		{"de", "<@on><@off>", "+FE03 +71 -71 -FE03"},
		{"de", "<enter>", "+FF0D -FF0D"},
		{"de", "界", "+754C -754C"},
		{"jp", "_", "+FFE1 +@73 -@73 -FFE1"},
	}
	for _, tt := range tests {
		seq, err := Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := eventString(seq, layout(t, tt.layout)); got != tt.want {
			t.Errorf("%s: %q gives\n%s, want\n%s", tt.layout, tt.in, got, tt.want)
		}
	}
}

// On us every ASCII character has the events that Packer's rule gives.
func TestEventsAreByPackersRule(t *testing.T) {
	for r := ' '; r < 0x7F; r++ {
		ch := layout(t, "us").Chords(r)
		if len(ch) != 1 || ch[0].Shift != packerShifts(r) || ch[0].AltGr || ch[0].keysym != uint32(r) {
			t.Errorf("%q is typed by %+v", r, ch)
		}
	}
}

func TestEventsStop(t *testing.T) {
	n := 0
	for range append(text("abc"), press("enter")...).Events(nil) {
		if n++; n == 3 {
			break
		}
	}
	seq, _ := Parse("<wait><bs*3>")
	for range seq.Events(nil) {
		break
	}
	if n != 3 {
		t.Errorf("%d events after a break", n)
	}
}

func TestEventPositions(t *testing.T) {
	seq, err := Parse("é\nB<bs*2>")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range seq.Events(nil) {
		got = append(got, e.At.String())
	}
	want := []string{"1:1", "1:1", "1:2", "1:2", "2:1", "2:1", "2:1", "2:1", "2:2", "2:2", "2:2", "2:2"}
	if len(got) != len(want) {
		t.Fatalf("positions %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("positions %v, want %v", got, want)
		}
	}
}

func TestKeysAndCost(t *testing.T) {
	tests := []struct {
		in           string
		keys         int
		waits, costs time.Duration
	}{
		{"", 0, 0, 0},
		{"ab", 2, 0, 400 * time.Millisecond},
		{"A", 1, 0, 400 * time.Millisecond},
		{"é<bs*3><leftCtrlOn>c<leftCtrlOff><wait5><wait0>", 6, 6 * time.Second, 6*time.Second + 1200*time.Millisecond},
		{`a<wait "boot:" 5s><wait still 500ms 1m><wait change><wait fetch "/x">`, 1, 500 * time.Millisecond, 700 * time.Millisecond},
		{"<wait9223372036><wait9223372036>", 0, math.MaxInt64, math.MaxInt64},
	}
	for _, tt := range tests {
		seq, err := Parse(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		if k, w, c := seq.Keys(), seq.Cost(nil, 0), seq.Cost(nil, 100*time.Millisecond); k != tt.keys || w != tt.waits || c != tt.costs {
			t.Errorf("%q: %d keys, waits %v, cost %v; want %d, %v, %v", tt.in, k, w, c, tt.keys, tt.waits, tt.costs)
		}
	}
	if c := text("ê").Cost(layout(t, "de"), time.Second); c != 4*time.Second {
		t.Errorf("a dead key and a letter cost %v, want 4s", c)
	}
}

func TestRegionCells(t *testing.T) {
	for r, want := range map[Region]image.Rectangle{
		{}:                   image.Rect(0, 0, 80, 25),
		{Row: -1, Height: 1}: image.Rect(0, 24, 80, 25),
		{Row: 3, Height: 1}:  image.Rect(0, 3, 80, 4),
		{Column: 10, Row: 20, Width: 5, Height: 50}: image.Rect(10, 20, 15, 25),
		{Column: -4, Row: -2}:                       image.Rect(76, 23, 80, 25),
		{Row: 30, Height: 2}:                        {},
		{Row: 30}:                                   {},
		{Row: -30, Height: 2}:                       {},
	} {
		if got := r.Cells(80, 25); got != want {
			t.Errorf("%+v of 80×25 is %v, want %v", r, got, want)
		}
	}
}
