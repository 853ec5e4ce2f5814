package keyseq

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
)

// token looks at text that begins with "<" and was not a token, and says so if
// it was most likely meant as one.
func (n *linter) token(at Pos, s string) {
	inner, closed := innerOf(s)
	word := wordOf(inner)
	switch {
	case word == "":
	case !closed:
		n.unclosed(at, inner, word)
	case strings.HasPrefix(word, "wait"):
		fix := cmp.Or(fixWait(inner), fixFact(inner), "a wait such as <wait>, <wait10> or <wait1m30s>")
		n.warn(at, CodeBadWait, fmt.Sprintf("<%s> is no wait; it is typed as text", inner), fix)
	default:
		n.unknown(at, inner)
	}
}

// maxInner is the length of the longest thing that is still taken for a token
// that was meant.
const maxInner = 60

// innerOf returns what stands between the "<" of s and its ">", or if that is
// wanting up to the next "<", line end or the end.
func innerOf(s string) (inner string, closed bool) {
	s = s[1:]
	if i := strings.IndexAny(s, "<>\n"); i >= 0 {
		return s[:i], s[i] == '>'
	}
	return s, false
}

// wordOf returns the letters and digits at the start of s in lower case,
// without the end of a word that the token cannot be: "" if s does not begin
// with a letter.
func wordOf(s string) string {
	end := strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(s)
	}
	if end == 0 || !unicode.IsLetter(rune(s[0])) {
		return ""
	}
	return strings.ToLower(s[:end])
}

// unclosed finds <enter without ">". Text has many a "<": only the name of a
// token counts.
func (n *linter) unclosed(at Pos, inner, word string) {
	base := word
	for _, ending := range []string{"on", "off"} {
		if b := trimFold(word, ending); lookup(word) == nil && lookup(b) != nil {
			base = b
		}
	}
	wait := scanToken("<" + word + ">")
	if lookup(base) == nil && wait.kind != waitToken {
		return
	}
	n.warn(at, CodeUnclosed, fmt.Sprintf("<%s has no \">\"; it is typed as text", inner[:len(word)]), "<"+inner[:len(word)]+">")
}

func (n *linter) unknown(at Pos, inner string) {
	if len(inner) > maxInner || len(inner) < 2 {
		return
	}
	fix := nearest(inner)
	if fix == "" && strings.ContainsFunc(inner, notNameRune) && wordOf(inner) != "click" {
		return // text as in <p class="x">; click is a token of other tools
	}
	msg := fmt.Sprintf("<%s> is no token; it is typed as text", inner)
	n.warn(at, CodeUnknownToken, msg, fix)
}

func notNameRune(r rune) bool {
	return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '*' && r != '_' && r != '-' && r != '+'
}

// otherNames are what people and other tools call keys.
var otherNames = map[string]string{
	"space": "spacebar", "delete": "del", "backspace": "bs", "escape": "esc", "newline": "enter", "cr": "enter", "ret": "enter",
	"pgup": "pageUp", "pgdn": "pageDown", "pgdown": "pageDown", "prior": "pageUp", "next": "pageDown", "ins": "insert",
	"ctrl": "leftCtrl", "control": "leftCtrl", "leftcontrol": "leftCtrl", "rightcontrol": "rightCtrl", "lctrl": "leftCtrl", "rctrl": "rightCtrl",
	"alt": "leftAlt", "lalt": "leftAlt", "ralt": "rightAlt", "shift": "leftShift", "lshift": "leftShift", "rshift": "rightShift",
	"super": "leftSuper", "win": "leftSuper", "windows": "leftSuper", "leftwin": "leftSuper", "rightwin": "rightSuper", "meta": "leftSuper",
	"cmd": "leftCommand", "command": "leftCommand", "option": "leftOption", "caps": "capsLock", "num": "numLock", "scroll": "scrollLock",
	"print": "printScreen", "prtsc": "printScreen", "sysrq": "printScreen", "break": "pause", "less": "lt", "greater": "gt", "apps": "menu",
}

