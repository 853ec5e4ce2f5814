package imagebuild

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// What goes in one write is what the pacer was told of: Shift stays down between
// two characters that need it.
func TestPacingKeepsShift(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ABc":                    "+2a +1e -1e +30 -30 -2a +2e -2e",
		"aBc":                    "+1e -1e +2a +30 -30 -2a +2e -2e",
		"A<leftShift>B":          "+2a +1e -1e -2a +2a -2a +2a +30 -30 -2a",
		"<leftShiftOn>a<enter>B": "+2a +1e -1e +1c -1c +2a +30 -30 -2a",
	} {
		seq, err := keyseq.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		p := &pacing{send: func(events []keyseq.Event) error {
			for _, e := range events {
				sign := map[bool]string{true: "+", false: "-"}[e.Down]
				got = append(got, fmt.Sprintf("%s%02x", sign, e.Code))
			}
			return nil
		}}
		var all []keyseq.Event
		for e := range seq.Events(nil) {
			all = append(all, e)
		}
		for events := all; len(events) > 0; {
			n := strokeEnd(events)
			p.strokes = append(p.strokes, make(qemu.Stroke, n))
			for i, e := range events[:n] {
				p.strokes[len(p.strokes)-1][i] = qemu.Key{Code: e.Code, Down: e.Down}
			}
			events = events[n:]
		}
		if err := p.write(all); err != nil {
			t.Fatal(err)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", in, s, want)
		}
	}
}

// strokeEnd returns how many events have the same place in the source as the
// first one.
func strokeEnd(events []keyseq.Event) int {
	for i, e := range events {
		if e.At != events[0].At {
			return i
		}
	}
	return len(events)
}
