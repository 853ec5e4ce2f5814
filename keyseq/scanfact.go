package keyseq

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const waitPrefix = "<wait "

// factWord tells whether s, which follows "<wait ", begins as a wait for a fact
// does: all that does not is text, as it is in Packer.
func factWord(s string) (word string, ok bool) {
	if strings.HasPrefix(s, `"`) {
		return "", true
	}
	for _, word := range [...]string{"still", "change", "fetch"} {
		rest, found := strings.CutPrefix(s, word)
		if found && rest != "" && (rest[0] == ' ' || rest[0] == '>') {
			return word, true
		}
	}
	return "", false
}

// scanFact reads <wait "boot:" row=-1 60s>, <wait still 500ms>, <wait change>
// and <wait fetch "/preseed.cfg">.
func (t *token) scanFact(s string) {
	if !strings.HasPrefix(s, waitPrefix) {
		return
	}
	word, ok := factWord(s[len(waitPrefix):])
	if !ok {
		return
	}
	f := factScanner{src: s, at: len(waitPrefix) + len(word)}
	switch word {
	case "":
		f.shows()
	case "still":
		f.fact = Still{For: f.period("how long the screen is to be still, as in <wait still 500ms>")}
	case "change":
		f.fact = Changed{}
	case "fetch":
		path, at, size := f.quoted(true, `a path in quotes, as in <wait fetch "/preseed.cfg">`)
		f.fact = Fetched{Path: path}
		f.check(at, size)
	}
	f.options()
	t.size, t.fact, t.err = f.at, &f, f.err
	if f.err == "" {
		t.kind = factToken
	}
}

// factScanner reads what follows <wait. After an error it reads on, to find the
// token's end; the first error counts.
type factScanner struct {
	src   string
	at    int // of what is to be read next
	fact  Fact
	limit time.Duration

	err            string
	errAt, errSize int
}

func (f *factScanner) fail(at, size int, msg string) {
	if f.err == "" {
		f.err, f.errAt, f.errSize = msg, at, size
	}
}

func (f *factScanner) blanks() {
	for f.at < len(f.src) && f.src[f.at] == ' ' {
		f.at++
	}
}

// check refuses a fact that cannot be, which stands at a place.
func (f *factScanner) check(at, size int) {
	if msg := f.fact.check(); msg != "" {
		f.fail(at, size, msg)
	}
}

func (f *factScanner) shows() {
	pattern, at, size := f.quoted(false, "")
	f.fact = Shows{Pattern: pattern}
	f.check(at, size)
}

// quoted reads a text in quotes and says where it stands. A backslash takes the
// meaning from a quote; before other characters it is kept, unless all are
// taken away.
func (f *factScanner) quoted(all bool, missing string) (text string, at, size int) {
	f.blanks()
	at = f.at
	if at >= len(f.src) || f.src[at] != '"' {
		word := f.word()
		f.fail(at, len(word), "here stands "+missing)
		return "", at, len(word)
	}
	var b strings.Builder
	for i := at + 1; i < len(f.src) && f.src[i] != '\n'; i++ {
		switch c := f.src[i]; {
		case c == '"':
			f.at = i + 1
			return b.String(), at, f.at - at
		case c == '\\' && i+1 < len(f.src) && f.src[i+1] != '\n':
			i++
			if f.src[i] != '"' && !(all && f.src[i] == '\\') {
				b.WriteByte('\\')
			}
			b.WriteByte(f.src[i])
		default:
			b.WriteByte(c)
		}
	}
	f.at++
	f.fail(at, len(clip(f.src[at:])), `the text in quotes has no end; write " behind it, on its line, and \" for a quote in it`)
	return "", at, 0
}

// word reads what reaches to the next blank or to the token's end.
func (f *factScanner) word() string {
	f.blanks()
	n := strings.IndexAny(f.src[f.at:], " <>\n")
	if n < 0 {
		n = len(f.src) - f.at
	}
	f.at += n
	return f.src[f.at-n : f.at]
}

// period reads a time.
func (f *factScanner) period(missing string) time.Duration {
	word := f.word()
	d, ok := parsePeriod(word)
	switch {
	case word == "":
		f.fail(f.at, 0, "here stands "+missing)
	case !ok:
		f.fail(f.at-len(word), len(word), "not a time longer than 0; write "+missing)
	}
	return d
}

// options reads the region and the limit, in any order, up to the end.
func (f *factScanner) options() {
	limited, placed := false, false
	for {
		word := f.word()
		at := f.at - len(word)
		name, value, named := strings.Cut(word, "=")
		shows, isShows := f.fact.(Shows)
		switch {
		case word == "":
			f.end()
			return
		case named && isShows && !placed && (name == "in" || name == "row"):
			placed = true
			var ok bool
			if shows.In, ok = parseRegion(name, value); !ok {
				f.fail(at, len(word), "not a region; write in=COLUMN,ROW,WIDTH,HEIGHT or row=ROW in cells, counted from 0 or, with a minus, from the end")
			}
			f.fact = shows
		case !limited && strings.ContainsRune("+-.0123456789", rune(word[0])):
			limited = true
			var ok bool
			if f.limit, ok = parsePeriod(word); !ok {
				f.fail(at, len(word), "not a time longer than 0; write a limit such as 60s or 1m30s")
			}
		default:
			f.fail(at, len(word), "not known here; "+f.known(isShows))
		}
	}
}

func (f *factScanner) known(shows bool) string {
	if shows {
		return "behind the quotes there can be one region, such as row=-1 or in=0,20,80,5, and one limit, such as 60s"
	}
	return "there can be one limit, such as 60s"
}

// end reads the ">".
func (f *factScanner) end() {
	if f.at < len(f.src) && f.src[f.at] == '>' {
		f.at++
		return
	}
	size := 0
	if f.at < len(f.src) {
		_, size = utf8.DecodeRuneInString(f.src[f.at:])
	}
	f.fail(f.at, size, `the wait has no end; write ">"`)
}

// parsePeriod reads a duration, or a number of seconds as in <wait60>.
func parsePeriod(s string) (d time.Duration, ok bool) {
	if isDigits(s) {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d > 0
}

// maxCells is more columns or rows than any screen has.
const maxCells = 10000

func parseRegion(name, value string) (r Region, ok bool) {
	fields := strings.Split(value, ",")
	if name == "row" {
		fields = []string{"0", value, "0", "1"}
	}
	to := [...]*int{&r.Column, &r.Row, &r.Width, &r.Height}
	if len(fields) != len(to) {
		return r, false
	}
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil || n > maxCells || n < -maxCells || n < 0 && i >= 2 {
			return r, false
		}
		*to[i] = n
	}
	return r, true
}
