package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
)

// bench is one run.
type bench struct {
	guest *guest
	cache string
	accel qemu.Accel
	chars int
	load  int
	seed  uint64
	pace  pace
	show  bool // on standard error what was lost
}

// result is what a run says, as a line of JSON.
type result struct {
	Guest   string  `json:"guest"`
	Mode    string  `json:"mode"`
	Chars   int     `json:"chars"`
	Lost    int     `json:"lost"`
	Doubled int     `json:"doubled"`
	Wrong   int     `json:"wrong"`
	Seconds float64 `json:"seconds"` // until the guest had taken the last key
	CPS     float64 `json:"cps"`
	Load    int     `json:"load"` // busy loops beside it
	QEMU    string  `json:"qemu"`
	Accel   string  `json:"accelerator"`
	Seed    uint64  `json:"seed"`
	Ready   float64 `json:"ready"` // seconds until the guest took keys
}

// run starts the guest, types, and compares.
func (b *bench) run(ctx context.Context) (result, error) {
	text := b.guest.fixed
	if text == "" {
		text = printable(b.chars, b.seed)
	}
	if limit := b.guest.limit; limit > 0 && len(text) > limit {
		return result{}, fmt.Errorf("-chars %d: the guest %s has room for %d", b.chars, b.guest.name, limit)
	}
	begin := time.Now()
	m, err := start(ctx, b.guest, b.cache, b.accel)
	if err != nil {
		return result{}, err
	}
	defer m.Close()
	boot, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if err := b.guest.ready(boot, m); err != nil {
		return result{}, fmt.Errorf("%s: %w", b.guest.name, err)
	}
	accel, _ := m.vm.Accel()
	r := result{Guest: b.guest.name, Chars: len(text), Load: b.load, Seed: b.seed, Accel: string(accel),
		QEMU: m.vm.QMP().Greeting().Version.String(), Ready: time.Since(begin).Seconds()}

	stop, err := startLoad(b.load)
	if err != nil {
		return r, err
	}
	defer stop()
	var spent time.Duration
	for _, line := range lines(text, b.guest.line) {
		d, err := b.typeLine(ctx, m, line, &r)
		if spent += d; err != nil {
			return r, fmt.Errorf("%s: %w", b.guest.name, err)
		}
	}
	r.Seconds = spent.Seconds()
	r.CPS = float64(r.Chars) / r.Seconds
	return r, nil
}

// typeLine types one line, compares what has arrived, and clears the line. It
// returns how long the typing took.
func (b *bench) typeLine(ctx context.Context, m *machine, line string, r *result) (time.Duration, error) {
	if r.Ready > 0 && b.guest.line > 0 && r.Mode != "" {
		if err := b.guest.clear(ctx, m); err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	mode, err := m.typeText(ctx, keyseq.Quote(line), b.pace)
	spent := time.Since(begin)
	if err != nil {
		return spent, err
	}
	r.Mode = mode
	got, err := b.arrived(ctx, m, len(line))
	if err != nil {
		return spent, err
	}
	d := typeguest.Compare(line, got)
	if d.Total() > 0 && b.show {
		fmt.Fprintf(os.Stderr, "typed:   %q\narrived: %q\n", line, got)
	}
	r.Lost += d.Lost
	r.Doubled += d.Doubled
	r.Wrong += d.Wrong
	return spent, nil
}

// arrived returns what has arrived, once nothing more comes: the guest may show
// the last characters a moment after it has taken them.
func (b *bench) arrived(ctx context.Context, m *machine, want int) (string, error) {
	var got string
	last := time.Now()
	err := until(ctx, "the guest's echo", func() (bool, error) {
		now, err := b.guest.read(ctx, m)
		if now != got {
			got, last = now, time.Now()
		}
		quiet := 2 * time.Second
		if len(got) >= want {
			quiet = 100 * time.Millisecond
		}
		return time.Since(last) >= quiet, err
	})
	return got, err
}

// printable returns n random printable characters.
func printable(n int, seed uint64) string {
	random := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for range n {
		b.WriteByte(byte(' ' + random.IntN('~'-' '+1)))
	}
	return b.String()
}

// lines cuts a text into lines of n characters, or leaves it whole if n is 0.
func lines(text string, n int) []string {
	var all []string
	for n > 0 && len(text) > n {
		all = append(all, text[:n])
		text = text[n:]
	}
	return append(all, text)
}
