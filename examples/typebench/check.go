package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
)

// plainModes are those that need nothing but VNC.
var plainModes = []qemu.Mode{imagebuild.ModeEcho, qemu.ModeLEDs, qemu.ModeInterval}

func list(modes []qemu.Mode) string {
	var names []string
	for _, m := range modes {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

// check finds all that is wrong with the command line before a guest starts.
func (o *options) check(chosen []*guest) error {
	var errs []error
	for _, f := range []struct {
		wrong bool
		what  string
	}{
		{o.chars < 1, fmt.Sprintf("-chars %d: give at least one character", o.chars)},
		{o.load < 0, fmt.Sprintf("-load %d: give no number below 0", o.load)},
		{o.runs < 1, fmt.Sprintf("-runs %d: give at least one run", o.runs)},
		{o.soak < 0, fmt.Sprintf("-soak %v: give no time below 0", o.soak)},
	} {
		if f.wrong {
			errs = append(errs, errors.New(f.what))
		}
	}
	for _, g := range chosen {
		if g.limit > 0 && o.chars > g.limit {
			errs = append(errs, fmt.Errorf("-chars %d: the guest %s has room for %d", o.chars, g.name, g.limit))
		}
	}
	return errors.Join(append(errs, o.pace.check())...)
}

// check finds what is wrong with a pace, and ways that exclude each other.
func (p pace) check() error {
	modes, which := qemu.Modes(), "without -plain"
	if p.plain {
		modes, which = plainModes, "with -plain"
	}
	var ways []string
	for _, w := range []struct {
		name  string
		given bool
	}{{"-open-loop", p.openLoop}, {"-rate", p.rate != 0}, {"-interval", p.interval != 0}, {"-mode", p.mode != ""}} {
		if w.given {
			ways = append(ways, w.name)
		}
	}
	switch {
	case p.rate < 0 || p.rate > maxRate:
		return fmt.Errorf("-rate %d: give 1 to %d characters a second, or use -open-loop", p.rate, maxRate)
	case p.interval < 0:
		return fmt.Errorf("-interval %v: give no time below 0", p.interval)
	case len(ways) > 1:
		return fmt.Errorf("%s: give one of them", strings.Join(ways, " and "))
	case p.mode != "" && !slices.Contains(modes, p.mode):
		return fmt.Errorf("-mode %s: %s there are %s", p.mode, which, list(modes))
	}
	return nil
}

// maxRate is what a timer of this machine can keep to.
const maxRate = 100_000
