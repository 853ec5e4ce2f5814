package keyseq

import (
	"strconv"
	"strings"
	"time"
)

// scanWait reads <wait>, <wait5> and <wait1m30s>. Packer's parser keeps the
// error of a number that is out of range although the token comes to nothing,
// as in <wait99999999999999999999 without an end; so does this one.
func (t *token) scanWait(s string) {
	const prefix = "<wait"
	if !strings.HasPrefix(s, prefix) {
		return
	}
	d, n, err := scanPeriod(s[len(prefix):])
	end := len(prefix) + n
	switch {
	case err != "":
		t.err = err
	case end >= len(s) || s[end] != '>':
	case d <= 0:
		t.err = "a wait is longer than 0 and at most 292 years; write <wait5> or <wait500ms>"
	default:
		t.kind, t.wait, t.size = waitToken, d, end+1
	}
}

// scanPeriod reads what stands behind "wait": a duration, a number of seconds
// or nothing, which is a second.
func scanPeriod(s string) (d time.Duration, n int, err string) {
	n, err = scanDuration(s)
	if err != "" {
		return 0, 0, err
	}
	if n > 0 {
		d, e := time.ParseDuration(s[:n])
		if e != nil {
			return 0, 0, "not a duration: only the first number may have a minus, and it must be below 292 years; write <wait1m30s>"
		}
		return d, n, ""
	}
	n, err = scanInteger(s)
	if err != "" || n == 0 || s[:n] == "0" {
		return time.Second, n, err // <wait0> is a second: Packer's users have it in their templates
	}
	secs, _ := strconv.ParseInt(s[:n], 10, 64)
	return time.Duration(secs) * time.Second, n, "" // wraps as Packer's does; Lint says so
}

// scanDuration returns the length of the numbers with units at the start of s.
func scanDuration(s string) (n int, err string) {
	for {
		num, err := scanNumber(s[n:])
		if err != "" {
			return 0, err
		}
		unit := unitLen(s[n+num:])
		if num == 0 || unit == 0 {
			return n, ""
		}
		n += num + unit
	}
}

// scanNumber returns the length of the number at the start of s: a minus, an
// integer and a fraction, of which only the integer must be there.
func scanNumber(s string) (n int, err string) {
	if strings.HasPrefix(s, "-") {
		n = 1
	}
	i, err := scanInteger(s[n:])
	if i == 0 || err != "" {
		return 0, err
	}
	n += i
	if frac := digitsLen(s[min(n+1, len(s)):]); n < len(s) && s[n] == '.' && frac > 0 {
		n += 1 + frac
	}
	return n, ""
}

// scanInteger returns the length of the integer at the start of s: 0, or
// digits that do not begin with 0.
func scanInteger(s string) (n int, err string) {
	if strings.HasPrefix(s, "0") {
		return 1, ""
	}
	n = digitsLen(s)
	if n > 0 {
		if _, e := strconv.ParseInt(s[:n], 10, 64); e != nil {
			return 0, "the number is out of range; write for example <wait10> or <wait5m>"
		}
	}
	return n, ""
}

func digitsLen(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

func unitLen(s string) int {
	for _, u := range [...]string{"ns", "us", "µs", "ms", "s", "m", "h"} {
		if strings.HasPrefix(s, u) {
			return len(u)
		}
	}
	return 0
}
