package detect

import (
	"embed"
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed rules/*.rules
var files embed.FS

// builtin is parsed at first use; a test holds that it can be.
var builtin = sync.OnceValues(func() (*Set, error) {
	var all Set
	var errs []error
	names, err := files.ReadDir("rules")
	errs = append(errs, err)
	for _, f := range names {
		text, err := files.ReadFile("rules/" + f.Name())
		errs = append(errs, err)
		set, err := Parse(string(text))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Name(), err))
			continue
		}
		all.Rules = append(all.Rules, set.Rules...)
	}
	return &all, errors.Join(errs...)
})

// Default returns a new set of the rules that this package has. They are in the
// files of its directory rules.
func Default() *Set {
	set, _ := builtin()
	return set.For("")
}

// Parse reads rules as the files of this package have them. A rule is a stanza,
// stanzas are parted by empty lines, and lines that begin with # are comments:
//
//	name: no-such-disk
//	class: transitional
//	on: screen serial
//	pattern: ^Boot failed: no disk (\d+)
//	after: 10s
//	hint: Attach a disk.
//	match: Boot failed: no disk 3
//	miss: Warning: Boot failed: no disk 3 was set
//
// The keys are the fields of Rule: name, class, on (Channels), pattern, end,
// after, moving (yes), count (such as 4 in 1m, or 4 in 1m apart 2s), boot (yes),
// phase, hint, origin, off (yes), match, miss. Those of several words part them by
// spaces.
// A second pattern is an alternative to the first, and match and miss may
// repeat; in these two \n is a new line.
func Parse(text string) (*Set, error) {
	var set Set
	var errs []error
	var r *Rule
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case line == "":
			r = nil
			continue
		case strings.HasPrefix(line, "#"):
			continue
		case r == nil:
			set.Rules = append(set.Rules, Rule{})
			r = &set.Rules[len(set.Rules)-1]
		}
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			errs = append(errs, fmt.Errorf("detect: parse line %d: %q is not a key, a colon, a space and a value", i+1, line))
		} else if err := r.set(key, strings.TrimSpace(value)); err != nil {
			errs = append(errs, fmt.Errorf("detect: parse line %d: %s: %w", i+1, key, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := set.Validate(); err != nil {
		return nil, err
	}
	return &set, nil
}

// set sets the field of a key.
func (r *Rule) set(key, value string) (err error) {
	once := map[string]*string{"name": &r.Name, "end": &r.End, "hint": &r.Hint, "origin": &r.Origin}
	truth := map[string]*bool{"moving": &r.Moving, "boot": &r.Boot, "off": &r.Off}
	switch {
	case once[key] != nil:
		if *once[key] != "" {
			return errors.New("is given twice; rules are parted by an empty line")
		}
		*once[key] = value
		return nil
	case truth[key] != nil:
		*truth[key] = value == "yes"
		if value != "yes" {
			err = fmt.Errorf("%q is not yes; leave the line out for no", value)
		}
		return err
	}
	switch key {
	case "class":
		r.Class = Class(value)
	case "on":
		for _, ch := range strings.Fields(value) {
			r.Channels = append(r.Channels, Channel(ch))
		}
	case "pattern":
		r.alternative(value)
	case "after":
		r.After, err = time.ParseDuration(value)
	case "count":
		err = r.count(value)
	case "phase":
		r.Phases = append(r.Phases, strings.Fields(value)...)
	case "match":
		r.Match = append(r.Match, strings.ReplaceAll(value, `\n`, "\n"))
	case "miss":
		r.Miss = append(r.Miss, strings.ReplaceAll(value, `\n`, "\n"))
	default:
		err = errors.New("is no key of a rule")
	}
	return err
}

// count reads a number, the time within which it is to be reached, and perhaps
// how far apart what is counted must be.
func (r *Rule) count(value string) (err error) {
	n, within, _ := strings.Cut(value, " in ")
	within, apart, spaced := strings.Cut(within, " apart ")
	if r.Count, err = strconv.Atoi(n); err != nil {
		return err
	}
	if r.Within, err = time.ParseDuration(within); err != nil || !spaced {
		return err
	}
	r.Apart, err = time.ParseDuration(apart)
	return err
}

func (r *Rule) alternative(pattern string) {
	if r.Pattern != "" {
		r.Pattern += "|"
	}
	r.Pattern += "(?:" + pattern + ")"
}

// Validate reports all that is wrong with the rules of a set; nil is nothing.
func (s *Set) Validate() error {
	var errs []error
	for i := range s.Rules {
		r := &s.Rules[i]
		where := fmt.Sprintf("detect: rule %q", r.Name)
		if r.Name == "" {
			where = fmt.Sprintf("detect: rule %d", i+1)
		}
		for _, problem := range r.problems() {
			errs = append(errs, fmt.Errorf("%s: %s", where, problem))
		}
		if r.Name != "" && s.Rule(r.Name) != r {
			errs = append(errs, fmt.Errorf("%s: Name is used twice; Set.Add replaces a rule", where))
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) problems() (found []string) {
	bad := func(is bool, format string, args ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	bad(r.Name == "", "Name is missing")
	bad(strings.ContainsAny(r.Name, " \t\r\n"), "Name has white space; join its words by hyphens")
	bad(!slices.Contains([]Class{Fatal, Transitional, Stall, Info, Ignored}, r.Class),
		"Class is %q; use fatal, transitional, stall, info or ignore", r.Class)
	for _, ch := range r.Channels {
		bad(!slices.Contains([]Channel{Screen, Serial, DebugCon, QMP}, ch),
			"Channels has %q; use screen, serial, debugcon or qmp", ch)
	}
	bad(r.Channels != nil && len(r.Channels) == 0, "Channels is empty; use nil for all, or Off")
	bad(r.Pattern == "", "Pattern is missing")
	_, err := syntax.Parse(r.Pattern, syntax.Perl)
	bad(err != nil, "Pattern: %v", err)
	_, err = syntax.Parse(r.End, syntax.Perl)
	bad(err != nil, "End: %v", err)
	bad(r.After < 0, "After is %v; it must not be negative", r.After)
	bad(r.Moving && r.Class != Stall, "Moving is for class stall only")
	bad(r.Boot && r.Class != Info, "Boot is for class info only")
	bad(r.End != "" && r.Class != Fatal && r.Class != Info, "End is for classes fatal and info only")
	bad(r.Count < 0, "Count is %d; it must not be negative", r.Count)
	bad(r.Count > maxCount, "Count is %d; at most %d", r.Count, maxCount)
	bad(r.Count > 1 && r.Within <= 0, "Within is missing; Count needs it")
	bad(r.Apart < 0, "Apart is %v; it must not be negative", r.Apart)
	bad(r.Apart > 0 && time.Duration(r.Count-1)*r.Apart > r.Within, "Apart is %v, so Count is never reached within %v", r.Apart, r.Within)
	return found
}

const maxCount = 1000 // so many times are remembered
