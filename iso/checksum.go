package iso

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// An algorithm is a hash function that checksums are stated in.
type algorithm struct {
	name   string
	digits int // of the digest in hex
	make   func() hash.Hash
}

// algorithms are all that are known, from the weakest to the strongest. The
// number of hex digits tells them apart.
var algorithms = [...]algorithm{
	{"md5", 2 * md5.Size, md5.New},
	{"sha1", 2 * sha1.Size, sha1.New},
	{"sha224", 2 * sha256.Size224, sha256.New224},
	{"sha256", 2 * sha256.Size, sha256.New},
	{"sha384", 2 * sha512.Size384, sha512.New384},
	{"sha512", 2 * sha512.Size, sha512.New},
}

// A pin is a digest that a file must have. The zero pin is none.
type pin struct {
	alg algorithm
	hex string // lower case
}

func (p pin) isNone() bool { return p.hex == "" }

// String is "sha256:d2a0…", or "" for none.
func (p pin) String() string {
	if p.isNone() {
		return ""
	}
	return p.alg.name + ":" + p.hex
}

// A checksum is Source.Checksum taken apart: a pin, or the place of a
// checksum file; neither for "none".
type checksum struct {
	pin  pin
	file *location
}

func parseChecksum(s string) (checksum, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return checksum{}, errors.New(`is empty; give the digest that the publisher states ("sha256:…"), ` +
			`the publisher's checksum file ("file:https://…/SHA256SUMS"), or "none" to accept any bytes`)
	case strings.EqualFold(s, "none"):
		return checksum{}, nil
	}
	kind, rest, typed := strings.Cut(s, ":")
	if !typed {
		p, err := pinByLength(s)
		return checksum{pin: p}, err
	}
	if strings.EqualFold(kind, "file") {
		return checksumFileAt(rest)
	}
	p, err := pinByName(kind, strings.TrimSpace(rest))
	return checksum{pin: p}, err
}

func checksumFileAt(place string) (checksum, error) {
	loc, err := parseLocation(place)
	if err != nil {
		return checksum{}, fmt.Errorf("place of the checksum file: %w", err)
	}
	return checksum{file: &loc}, nil
}

// pinByLength takes the algorithm from the number of digits.
func pinByLength(digits string) (pin, error) {
	if err := checkHex(digits); err != nil {
		return pin{}, err
	}
	for _, alg := range algorithms {
		if alg.digits == len(digits) {
			return pin{alg, strings.ToLower(digits)}, nil
		}
	}
	near := nearestAlgorithm(len(digits))
	return pin{}, fmt.Errorf("%d hex digits are no known checksum; %s has %d", len(digits), near.name, near.digits)
}

func pinByName(name, digits string) (pin, error) {
	alg, ok := algorithmNamed(name)
	if !ok {
		return pin{}, fmt.Errorf("unknown checksum type %q; known are md5, sha1, sha224, sha256, sha384, sha512, file and none", name)
	}
	if err := checkHex(digits); err != nil {
		return pin{}, err
	}
	if len(digits) != alg.digits {
		return pin{}, fmt.Errorf("%s has %d hex digits, not %d", alg.name, alg.digits, len(digits))
	}
	return pin{alg, strings.ToLower(digits)}, nil
}

// algorithmNamed finds "sha256" by that name, by "SHA-256" and by OpenSSL's
// "SHA2-256".
func algorithmNamed(name string) (algorithm, bool) {
	name = strings.ToLower(name)
	name = strings.Replace(name, "sha2-", "sha", 1)
	name = strings.Replace(name, "sha-", "sha", 1)
	for _, alg := range algorithms {
		if alg.name == name {
			return alg, true
		}
	}
	return algorithm{}, false
}

func nearestAlgorithm(digits int) algorithm {
	best := algorithms[0]
	for _, alg := range algorithms {
		if abs(alg.digits-digits) < abs(best.digits-digits) {
			best = alg
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }

func checkHex(s string) error {
	if s == "" {
		return errors.New("the digest is missing")
	}
	for i, r := range s {
		if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return fmt.Errorf("%q at position %d is no hex digit; give the digest in hex, or \"none\"", r, i+1)
		}
	}
	return nil
}

// digests hashes a file with SHA-256, which names it, and with the algorithm
// of its pin if that is another.
type digests struct {
	sha256 hash.Hash
	other  hash.Hash // nil if the pin is SHA-256 or none
	pin    pin
}

func newDigests(p pin) *digests {
	d := &digests{sha256: sha256.New(), pin: p}
	if !p.isNone() && p.alg.name != "sha256" {
		d.other = p.alg.make()
	}
	return d
}

// Write hashes b. It never fails.
func (d *digests) Write(b []byte) (int, error) {
	d.sha256.Write(b)
	if d.other != nil {
		d.other.Write(b)
	}
	return len(b), nil
}

func (d *digests) reset() {
	d.sha256.Reset()
	if d.other != nil {
		d.other.Reset()
	}
}

// sum is the SHA-256 so far, in hex.
func (d *digests) sum() string { return hex.EncodeToString(d.sha256.Sum(nil)) }

// pinned is the digest so far in the pin's algorithm: what was found where the
// pin was expected.
func (d *digests) pinned() pin {
	if d.other == nil {
		alg, _ := algorithmNamed("sha256")
		return pin{alg, d.sum()}
	}
	return pin{d.pin.alg, hex.EncodeToString(d.other.Sum(nil))}
}

// match reports whether what was hashed is what the pin asks for.
func (d *digests) match() bool {
	return d.pin.isNone() || d.pinned().hex == d.pin.hex
}
