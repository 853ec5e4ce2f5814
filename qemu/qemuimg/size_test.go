package qemuimg

import (
	"strings"
	"testing"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"1M": 1 << 20, "1m": 1 << 20, "40G": 40 << 30, "64T": 64 << 40, "2048k": 2 << 20,
		"1048576": 1 << 20, "1048576b": 1 << 20, "1049088B": 1<<20 + 512, "00001G": 1 << 30,
	} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"":                       "not a whole number",
		"G":                      "not a whole number",
		"-1":                     "not a whole number",
		"+1G":                    "not a whole number",
		"1.5G":                   "not a whole number",
		"0x10":                   "not a whole number",
		"40GB":                   "not a whole number",
		"40 G":                   "not a whole number",
		"40P":                    "not a whole number",
		"1e9":                    "not a whole number",
		"0":                      "is less than 1 MiB",
		"40960":                  `in bytes for want of a suffix, is less than 1 MiB; for MiB say "40960M"`,
		"1023k":                  "is less than 1 MiB",
		"1048577":                "is not a multiple of 512 bytes",
		"65T":                    "is more than 64 TiB",
		"9223372036854775807":    "is more than 64 TiB",
		"9223372036854775808":    "is more than 64 TiB",
		"99999999999999999999":   "is more than 64 TiB",
		"18014398509481985k":     "is more than 64 TiB",
		"1" + "\n":               "not a whole number",
		strings.Repeat("9", 400): "is more than 64 TiB",
	} {
		if got, err := ParseSize(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"40G", "1048576", "0x10", "-1", "64T", "b", "９M"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseSize(s)
		if err == nil && CheckSize(n) != nil {
			t.Errorf("%q: %d", s, n)
		}
		if err != nil && n != 0 {
			t.Errorf("%q: %d with %v", s, n, err)
		}
	})
}
