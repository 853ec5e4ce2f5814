package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// said matches a line that the installer writes to the serial line. What its
// kernel writes when it can go no further is found by the build itself.
var said = regexp.MustCompile(`installer: ([^\r\n]*)\r?\n`)

// copied matches what the installer says of its progress.
var copied = regexp.MustCompile(`^copied (\d{1,3})%$`)

// message is something that the installer has said.
type message struct {
	text    string
	percent int64 // of the copying; -1 if it is about something else
	err     error // what keeps the installer from going on
}

// read makes a message of a match of said.
func read(match []string) message {
	m := message{text: strings.TrimSpace(match[1]), percent: -1}
	if strings.HasPrefix(m.text, "error:") {
		m.err = fmt.Errorf("the installer says: %s", m.text)
	} else if c := copied.FindStringSubmatch(m.text); c != nil {
		m.percent, _ = strconv.ParseInt(c[1], 10, 64) // three digits at most
	}
	return m
}

// follow reads what the installer says until it says last. It fails as soon as
// the installer does.
func follow(ctx context.Context, g *imagebuild.Guest, last string) error {
	for {
		match, err := g.WaitSerial(ctx, said)
		if err != nil {
			return err
		}
		switch m := read(match); {
		case m.err != nil:
			return m.err
		case m.percent >= 0:
			g.Report("copying the system", m.percent, 100)
		case m.text == last:
			return nil
		}
	}
}

// fetched returns when the installer has its answers: from us.
func fetched(ctx context.Context, g *imagebuild.Guest) error {
	if err := follow(ctx, g, "got the answer file"); err != nil {
		return err
	}
	_, err := g.WaitFetch(ctx, "/answers.cfg")
	return err
}

// installed returns when the installer has finished.
func installed(ctx context.Context, g *imagebuild.Guest) error {
	return follow(ctx, g, "finished")
}
