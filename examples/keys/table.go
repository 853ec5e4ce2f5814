package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
)

// maxLine is how many events a line of the table shows.
const maxLine = 8

// table prints a sequence for people: step by step, with the time at which
// each begins. Behind a wait for a fact it is the earliest, with a +.
func table(o options, stdout io.Writer) error {
	seq, err := keyseq.Parse(o.command)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AT\tPLACE\tWHAT\tEVENTS")
	var now time.Duration
	more := "" // + once the time depends on the guest
	for _, st := range seq {
		one := keyseq.Sequence{st}
		fmt.Fprintf(w, "%v%s\t%v\t%s\t%s\n", round(now), more, st.Pos(), describe(st), events(one, o.layout))
		now += one.Cost(o.layout, o.interval)
		if _, ok := st.(keyseq.WaitFor); ok {
			more = "+"
		}
	}
	w.Flush()
	fmt.Fprintf(stdout, "\n%s: %d keys, %v%s with %v after each key event, of which %v%s is waiting\n", o.layout.Title(),
		seq.Keys(), round(seq.Cost(o.layout, o.interval)), more, o.interval, round(seq.Cost(o.layout, 0)), more)
	for _, f := range keyseq.Lint(o.command, o.layout) {
		fmt.Fprintln(stdout, f)
	}
	return nil
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func describe(st keyseq.Step) string {
	switch st := st.(type) {
	case keyseq.Text:
		return fmt.Sprintf("type %s", short(st.Text))
	case keyseq.Press:
		if st.Count > 1 {
			return fmt.Sprintf("press %s %d times", st.Key, st.Count)
		}
		return fmt.Sprintf("press %s", st.Key)
	case keyseq.Hold:
		return fmt.Sprintf("hold %s", st.Key)
	case keyseq.Release:
		return fmt.Sprintf("release %s", st.Key)
	case keyseq.Wait:
		return fmt.Sprintf("wait %v", st.Duration)
	case keyseq.WaitFor:
		return waitFor(st)
	}
	return st.String()
}

func waitFor(w keyseq.WaitFor) string {
	s := "wait for " + w.Fact.String()
	if f, ok := w.Fact.(keyseq.Still); ok {
		s = fmt.Sprintf("wait until still for %v", f.For)
	}
	if w.Limit != 0 {
		s += fmt.Sprintf(", at most %v", w.Limit)
	}
	return s
}

// short quotes the beginning of s.
func short(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return fmt.Sprintf("%q…", string(r[:most]))
	}
	return fmt.Sprintf("%q", s)
}

func events(seq keyseq.Sequence, l *keyseq.Layout) string {
	var shown []string
	n := 0
	for e := range seq.Events(l) {
		if n++; n <= maxLine {
			shown = append(shown, e.String())
		}
	}
	if n > maxLine {
		shown = append(shown, fmt.Sprintf("… %d more", n-maxLine))
	}
	return strings.Join(shown, " ")
}
