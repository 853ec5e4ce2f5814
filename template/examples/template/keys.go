package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/template"
)

// typed is a line of keys -json.
type typed struct {
	Builder string `json:"builder"`
	Events  string `json:"events"`
}

// packerInterval is Packer's pause after each key event.
const packerInterval = 100 * time.Millisecond

func (p *program) keys(ctx context.Context) int {
	t, builds, err := p.builds(ctx)
	if err != nil {
		return p.fail(err)
	}
	w := bufio.NewWriter(p.stdout)
	defer w.Flush()
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, b := range builds {
		if p.o.json {
			events, err := eventsOf(b)
			if err == nil {
				err = enc.Encode(typed{b.Name, events})
			}
			if err != nil {
				return p.fail(err)
			}
			continue
		}
		for _, c := range b.Commands {
			seq, err := keyseq.Parse(c.Text)
			if err != nil {
				return p.fail(err)
			}
			name := b.Name
			if c.Description != "" {
				name += ", " + c.Description
			}
			fmt.Fprintf(w, "%s: %d keys; %v of waits, and with Packer's pauses %v\n  %s\n", name, seq.Keys(),
				seq.Cost(nil, 0), seq.Cost(nil, packerInterval).Round(time.Millisecond), t.Redact(c.Text))
		}
		if b.Serial != "" {
			fmt.Fprintf(w, "%s, on the serial port:\n  %s\n", b.Name, t.Redact(b.Serial))
		}
	}
	return 0
}

// eventsOf are the key events of all that a build types.
func eventsOf(b *template.Build) (string, error) {
	var events []string
	for _, c := range b.Commands {
		seq, err := keyseq.Parse(c.Text)
		if err != nil {
			return "", err
		}
		for e := range seq.Events(nil) {
			events = append(events, e.String())
		}
	}
	return strings.Join(events, " "), nil
}
