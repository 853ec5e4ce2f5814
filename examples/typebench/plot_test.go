package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The picture is well-formed and names each guest once, the fastest on top.
func TestPlot(t *testing.T) {
	const results = `{"guest":"isolinux","mode":"bios","load":0,"cps":700}
{"guest":"isolinux","mode":"bios","load":16,"cps":60}
{"guest":"isolinux","mode":"bios","load":16,"cps":70}
{"guest":"isolinux","mode":"100ms","load":0,"cps":3}
{"guest":"isolinux","mode":"open-loop","load":0,"cps":99999}
{"guest":"linux","load":0,"error":"it did not boot"}
{"guest":"keyread","mode":"bios","load":16,"cps":75}
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
	for name, want := range map[string]int{">isolinux<": 1, ">Packer, 100ms<": 1, "linux<": 1, "<circle": 5} {
		if n := strings.Count(b.String(), name); n != want {
			t.Errorf("%q is there %d times, want %d", name, n, want)
		}
	}
	if strings.Index(b.String(), ">keyread<") > strings.Index(b.String(), ">isolinux<") {
		t.Error("the slower guest stands above the faster")
	}
}

func TestTable(t *testing.T) {
	const results = `{"guest":"linux","mode":"open-loop","chars":1000,"lost":995,"cps":90000}
{"guest":"linux","mode":"ps2-trace","chars":1000,"cps":3000}
{"guest":"isolinux","mode":"bios","chars":1000,"load":16,"cps":15}
{"guest":"isolinux","mode":"bios","chars":1000,"cps":700}
{"guest":"isolinux","mode":"bios","chars":1000,"doubled":1,"cps":710}
{"guest":"isolinux","error":"it did not boot"}
`
	const want = `| guest | mode | busy loops | runs | characters | lost, doubled or wrong | characters a second |
|---|---|--:|--:|--:|--:|--:|
| isolinux | bios | 0 | 2, and 1 failed | 2000 | 1 | 710 (700–710) |
| isolinux | bios | 16 | 1 | 1000 | 0 | 15.0 |
| linux | ps2-trace | 0 | 1 | 1000 | 0 | 3000 |
| linux | open-loop | 0 | 1 | 1000 | 995 | – |
`
	var b strings.Builder
	if err := table(strings.NewReader(results), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
