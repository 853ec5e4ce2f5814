package winrm

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// clixml makes text of what Windows PowerShell writes to standard error when it
// runs an encoded script: messages as XML, whatever -OutputFormat says. What
// programs write there in between is passed on, and progress is left out.
type clixml struct {
	to    io.Writer
	rest  []byte
	depth int  // of elements; zero outside of the XML
	text  bool // in a message
	err   error
}

const (
	clixmlMark = "#< CLIXML"
	maxMessage = 1 << 20 // in bytes
)

// Write takes any piece of the output.
func (c *clixml) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for c.err == nil && c.step(false) {
		continue
	}
	if len(c.rest) > maxMessage { // which no message is
		return len(p), c.flush()
	}
	c.rest = bytes.Clone(c.rest)
	return len(p), c.err
}

// flush passes on what is left at the end.
func (c *clixml) flush() error {
	for c.err == nil && c.step(true) {
		continue
	}
	c.rest = nil
	return c.err
}

// step takes something off the rest, and reports whether there may be more.
func (c *clixml) step(end bool) bool {
	if len(c.rest) == 0 {
		return false
	}
	if c.depth == 0 {
		return c.outside(end)
	}
	i := bytes.IndexByte(c.rest, '<')
	switch {
	case i == 0:
		return c.tag(end)
	case i < 0 && !end:
		return false // a message may have been cut in the midst of a character
	case i < 0:
		i = len(c.rest)
	}
	piece := c.take(i)
	if c.text {
		c.emit(plainText(piece))
	} else if c.depth == 1 && len(bytes.TrimSpace(piece)) > 0 {
		c.emit(piece)
	}
	return true
}

// outside passes on what is before the XML.
func (c *clixml) outside(end bool) bool {
	i := bytes.Index(c.rest, []byte(clixmlMark))
	if i < 0 {
		keep := 0
		for n := min(len(clixmlMark), len(c.rest)); n > 0 && !end && keep == 0; n-- {
			if strings.HasPrefix(clixmlMark, string(c.rest[len(c.rest)-n:])) {
				keep = n
			}
		}
		c.emit(c.take(len(c.rest) - keep))
		return false
	}
	open := bytes.IndexByte(c.rest[i+len(clixmlMark):], '>')
	if open < 0 {
		if end {
			c.emit(c.take(len(c.rest)))
		}
		return false
	}
	c.emit(c.take(i))
	c.take(len(clixmlMark) + open + 1)
	c.depth = 1
	return true
}

// tag takes a tag.
func (c *clixml) tag(end bool) bool {
	i := bytes.IndexByte(c.rest, '>')
	if i < 0 {
		if end {
			c.take(len(c.rest))
		}
		return false
	}
	tag := c.take(i + 1)
	switch {
	case tag[1] == '/':
		c.depth--
		c.text = false
	case tag[len(tag)-2] != '/':
		c.depth++
		c.text = c.depth == 2 && bytes.HasPrefix(tag, []byte("<S S="))
	}
	return true
}

func (c *clixml) take(n int) []byte {
	piece := c.rest[:n]
	c.rest = c.rest[n:]
	return piece
}

func (c *clixml) emit(p []byte) {
	if len(p) > 0 && c.err == nil {
		_, c.err = c.to.Write(p)
	}
}

// escaped are units of UTF-16 as the messages have them.
var escaped = regexp.MustCompile(`(?:_x[0-9A-Fa-f]{4}_)+`)

// plainText returns a message as it is meant.
func plainText(message []byte) []byte {
	var text string
	if err := xml.Unmarshal([]byte("<S>"+string(message)+"</S>"), &text); err != nil {
		text = string(message)
	}
	text = escaped.ReplaceAllStringFunc(text, func(s string) string {
		var units []uint16
		for code := range strings.SplitSeq(strings.Trim(s, "_"), "__") {
			n, _ := strconv.ParseUint(code[1:], 16, 16) // by the expression above
			units = append(units, uint16(n))
		}
		return string(utf16.Decode(units))
	})
	return []byte(strings.ReplaceAll(text, "\r\n", "\n"))
}
