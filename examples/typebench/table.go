package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// series is the runs of one guest in one way beside one load.
type series struct {
	guest, mode string
	load        int
	chars, bad  int
	rates       []float64
	failed      int
}

// rate is the median of the runs.
func (s *series) rate() float64 {
	if len(s.rates) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(s.rates))[len(s.rates)/2]
}

// blind reports whether keys were sent without regard to the guest.
func (s *series) blind() bool {
	_, err := time.ParseDuration(s.mode) // a pause after each key event
	return err == nil || s.mode == "open-loop" || strings.HasSuffix(s.mode, "/s")
}

// readSeries reads results, a line of JSON each, and sorts them: the guests as
// they come in the list of guests, blind ways last, loads in order.
func readSeries(in io.Reader) ([]*series, error) {
	var all []*series
	for d := json.NewDecoder(in); ; {
		var r result
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading results: %w", err)
		}
		i := slices.IndexFunc(all, func(s *series) bool {
			return s.guest == r.Guest && s.load == r.Load && (s.mode == r.Mode || r.Error != "")
		})
		if i < 0 {
			i = len(all)
			all = append(all, &series{guest: r.Guest, mode: r.Mode, load: r.Load})
		}
		all[i].add(r)
	}
	if len(all) == 0 {
		return nil, errors.New("there are no results on standard input")
	}
	slices.SortStableFunc(all, func(a, b *series) int {
		blind := map[bool]int{true: 1}
		return cmp.Or(cmp.Compare(blind[a.blind()], blind[b.blind()]), cmp.Compare(rank(a.guest), rank(b.guest)),
			cmp.Compare(a.mode, b.mode), cmp.Compare(a.load, b.load))
	})
	return all, nil
}

func rank(name string) int {
	return slices.IndexFunc(guests, func(g *guest) bool { return g.name == name })
}

func (s *series) add(r result) {
	if r.Error != "" {
		s.failed++
		return
	}
	s.chars += r.Chars
	s.bad += r.Lost + r.Doubled + r.Wrong
	s.rates = append(s.rates, r.CPS)
}

// table reads results and writes them as a table in Markdown.
func table(in io.Reader, out io.Writer) error {
	all, err := readSeries(in)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "| guest | mode | busy loops | runs | characters | lost, doubled or wrong | characters a second |")
	fmt.Fprintln(out, "|---|---|--:|--:|--:|--:|--:|")
	for _, s := range all {
		runs := fmt.Sprint(len(s.rates))
		if s.failed > 0 {
			runs += fmt.Sprintf(", and %d failed", s.failed)
		}
		if strings.HasSuffix(s.mode, "/s") {
			s.rates = []float64{s.rate() * float64(s.chars-s.bad) / float64(s.chars)} // of what arrived
		}
		rate := fmt.Sprintf("%.*f", digits(s.rate()), s.rate())
		if s.mode == "open-loop" {
			rate = "–"
		}
		if n := len(s.rates); n > 1 && s.mode != "open-loop" {
			rate += fmt.Sprintf(" (%.*f–%.*f)", digits(s.rate()), slices.Min(s.rates), digits(s.rate()), slices.Max(s.rates))
		}
		_, err = fmt.Fprintf(out, "| %s | %s | %d | %s | %d | %d | %s |\n", s.guest, s.mode, s.load, runs, s.chars, s.bad, rate)
	}
	return err
}

// digits is how many digits behind the point a rate is worth.
func digits(rate float64) int {
	if rate < 20 {
		return 1
	}
	return 0
}
