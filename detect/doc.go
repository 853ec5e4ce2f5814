// Package detect names what has gone wrong in a guest while it says so: on its
// screen, its serial line, the firmware's debug console and by QEMU's events.
// A build that waits for SSH learns within seconds that the kernel has
// panicked, that there is nothing to boot, or that the installer asks a
// question which nobody will answer.
//
//	d, err := detect.New(detect.Default())
//	if err != nil {
//		return err
//	}
//	for {
//		var found []detect.Finding
//		var next time.Time // when to call Due, if nothing else happens
//		select {
//		case p := <-serial:
//			found = d.Feed(time.Now(), detect.Serial, p)
//		case lines := <-screens: // what package screen has read
//			found = d.Screen(time.Now(), lines)
//		case e := <-events: // of package qmp
//			found = d.Event(time.Now(), e.Name, e.Data)
//		case <-timer.C:
//			found, next = d.Due(time.Now())
//		}
//		for _, f := range found {
//			if f.Fails {
//				return errors.New(f.String())
//			}
//		}
//		…
//	}
//
// # Rules
//
// A Rule has a pattern, the channels where it counts, and a Class: what it
// finds is fatal, or transitional, and a failure if nothing follows it for a
// while, or a stall, if it stands there for too long, or mere information. The
// rules of Default are text, in the files of the directory rules, each with
// where it comes from and with examples of what it finds and what not. A Set is
// plain data:
//
//	rules := detect.Default()
//	rules.Rule("uefi-shell").Off = true // our build types there
//	rules.Rule("out-of-memory").Class = detect.Info
//	rules.Add(detect.Rule{Name: "no-licence", Class: detect.Fatal, Pattern: `^licence not found`})
//
// Rules may hold in some phases only: Set.For picks them, and Detector.Use
// changes from one phase's to the next's. Default's rules for installers have
// the phases boot and install.
//
// # What counts
//
// One rule speaks for a line, the first that matches. Escape sequences are
// removed, a carriage return parts what was written over from what is there
// now, and a prompt counts without the end of its line. A text on the screen is
// found once, when it appears, and may come again after it was gone; there,
// lines that are wrapped, or broken in a box, are put together.
//
// The beginning of a boot (a firmware's banner, a boot option that is tried, the
// kernel's first line, a reset) makes past what was transitional or stalled
// before it. What is fatal is told at once and stays so.
package detect
