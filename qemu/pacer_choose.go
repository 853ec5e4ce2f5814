package qemu

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// board is the keyboard that gets the keys.
type input string

const (
	inputNone   input = "no"
	inputPS2    input = "PS/2"
	inputUSB    input = "USB"
	inputVirtIO input = "virtio"
)

// choose makes sure that there is a way that fits the moment. It leaves way nil
// while that is not known: the firmware may still be starting.
func (p *Pacer) choose(ctx context.Context) error {
	if p.way != nil && (len(p.flying) > 0 || !p.doubtful()) {
		return nil
	}
	if p.c.Mode != "" {
		return p.asked(ctx)
	}
	for {
		mode, reason, err := p.fitting(ctx)
		if err != nil || mode == "" || mode == p.mode {
			return err
		}
		err = p.enter(ctx, mode, reason)
		var unfit *unfitError
		if !errors.As(err, &unfit) {
			return err
		}
		p.failed[mode] = unfit.reason
	}
}

// asked makes sure that the mode that was asked for is in use.
func (p *Pacer) asked(ctx context.Context) error {
	if p.way != nil {
		return nil
	}
	if isX86(p.vm.c.arch()) {
		c, err := p.survey(ctx)
		if err != nil {
			return err
		}
		bytes := p.c.Mode == ModePS2Trace || p.c.Mode == ModePS2Status
		if bytes && p.vm.c.uefi() && !c.kernel() {
			return &unfitError{reason: "UEFI's firmware takes keys from the keyboard before its program does, and drops some"}
		}
	}
	return p.enter(ctx, p.c.Mode, "it was asked for")
}

// doubtful reports whether the mode in use might not fit any more, since an
// operating system can have taken over from the firmware. While keys flow each
// mode but the lights notices by what it observes.
func (p *Pacer) doubtful() bool {
	if p.mode == ModeLEDs {
		return time.Since(p.chosen) > 250*time.Millisecond
	}
	return time.Since(p.sent) > 100*time.Millisecond
}

// fitting returns the mode that fits the moment, the best first.
func (p *Pacer) fitting(ctx context.Context) (Mode, string, error) {
	p.chosen = time.Now()
	if !isX86(p.vm.c.arch()) {
		if p.boards.virtio {
			return p.first("the machine has a virtio keyboard", ModeVirtIO, ModeLEDs)
		}
		return p.first("the machine is not a PC", ModeLEDs, ModeUSBTrace)
	}
	c, err := p.survey(ctx)
	if err != nil {
		return "", "", err
	}
	switch {
	case c.kernel():
		why := fmt.Sprintf("an operating system reads a %s keyboard", p.target)
		switch p.target {
		case inputPS2:
			return p.first(why, ModePS2Trace, ModePS2Status)
		case inputUSB:
			return p.first(why, ModeUSBTrace, ModeLEDs)
		case inputVirtIO:
			return p.first(why, ModeVirtIO, ModeLEDs)
		}
		return p.first(why, ModeLEDs)
	case p.vm.c.uefi():
		return p.first("UEFI's firmware reads the keyboard", ModeLEDs)
	case p.bios:
		return p.first("a BIOS program reads the keyboard", ModeBIOS, ModePS2Trace, ModePS2Status)
	case p.idle < lostAfter:
		p.seen = "the BIOS is not ready"
		return "", "", nil
	}
	return p.first("no BIOS has the keyboard", ModePS2Trace, ModePS2Status)
}

// survey finds out what a PC runs now, and which keyboard gets the keys.
func (p *Pacer) survey(ctx context.Context) (c cpu, err error) {
	p.bios = false
	if c, err = p.vm.cpu(ctx); err != nil {
		return c, err
	}
	if p.target, err = p.gets(ctx); err != nil || c.kernel() || p.vm.c.uefi() {
		return c, err
	}
	p.bios, err = p.vm.biosServes(ctx)
	return c, err
}

// first returns the first mode that has not failed, and why it is that one.
func (p *Pacer) first(reason string, modes ...Mode) (Mode, string, error) {
	for _, m := range append(modes, ModeInterval) {
		why, failed := p.failed[m]
		if !failed {
			return m, reason, nil
		}
		reason += fmt.Sprintf("; not %s: %s", m, why)
	}
	return ModeInterval, reason, nil
}

// enter begins a mode.
func (p *Pacer) enter(ctx context.Context, mode Mode, reason string) error {
	if err := p.leave(ctx); err != nil {
		return err
	}
	way, err := p.newWay(ctx, mode)
	if err != nil {
		return err
	}
	p.way, p.mode = way, mode
	if p.c.Observe != nil {
		p.c.Observe(mode, reason)
	}
	return nil
}

func (p *Pacer) newWay(ctx context.Context, mode Mode) (way, error) {
	switch mode {
	case ModeBIOS:
		return newBIOSWay(ctx, p)
	case ModePS2Trace:
		return newPS2TraceWay(ctx, p)
	case ModeLEDs:
		a, err := p.newAcceptance(ctx)
		if err != nil {
			return nil, err
		}
		return newLEDWay(ctx, p, a)
	case ModeUSBTrace:
		return newUSBTraceWay(ctx, p)
	case ModeVirtIO:
		return newVirtIOWay(ctx, p)
	case ModePS2Status:
		return &statusWay{p: p, idle: idleKeyboard{p: p}}, nil
	case ModeInterval:
		return &intervalWay{p: p, idle: idleKeyboard{p: p}}, nil
	}
	return nil, fmt.Errorf("there is no mode %q", mode)
}
