package ssh

import (
	"fmt"
	"slices"
	"strings"

	xssh "golang.org/x/crypto/ssh"
)

// Ciphers returns the names that Config.Ciphers can have, the preferred first:
// those that are secure, and with legacy behind them those that are not, which
// need Config.Legacy.
func Ciphers(legacy bool) []string {
	names := xssh.SupportedAlgorithms().Ciphers
	if legacy {
		names = append(names, xssh.InsecureAlgorithms().Ciphers...)
	}
	return names
}

// oldCurve25519 is what OpenSSH called curve25519-sha256 until it was a standard.
const oldCurve25519 = "curve25519-sha256@libssh.org"

// KeyExchanges returns the names that Config.KeyExchanges can have, as
// [Ciphers] does for Config.Ciphers.
func KeyExchanges(legacy bool) []string {
	names := append(xssh.SupportedAlgorithms().KeyExchanges, oldCurve25519)
	if legacy {
		names = append(names, xssh.InsecureAlgorithms().KeyExchanges...)
	}
	return names
}

// algorithmProblems tells what is wrong with the lists of algorithms.
func (c *Config) algorithmProblems() []string {
	var problems []string
	for _, list := range []struct {
		field string
		given []string
		known func(legacy bool) []string
	}{{"Ciphers", c.Ciphers, Ciphers}, {"KeyExchanges", c.KeyExchanges, KeyExchanges}} {
		for i, name := range list.given {
			if problem := wrongName(name, list.known, c.Legacy); problem != "" {
				problems = append(problems, fmt.Sprintf("%s[%d]: %s", list.field, i, problem))
			}
		}
	}
	return problems
}

// wrongName tells what is wrong with a name in a list of algorithms.
func wrongName(name string, known func(legacy bool) []string, legacy bool) string {
	switch {
	case slices.Contains(known(false), name):
		return ""
	case !slices.Contains(known(true), name):
		return fmt.Sprintf("%q is not known; the nearest is %q, and there are %s", name, nearest(name, known(true)), strings.Join(known(false), ", "))
	case !legacy:
		return fmt.Sprintf("%q is insecure; set Legacy to use it all the same, or leave it out", name)
	}
	return ""
}

// setAlgorithms sets those that are offered to the guest.
func (c *Config) setAlgorithms(x *xssh.ClientConfig) {
	x.Ciphers, x.KeyExchanges = c.Ciphers, c.KeyExchanges
	if !c.Legacy {
		return
	}
	good, bad := xssh.SupportedAlgorithms(), xssh.InsecureAlgorithms()
	if x.Ciphers == nil {
		x.Ciphers = Ciphers(true)
	}
	if x.KeyExchanges == nil {
		x.KeyExchanges = KeyExchanges(true)
	}
	x.MACs = append(good.MACs, bad.MACs...)
	if x.HostKeyAlgorithms == nil {
		x.HostKeyAlgorithms = append(good.HostKeys, bad.HostKeys...)
	}
}

// nearest returns the name that is the least edits away.
func nearest(name string, names []string) string {
	return slices.MinFunc(names, func(a, b string) int { return edits(name, a) - edits(name, b) })
}

// edits returns how many characters must be put in, left out or exchanged to
// make b of a (the distance of Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			same := diagonal
			if a[i] != b[j] {
				same++
			}
			diagonal = row[j+1]
			row[j+1] = min(same, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