// nearest returns the token that was most likely meant by <inner>, or "".
func nearest(inner string) string {
	squeezed := strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '\t' {
			return -1
		}
		return unicode.ToLower(r)
	}, inner)
	if tok := scanToken("<" + squeezed + ">"); tok.kind != noToken {
		return tok.step(Pos{}).String()
	}
	for _, ending := range []string{"", "On", "Off"} {
		base := squeezed
		if ending != "" {
			base = trimFold(squeezed, ending)
		}
		if name := otherNames[base]; name != "" {
			return "<" + name + ending + ">"
		}
	}
	if name, count, ok := strings.Cut(squeezed, "*"); ok {
		return nearestCounted(name, count)
	}
	return nearestName(squeezed)
}

// nearestCounted returns the token with a count that was most likely meant:
// counts are only for keys that are pressed, not for those that are held.
func nearestCounted(name, count string) string {
	if !isDigits(count) || len(name) < 2 {
		return ""
	}
	for _, ending := range []string{"", "on", "off"} {
		base := name[:max(0, len(name)-len(ending))]
		if other := otherNames[base]; other != "" {
			base = other
		}
		if k := lookup(base); k != nil && strings.HasSuffix(name, ending) {
			return "<" + k.name + "*" + count + ">"
		}
	}
	fix := strings.TrimSuffix(nearestName(name), ">") + "*" + count + ">"
	if scanToken(fix).kind != pressToken {
		return ""
	}
	return fix
}

// nearestName returns the name of a key that differs from s in at most a third
// of its letters.
func nearestName(s string) string {
	best, least := "", len(s)/3+1
	for _, k := range namedKeys {
		for _, ending := range []string{"", "On", "Off"} {
			if d := distance(s, strings.ToLower(k.name+ending)); d < least {
				best, least = "<"+k.name+ending+">", d
			}
		}
	}
	return best
}

// distance is the number of letters to add, drop, change or swap that make b of a.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// fixWait returns the wait that was most likely meant by <inner>, or "".
func fixWait(inner string) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), r == '*', r == '=', r == ':', r == '_':
			return -1
		case r == 'μ': // the Greek letter; the unit has the micro sign
			return 'µ'
		}
		return unicode.ToLower(r)
	}, inner)
	n := strings.TrimPrefix(s, "wait")
	n = strings.TrimLeft(n, "-")
	if strings.HasPrefix(n, ".") {
		n = "0" + n
	}
	for len(n) > 1 && n[0] == '0' && '0' <= n[1] && n[1] <= '9' {
		n = n[1:]
	}
	for _, unit := range []string{"", "s"} {
		fix := "<wait" + n + unit + ">"
		if tok := scanToken(fix); tok.kind == waitToken && tok.size == len(fix) {
			return fix
		}
	}
	return ""
}

// fixFact returns the wait for a fact that was most likely meant by <inner>, or
// "".
func fixFact(inner string) string {
	rest := strings.TrimLeft(inner[len("wait"):], " =:")
	first, more, _ := strings.Cut(rest, " ")
	word := strings.ToLower(first)
	switch word {
	case "for", "until", "text":
		return fixFact("wait" + more)
	case "changed", "changes":
		word = "change"
	case "fetched", "http", "url":
		word = "fetch"
	default:
		for _, known := range []string{"still", "change", "fetch"} {
			if distance(word, known) <= 1 {
				word = known
			}
		}
	}
	for _, fix := range []string{
		strings.TrimRight(waitPrefix+word+" "+more, " ") + ">",
		waitPrefix + strings.ReplaceAll(rest, "'", `"`) + ">",
		waitPrefix + strings.ReplaceAll(rest, "/", `"`) + ">",
		bare(inner, rest),
	} {
		if fix == "" {
			continue
		}
		if tok := scanToken(fix); tok.kind == factToken && tok.size == len(fix) {
			return fix
		}
	}
	return ""
}

// bare returns the wait for a text that lacks its quotes, if it may be one.
func bare(inner, rest string) string {
	if !strings.HasPrefix(inner[len("wait"):], " ") || rest == "" || !unicode.IsLetter(rune(rest[0])) {
		return ""
	}
	return waitPrefix + `"` + rest + `">`
}
