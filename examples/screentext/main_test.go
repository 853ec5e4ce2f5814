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

func TestWrong(t *testing.T) {
	for _, args := range [][]string{{}, {"-nonsense"}, {"nowhere.png"}, {"main.go"}, {"-font", "main.go", menu}} {
		var out, errs bytes.Buffer
		if err := run(t.Context(), args, &out, &errs); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
