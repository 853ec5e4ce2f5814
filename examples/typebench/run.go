package main

import (
	"context"
	"errors"
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
	Busy    float64 `json:"busy,omitempty"` // part of that time in which the guest's processor ran; 1: the guest is the limit
	Load    int     `json:"load"`           // busy loops beside it
	QEMU    string  `json:"qemu"`
	Accel   string  `json:"accelerator"`
	Seed    uint64  `json:"seed"`
	Error   string  `json:"error,omitempty"` // why it ended early
}

// run starts the guest, types, and compares.
func (b *bench) run(ctx context.Context) (result, error) {
	m, err := b.boot(ctx)
	if err != nil {
		return result{}, err
	}
	defer m.Close()
	return b.measure(ctx, m)
}

// text returns what is typed.
func (b *bench) text() string {
	if b.guest.fixed != "" {
		return b.guest.fixed
	}
	return printable(b.chars, b.seed)
}

// boot starts the guest and waits until it takes keys.
func (b *bench) boot(ctx context.Context) (*machine, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	m, err := start(ctx, b.guest, b.cache, b.accel)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.guest.name, err)
	}
	if err := b.guest.ready(ctx, m); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", b.guest.name, err), m.Close())
	}
	return m, nil
}

// measure types on a guest that is ready, beside the load.
func (b *bench) measure(ctx context.Context, m *machine) (result, error) {
	text := b.text()
	accel, _ := m.vm.Accel()
	r := result{Guest: b.guest.name, Chars: len(text), Load: b.load, Seed: b.seed, Accel: string(accel),
		QEMU: m.vm.QMP().Greeting().Version.String()}
	stop, err := startLoad(b.load)
	if err != nil {
		return r, err
	}
	defer stop()
	for _, line := range lines(text, b.guest.line) {
		if err := b.typeLine(ctx, m, line, &r); err != nil {
			return r, fmt.Errorf("%s: %w", b.guest.name, err)
		}
	}
	r.CPS = float64(r.Chars) / r.Seconds
	r.Busy /= r.Seconds
	return r, nil
}

// typeLine types one line and compares what has arrived.
func (b *bench) typeLine(ctx context.Context, m *machine, line string, r *result) error {
	if m.dirty && b.guest.clear != nil {
		if err := b.guest.clear(ctx, m); err != nil {
			return err
		}
	}
	m.dirty = true
	mode, err := b.timed(ctx, m, line, r)
	if err != nil {
		return err
	}
	r.Mode = mode
	got, err := b.arrived(ctx, m, len(line))
	if err != nil {
		return err
	}
	if b.guest.clear == nil {
		m.had += len(got)
	}
	d := typeguest.Compare(line, got)
	if d.Total() > 0 && b.show {
		fmt.Fprintf(os.Stderr, "typed:   %q\narrived: %q\n", line, got)
	}
	r.Lost += d.Lost
	r.Doubled += d.Doubled
	r.Wrong += d.Wrong
	return nil
}

// timed types one line, and adds to how long that took.
func (b *bench) timed(ctx context.Context, m *machine, line string, r *result) (mode string, err error) {
	before, err := m.guestTime(ctx)
	if err != nil {
		return "", err
	}
	begin := time.Now()
	mode, err = m.typeText(ctx, keyseq.Quote(line), b.pace)
	r.Seconds += time.Since(begin).Seconds()
	after, failed := m.guestTime(ctx)
	r.Busy += (after - before).Seconds()
	return mode, errors.Join(err, failed)
}

// arrived returns what has arrived, once nothing more comes: the guest may show
// the last characters a moment after it has taken them, and later beside a load,
// when its timer's interrupts leave little to the program that shows them.
func (b *bench) arrived(ctx context.Context, m *machine, want int) (string, error) {
	var got string
	last := time.Now()
	err := until(ctx, "the guest's echo", func() (bool, error) {
		now, err := b.guest.read(ctx, m)
		now = now[min(m.had, len(now)):]
		if now != got {
			got, last = now, time.Now()
		}
		quiet := 2*time.Second + time.Duration(b.load)*time.Second/2
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
