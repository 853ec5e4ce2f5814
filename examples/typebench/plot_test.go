package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// The picture is well-formed and names each guest once.
func TestPlot(t *testing.T) {
	const results = `{"guest":"isolinux","mode":"bios","load":0,"cps":700}
{"guest":"isolinux","mode":"bios","load":16,"cps":60}
{"guest":"isolinux","mode":"bios","load":16,"cps":70}
{"guest":"isolinux","mode":"100ms","load":0,"cps":3}
{"guest":"isolinux","mode":"open-loop","load":0,"cps":99999}
{"guest":"linux","load":0,"error":"it did not boot"}
`
	var b strings.Builder
	if err := plot(strings.NewReader(results), &b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{">isolinux<": 1, ">Packer, 100ms<": 1, "linux<": 1, "<circle": 4} {
		if n := strings.Count(b.String(), name); n != want {
			t.Errorf("%q is there %d times, want %d", name, n, want)
		}
	}
}
