package iso

import (
	"strings"
	"testing"
)

func FuzzChecksumFile(f *testing.F) {
	hex := strings.Repeat("0a", 32)
	for _, seed := range []string{
		hex + "  disc.iso\n", hex + " *disc.iso", "SHA256 (disc.iso) = " + hex, hex, "\\" + hex + "  di\\nsc.iso",
		"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + hex + "  disc.iso\n-----BEGIN PGP SIGNATURE-----\n",
		"\xef\xbb\xbf#\r\n" + hex + " disc.iso\r\n", "MD5() = ", ")(=", "<html>",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, err := parseSums(text)
		if (err == nil) == (len(sums) == 0) {
			t.Fatalf("%d sums, error %v", len(sums), err)
		}
		for _, s := range sums {
			if _, err := pinByName(s.pin.alg.name, s.pin.hex); err != nil || s.pin.hex != strings.ToLower(s.pin.hex) {
				t.Fatalf("%v: %v", s, err)
			}
		}
		p, err := findSum(sums, []string{"/images/disc.iso"})
		if (err == nil) == p.isNone() {
			t.Fatalf("pin %v, error %v", p, err)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, seed := range []string{"bytes 5-9/10", "bytes 5-9/*", "bytes */10", "bytes 9-5/10", "bytes -1-5/6", "bytes +1-5/6",
		"bytes 0-99999999999999999999/*", "items 1-2/3", "bytes 1-2", "", "bytes=1-2/3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseContentRange(s)
		if err != nil {
			return
		}
		unsatisfied := r.first == -1 && r.last == -1 && r.total >= 0
		if !unsatisfied && (r.first < 0 || r.last < r.first || r.total >= 0 && r.total <= r.last) {
			t.Fatalf("%q is %+v", s, r)
		}
	})
}
