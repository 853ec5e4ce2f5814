package detect

import (
	"fmt"
	"slices"
	"time"
)

// Class says what a rule's text means for a wait that is going on.
type Class string

// The classes.
const (
	// Fatal text means that nothing good can follow.
	Fatal Class = "fatal"
	// Transitional text is a failure that something may still follow, such as
	// the next boot device. If nothing does within Rule.After, it is one.
	Transitional Class = "transitional"
	// Stall text stands there while a guest waits, perhaps for a person. If it
	// still does after Rule.After, nobody answers.
	Stall Class = "stall"
	// Info is worth knowing and ends nothing: progress, or a soft failure.
	Info Class = "info"
	// Ignored text is none of the other rules' business.
	Ignored Class = "ignore"
)

// Channel is where a guest says something.
type Channel string

// The channels. All but QMP carry text.
const (
	Screen   Channel = "screen"
	Serial   Channel = "serial"
	DebugCon Channel = "debugcon" // the firmware's debug console, QEMU's isa-debugcon at port 0x402
	QMP      Channel = "qmp"      // events, as text: NAME {"compact":"JSON"}
)

// Phases that rules of Default name. Others may be used in rules of one's own.
const (
	PhaseBoot    = "boot"    // firmware and boot loader, up to the installer
	PhaseInstall = "install" // the installer
	PhaseSystem  = "system"  // the installed system
)

// What a rule's After is when it is zero.
const (
	DefaultGrace = 10 * time.Second // of Transitional
	DefaultStall = time.Minute      // of Stall
)

// Rule says what a text means. Of several rules that match a line, the first
// in the Set speaks for it, and rules of class Ignored before all others.
type Rule struct {
	// Name identifies the rule in its Set: lower-case words joined by hyphens.
	Name string
	// Class says what it means that the text is there.
	Class Class
	// Channels are where it counts. Nil means all that carry text.
	Channels []Channel
	// Pattern is what to look for in a line, in the syntax of package regexp.
	// Escape sequences and control characters are gone from the line, and so
	// is the white space at its end. Something in the pattern that is always
	// the same text, of four bytes and more, makes it fast. On a screen a
	// space in the pattern also matches where a text in a box is broken into
	// lines.
	Pattern string
	// End matches the last line of a text of several, which begins with
	// Pattern: they are one finding. Empty for a text of one line. If the end
	// does not come within a second or 60 lines, the text ends there.
	End string
	// After is how long a Transitional text may be the last, or a Stall may
	// stand. Zero is DefaultGrace and DefaultStall.
	After time.Duration
	// Moving is for a Stall beside which the rest may change, be it a counter
	// or the same line again and again: only what Pattern matches has to stay.
	Moving bool
	// Count, if it is more than 1, is how often the text must come within the
	// time Within before it counts. What comes less than Apart after one that was
	// counted is the same one.
	Count         int
	Within, Apart time.Duration
	// Boot marks the beginning of a boot: what was transitional or stalled
	// before has gone by.
	Boot bool
	// Phases are when the rule holds; nil for always. See Set.For.
	Phases []string
	// Hint is a sentence on what to do, and Origin where the text comes from.
	// UNVERIFIED in Origin says that nobody has seen it in source or guest.
	Hint, Origin string
	// Off switches the rule off.
	Off bool
	// Match and Miss are texts that the rule must and must not find, for tests.
	// Those of QMP are NAME {"compact":"JSON"}.
	Match, Miss []string
}

// on reports whether the rule counts on a channel.
func (r *Rule) on(ch Channel) bool {
	if r.Channels == nil {
		return ch != QMP
	}
	return slices.Contains(r.Channels, ch)
}

func (r *Rule) after() time.Duration {
	switch {
	case r.After > 0:
		return r.After
	case r.Class == Stall:
		return DefaultStall
	}
	return DefaultGrace
}

func (r Rule) clone() Rule {
	r.Channels = slices.Clone(r.Channels)
	r.Phases = slices.Clone(r.Phases)
	r.Match, r.Miss = slices.Clone(r.Match), slices.Clone(r.Miss)
	return r
}

// Set is the rules of a Detector, in the order in which they speak. The zero
// Set has none.
type Set struct{ Rules []Rule }

// Rule returns the rule of a name for reading and changing, nil if there is
// none. It is good until rules are added or removed.
func (s *Set) Rule(name string) *Rule {
	for i := range s.Rules {
		if s.Rules[i].Name == name {
			return &s.Rules[i]
		}
	}
	return nil
}

// Add puts rules before the others, so that they speak first. They replace
// rules of the same names.
func (s *Set) Add(rules ...Rule) {
	named := func(r Rule) bool {
		return slices.ContainsFunc(rules, func(n Rule) bool { return n.Name == r.Name })
	}
	s.Rules = slices.Concat(rules, slices.DeleteFunc(s.Rules, named))
}

// Remove takes rules away. It is an error, and nothing is removed, if one of
// the names is unknown, since the failure that it stands for would end a build
// after all.
func (s *Set) Remove(names ...string) error {
	for _, name := range names {
		if s.Rule(name) == nil {
			return fmt.Errorf("detect: remove rule %q: there is none of this name", name)
		}
	}
	s.Rules = slices.DeleteFunc(s.Rules, func(r Rule) bool { return slices.Contains(names, r.Name) })
	return nil
}

// For returns a new set of the rules that hold in a phase: those that name it,
// and those without phases. For("") returns a copy of all.
func (s *Set) For(phase string) *Set {
	var in Set
	for _, r := range s.Rules {
		if phase == "" || r.Phases == nil || slices.Contains(r.Phases, phase) {
			in.Rules = append(in.Rules, r.clone())
		}
	}
	return &in
}
