package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

const menu = "../../screen/testdata/menu.png"

func TestText(t *testing.T) {
	need.File(t, "/usr/share/seabios/vgabios-stdvga.bin", "install package seabios")
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{menu}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "│ Install  ") || errs.Len() > 0 {
		t.Errorf("printed %q, complained %q", out.String(), errs.String())
	}
}

func TestJSON(t *testing.T) {
	need.File(t, "/usr/share/seabios/vgabios-stdvga.bin", "install package seabios")
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-json", menu, menu}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	var got jsonText
	if err := json.NewDecoder(&out).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if c := got.Cells[1][30]; got.Columns != 80 || got.Rows != 25 || c != (jsonCell{Char: "B", FG: "#57ffff", BG: "#0000a8"}) {
		t.Errorf("%d columns, %d rows, a cell is %+v", got.Columns, got.Rows, c)
	}
}

// The right half of a character that takes two cells has none.
func TestJSONWide(t *testing.T) {
	need.File(t, "/usr/share/grub/unicode.pf2", "install package grub-common")
	var out, errs bytes.Buffer
	if err := run(t.Context(), []string{"-json", "../../screen/testdata/installer-fb-language.png"}, &out, &errs); err != nil {
		t.Fatal(err)
	}
	var got jsonText
	if err := json.NewDecoder(&out).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if line := got.Cells[16]; line[82].Char != "中" || line[83].Char != "" || line[84].Char != "文" {
		t.Errorf("cells are %+v", line[82:85])
	}
}

func TestWrong(t *testing.T) {
	for _, args := range [][]string{{}, {"-nonsense"}, {"nowhere.png"}, {"main.go"}, {"-font", "main.go", menu}} {
		var out, errs bytes.Buffer
		if err := run(t.Context(), args, &out, &errs); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
