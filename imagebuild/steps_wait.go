package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/screen"
)

// WaitText returns a step that waits until the screen shows what matches all of
// some regular expressions, in which ^ and $ are the beginning and the end of a
// row. To wait for one of several things use [First], and for something in a
// part of the screen that or [Guest.WaitText].
func WaitText(patterns ...string) Step {
	names := make([]string, len(patterns))
	for i, p := range patterns {
		names[i] = fmt.Sprintf("%q", p)
	}
	what := strings.Join(names, " and ")
	return Step{
		Name:  "wait until the screen shows " + what,
		check: needsScreen,
		Check: func(Vars) error {
			_, err := expressions(patterns)
			return err
		},
		Do: func(ctx context.Context, g *Guest) error {
			all, err := expressions(patterns)
			if err != nil {
				return err
			}
			return g.waitText(ctx, what, all, func(t *screen.Text) bool {
				for _, re := range all {
					if find(t, re, keyseq.Region{}) == nil {
						return false
					}
				}
				return true
			})
		},
	}
}

// expressions compiles patterns for what the screen shows.
func expressions(patterns []string) ([]*regexp.Regexp, error) {
	if len(patterns) == 0 {
		return nil, errors.New("there is no text to wait for; give a pattern")
	}
	var all []*regexp.Regexp
	var errs []error
	for _, p := range patterns {
		re, err := expression(rowFlag + p)
		all, errs = append(all, re), append(errs, err)
	}
	return all, errors.Join(errs...)
}

// First returns a step that waits until one of the outcomes appears, and does
// what that one says; see [Guest.First]:
//
//	imagebuild.First(
//		imagebuild.Outcome{Text: "login:"},
//		imagebuild.Outcome{Text: "Continue without a driver", Steps: []imagebuild.Step{imagebuild.Type("y<enter>")}},
//		imagebuild.Outcome{Serial: "Kernel panic", Err: errors.New("the kernel does not boot")},
//	)
func First(outcomes ...Outcome) Step {
	return Step{
		Name:  "wait for " + list(outcomes),
		check: func(b *Build) error { return b.canSee(outcomes) },
		Do: func(ctx context.Context, g *Guest) error {
			_, err := g.First(ctx, outcomes...)
			return err
		},
	}
}

// Repeat returns a step that types a boot command again and again, with a pause
// before each time, until one of the outcomes appears, and does what that one
// says; see [Guest.Repeat].
func Repeat(command string, every time.Duration, until ...Outcome) Step {
	return Step{
		Name: fmt.Sprintf("type %q every %v until there is %s", command, every, list(until)),
		check: func(b *Build) error {
			return errors.Join(b.canType(command), b.canSee(until))
		},
		Check: func(Vars) error {
			_, err := repeatable(command, every)
			return err
		},
		Do: func(ctx context.Context, g *Guest) error {
			_, err := g.Repeat(ctx, command, every, until...)
			return err
		},
	}
}

// Detect returns a step that replaces the rules that look out for failures, from
// now on; see [Build.Detect]. Nil means those of [detect.Default].
func Detect(rules *detect.Set) Step {
	return Step{
		Name: "look out for other failures",
		Check: func(Vars) error {
			if rules == nil {
				return nil
			}
			return rules.Validate()
		},
		Do: func(_ context.Context, g *Guest) error { return g.Detect(rules) },
	}
}

func list(outcomes []Outcome) string { return (&search{outcomes: outcomes}).String() }
