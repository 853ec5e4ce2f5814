package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/bootscribe/bootscribe/keyseq"
)

// answer is what one line of input gives.
type answer struct {
	In     string  `json:"in"`
	Events *string `json:"events,omitempty"` // a pointer: "" is the answer to ""
	Error  string  `json:"error,omitempty"`
}

type linted struct {
	In       string           `json:"in"`
	Findings []keyseq.Finding `json:"findings"`
}

// jsonLines answers line by line. It returns false if a line was no JSON string
// or, when linting, if anything was found.
func jsonLines(o options, stdin io.Reader, stdout io.Writer) (ok bool, err error) {
	in, out := bufio.NewReader(stdin), bufio.NewWriter(stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false) // <enter> stays readable
	ok = true
	for n := 1; ; n++ {
		// A Reader and not a Scanner: lines may be of any length.
		line, readErr := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			good, err := o.answer(enc, n, line)
			if err != nil {
				return false, err
			}
			ok = ok && good
			if in.Buffered() == 0 {
				if err := out.Flush(); err != nil {
					return false, err
				}
			}
		}
		if readErr == io.EOF {
			return ok, out.Flush()
		}
		if readErr != nil {
			return false, readErr
		}
	}
}

func (o options) answer(enc *json.Encoder, n int, line []byte) (ok bool, err error) {
	var s *string
	if err := json.Unmarshal(line, &s); err != nil || s == nil {
		if err == nil {
			err = fmt.Errorf("null")
		}
		return false, enc.Encode(answer{In: string(line), Error: fmt.Sprintf("keys: line %d: not a JSON string: %v", n, err)})
	}
	if !utf8.Valid(line) {
		// The decoder has put replacement characters in place of what was wrong.
		return true, enc.Encode(answer{In: *s, Error: "keys: the boot command is not UTF-8"})
	}
	if o.lint {
		return o.jsonFindings(enc, *s)
	}
	seq, err := keyseq.Parse(*s)
	if err != nil {
		return true, enc.Encode(answer{In: *s, Error: err.Error()})
	}
	var b strings.Builder
	for e := range seq.Events(o.layout) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.String())
	}
	events := b.String()
	return true, enc.Encode(answer{In: *s, Events: &events})
}

func (o options) jsonFindings(enc *json.Encoder, s string) (ok bool, err error) {
	found := keyseq.Lint(s, o.layout)
	if found == nil {
		found = []keyseq.Finding{} // [] and not null
	}
	return len(found) == 0, enc.Encode(linted{In: s, Findings: found})
}
