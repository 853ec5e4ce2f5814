package qemuimg

import (
	"bytes"
	"strconv"
)

// progress reads what `qemu-img convert -p` prints, "    (12.34/100%)\r" again
// and again, and reports each step forward.
type progress struct {
	report func(float64)
	last   float64
	line   []byte
}

func (p *progress) Write(data []byte) (int, error) {
	for _, b := range data {
		switch {
		case b == '\r' || b == '\n':
			p.parse()
			p.line = p.line[:0]
		case len(p.line) < 64: // more is not progress
			p.line = append(p.line, b)
		}
	}
	return len(data), nil
}

func (p *progress) parse() {
	text, ok := bytes.CutSuffix(bytes.TrimSpace(p.line), []byte("/100%)"))
	text, ok2 := bytes.CutPrefix(text, []byte("("))
	percent, err := strconv.ParseFloat(string(text), 64)
	if !ok || !ok2 || err != nil {
		return
	}
	if fraction := percent / 100; fraction > p.last && fraction >= 0 && fraction <= 1 {
		p.last = fraction
		p.report(fraction)
	}
}
