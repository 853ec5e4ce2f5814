package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
)

// booted starts a guest for a test, or skips it if something is not installed.
// Media are kept where the program keeps them.
func booted(t *testing.T, name string) (*bench, *machine) {
	t.Helper()
	return bootedWith(t, name, func(*qemu.Config) {})
}

// bootedWith is booted for another machine than the benchmark's.
func bootedWith(t *testing.T, name string, change func(*qemu.Config)) (*bench, *machine) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots machines")
	}
	need.Tool(t, "qemu-system-x86_64")
	chosen, err := find(name)
	if err != nil {
		t.Fatal(err)
	}
	g := *chosen[0]
	g.config = func(ctx context.Context, cache string) (*qemu.Config, error) {
		c, err := chosen[0].config(ctx, cache)
		if err == nil {
			change(c)
		}
		return c, err
	}
	b := &bench{guest: &g, chars: 1000, accel: qemu.TCG, cache: filepath.Join("..", "..", ".cache", "typing")}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	begin := time.Now()
	m, err := b.boot(ctx)
	var missing *typeguest.MissingError
	if errors.As(err, &missing) {
		need.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	t.Logf("ready after %v", time.Since(begin).Round(time.Millisecond))
	return b, m
}

// typed types random characters on a guest beside a load.
func typed(t *testing.T, b *bench, m *machine, load int) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	b.load, b.show = load, !b.pace.openLoop
	b.seed++
	r, err := b.measure(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	return r
}

// What is typed arrives, on an idle machine, on a busy one, and on one to which
// something happens; what is sent without waiting for the guest does not, or the
// test proves nothing.
func TestTyping(t *testing.T) {
	for _, tt := range []struct {
		guest  string
		burst  bool // what is sent without waiting is seen to be lost
		chosen string
		faulty int    // how many characters are typed while something happens; 0: see package imagebuild
		last   string // what happens in the end
	}{
		{guest: "keyread", burst: true, chosen: "bios"},
		{guest: "isolinux", burst: true, chosen: "bios"},
		{guest: "linux", burst: true, chosen: "ps2-trace", faulty: 1000, last: "QMP closed"},
		// A lost release would repeat its key for ever.
		{guest: "linux-virtio", chosen: "virtio-ring", faulty: 1000, last: "reset"},
		{guest: "uefi-shell", chosen: "leds", faulty: 100, last: "reset"},
	} {
		t.Run(tt.guest, func(t *testing.T) {
			b, m := booted(t, tt.guest)
			for _, load := range []int{0, 4} {
				r := typed(t, b, m, load)
				if r.Lost+r.Doubled+r.Wrong > 0 {
					t.Errorf("beside %d busy loops %d characters were lost, %d doubled and %d wrong", load, r.Lost, r.Doubled, r.Wrong)
				}
				if r.Mode != tt.chosen {
					t.Errorf("the mode was %q, want %q", r.Mode, tt.chosen)
				}
			}
			b.load = 0
			if tt.faulty > 0 {
				faults(t, b, m, tt.faulty)
			}
			if tt.burst {
				b.pace.openLoop = true
				if r := typed(t, b, m, 0); r.Lost == 0 {
					t.Error("nothing was lost without waiting for the guest: the test proves nothing")
				}
			}
			if tt.last != "" {
				lastFault(t, b, m, tt.last)
			}
		})
	}
}

// A USB keyboard that the user has added beside the machine's own is typed on:
// the guest's keys come from there as soon as it has found it.
func TestUSBKeyboardAdded(t *testing.T) {
	b, m := bootedWith(t, "linux-usb", func(c *qemu.Config) { c.Machine = "" })
	b.chars = 50
	if r := typed(t, b, m, 0); r.Lost+r.Doubled+r.Wrong > 0 || r.Mode != "usb-trace" {
		t.Errorf("%+v", r)
	}
	faults(t, b, m, 40)
	lastFault(t, b, m, "QMP closed")
}

// Busy loops are there while they are wanted, and no longer.
func TestLoad(t *testing.T) {
	stop, err := startLoad(2)
	if err != nil {
		need.Skip(t, err.Error())
	}
	begin := time.Now()
	stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

// What is wrong with the command line is said before a guest starts.
func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		args []string
		ok   bool
	}{
		{[]string{"-guest", "list"}, true},
		{[]string{"-guest", "amiga"}, false},
		{[]string{"-chars", "0"}, false},
		{[]string{"-load", "-1"}, false},
		{[]string{"-chars", "31000"}, false},
		{[]string{"-runs", "0"}, false},
		{[]string{"-soak", "-1s"}, false},
		{[]string{"-rate", "-5"}, false},
		{[]string{"-interval", "-10ms"}, false},
		{[]string{"-mode", "telepathy"}, false},
		{[]string{"-mode", "echo"}, false},
		{[]string{"-mode", "bios", "-plain"}, false},
		{[]string{"-open-loop", "-rate", "5"}, false},
		{[]string{"-mode", "bios", "-interval", "10ms"}, false},
		{[]string{"keyread"}, false},
		{[]string{"-plot"}, false},
	} {
		null, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := command(t.Context(), tt.args, null, &out); (err == nil) != tt.ok {
			t.Errorf("%q: error %v", tt.args, err)
		}
		if !tt.ok && out.Len() > 0 {
			t.Errorf("%q has begun: %s", tt.args, &out)
		}
		null.Close()
	}
}

// By VNC alone nothing is lost either: where the screen shows what is typed it
// is read there; a secret goes by the lights if they can be trusted, and else
// slowly.
func TestVNCAlone(t *testing.T) {
	if raced {
		t.Skip("the race detector makes reading screens too slow for real guests; imagebuild's tests look for races")
	}
	for _, tt := range []struct {
		name, guest string
		append      string // to the kernel's command line
		open        string // the mode
		secret      string // the mode for a secret
	}{
		{"keyread", "keyread", "", "echo+interval", "interval"}, // it shows nothing
		{"isolinux", "isolinux", "", "echo", ""},
		{"linux", "linux", "", "echo", "interval"}, // on a text screen it might be a BIOS
		{"linux framebuffer", "linux", " vga=791", "echo", "leds"},
		{"uefi-shell", "uefi-shell", "", "echo", "leds"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, m := bootedWith(t, tt.guest, func(c *qemu.Config) {
				for i, a := range c.Args {
					if a.Option == "-append" {
						c.Args[i].Value += tt.append
					}
				}
			})
			b.chars = 60
			for _, p := range []pace{{plain: true}, {plain: true, secret: true}} {
				want := tt.open
				if p.secret {
					want = tt.secret
				}
				if b.pace = p; want == "" {
					continue
				}
				r := typed(t, b, m, 0)
				if r.Lost+r.Doubled+r.Wrong > 0 {
					t.Errorf("%s: %d characters were lost, %d doubled and %d wrong", want, r.Lost, r.Doubled, r.Wrong)
				}
				if r.Mode != want {
					t.Errorf("the mode was %q, want %q", r.Mode, want)
				}
			}
		})
	}
}
