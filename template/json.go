package template

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep a template may be nested: no real one comes near, and a
// made-up one cannot exhaust the stack.
const maxDepth = 200

// parseJSON reads RFC 8259, keeping the places of all that it finds, and
// refuses names that an object has twice. Besides, it accepts a byte order mark.
func parseJSON(in *source) (*value, error) {
	p := &jsonParser{in: in, text: in.text}
	if strings.HasPrefix(string(in.text), "\uFEFF") {
		p.at = 3
	}
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, p.fail("more follows after the end of the template", "remove it, or look for a brace too many before it")
	}
	return v, nil
}

type jsonParser struct {
	in   *source
	text []byte
	at   int
}

func (p *jsonParser) fail(problem, remedy string) error {
	return place{p.in, p.at}.error("", "not JSON: "+problem, remedy)
}

func (p *jsonParser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek returns the next byte, or 0 at the end.
func (p *jsonParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *jsonParser) value(depth int) (*value, error) {
	if depth > maxDepth {
		return nil, p.fail(fmt.Sprintf("nested more than %d deep", maxDepth), "make it flatter")
	}
	v := &value{at: place{p.in, p.at}}
	var err error
	switch c := p.peek(); {
	case c == '{':
		v.kind = kindObject
		v.members, err = p.object(depth)
	case c == '[':
		v.kind = kindList
		v.list, err = p.list(depth)
	case c == '"':
		v.kind = kindString
		v.text, err = p.string()
	case c == '-' || c >= '0' && c <= '9':
		v.kind = kindNumber
		v.text, err = p.number()
	default:
		err = p.word(v)
	}
	return v, err
}

// word reads true, false and null.
func (p *jsonParser) word(v *value) error {
	rest := p.text[p.at:]
	n := 0
	for n < len(rest) && (rest[n] == '_' || 'a' <= rest[n]|0x20 && rest[n]|0x20 <= 'z') {
		n++
	}
	switch word := string(rest[:n]); word {
	case "true", "false":
		v.kind, v.yes = kindBool, word == "true"
	case "null":
		v.kind = kindNull
	case "":
		return p.unexpected("a value")
	default:
		return p.fail(fmt.Sprintf("%q is no value", word), `put quotes around it, or write true, false or null`)
	}
	p.at += n
	return nil
}

func (p *jsonParser) unexpected(want string) error {
	if p.at >= len(p.text) {
		return p.fail("the file ends where "+want+" should be", "look for a quote, bracket or brace that is missing")
	}
	r, _ := utf8.DecodeRune(p.text[p.at:])
	problem, remedy := fmt.Sprintf("%q where %s should be", r, want), ""
	switch r {
	case '\'':
		remedy = `strings have double quotes, "`
	case '/', '#':
		remedy = `JSON has no comments; write them as the value of a root key such as "_comment"`
	case ',':
		remedy = "remove the comma"
	case ']', '}':
		remedy = "remove the comma before it, or add what is missing"
	default:
		remedy = "look for a comma, quote, bracket or brace that is missing before it"
	}
	return p.fail(problem, remedy)
}

func (p *jsonParser) object(depth int) ([]member, error) {
	p.at++
	var members []member
	seen := map[string]bool{}
	for p.space(); ; p.space() {
		if p.peek() == '}' && len(members) == 0 {
			break
		}
		if p.peek() != '"' {
			return nil, p.unexpected("a name in double quotes")
		}
		at := place{p.in, p.at}
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, at.error("", fmt.Sprintf("the name %q stands twice in one object", name), "remove one of the two")
		}
		seen[name] = true
		if p.space(); p.peek() != ':' {
			return nil, p.unexpected("a colon")
		}
		p.at++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, at, v})
		if p.space(); p.peek() == '}' {
			break
		}
		if p.peek() != ',' {
			return nil, p.unexpected("a comma or a closing brace")
		}
		p.at++
	}
	p.at++
	return members, nil
}

func (p *jsonParser) list(depth int) ([]*value, error) {
	p.at++
	list := []*value{}
	for p.space(); ; p.space() {
		if p.peek() == ']' && len(list) == 0 {
			break
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.space(); p.peek() == ']' {
			break
		}
		if p.peek() != ',' {
			return nil, p.unexpected("a comma or a closing bracket")
		}
		p.at++
	}
	p.at++
	return list, nil
}

func (p *jsonParser) number() (string, error) {
	from := p.at
	for p.at < len(p.text) && strings.IndexByte("+-.0123456789eE", p.text[p.at]) >= 0 {
		p.at++
	}
	text := string(p.text[from:p.at])
	digits := strings.TrimPrefix(text, "-")
	leadingZero := len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9'
	if _, err := strconv.ParseFloat(text, 64); err != nil || leadingZero || strings.HasSuffix(text, ".") || strings.HasPrefix(digits, ".") || strings.Contains(text, ".e") || strings.Contains(text, ".E") {
		p.at = from
		return "", p.fail(fmt.Sprintf("%q is no number", text), "write digits, or put quotes around it")
	}
	return text, nil
}

func (p *jsonParser) string() (string, error) {
	from := p.at
	p.at++
	var b []byte
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			if !utf8.Valid(b) {
				p.at = from
				return "", p.fail("a string that is not UTF-8", "save the file as UTF-8")
			}
			return string(b), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < ' ':
			return "", p.fail("a control character in a string", `close the string with ", or write \n for the end of a line and \t for a tab`)
		default:
			b = append(b, c)
			p.at++
		}
	}
	p.at = from
	return "", p.fail("a string without an end", `close it with "`)
}

func (p *jsonParser) escape() (rune, error) {
	if p.at+1 >= len(p.text) {
		return 0, p.fail("a backslash at the end", "remove it")
	}
	c := p.text[p.at+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if r, ok := p.hex(p.at); ok {
		p.at += 6
		if utf16.IsSurrogate(r) {
			if low, ok := p.hex(p.at); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
				p.at += 6
				return utf16.DecodeRune(r, low), nil
			}
			return utf8.RuneError, nil
		}
		return r, nil
	}
	return 0, p.fail(`a backslash before something that is no escape`, `write \\ for a backslash; \" \/ \b \f \n \r \t and \u0041 are the escapes`)
}

// hex reads \uXXXX at an offset.
func (p *jsonParser) hex(at int) (rune, bool) {
	if at+6 > len(p.text) || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.text[at+2:at+6]), 16, 32)
	return rune(n), err == nil
}
