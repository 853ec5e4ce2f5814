package screen_test

import (
	"bytes"
	"flag"
	"image"
	"os"
	"testing"

	"github.com/bootscribe/bootscribe/screen"
)

// update writes the tables of learned fonts from the pictures.
var update = flag.Bool("update", false, "write learned/*.txt")

// What the guests were asked to show, as internal/record has it.
var (
	uefiText = []string{
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
		"¡¢£¤¥¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞ",
		"ßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
		"─│┌┐└┘├┤┬┴┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬",
		"░▲►▼◄←↑→↓",
	}
	linuxText = []string{
		" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼▶◀↕‼¶§▬↨↑↓→←∟↔▲▼",
		" !\"#$%&'()*+,-./0123456789:;<=>?",
		"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_",
		"`abcdefghijklmnopqrstuvwxyz{|}~⌂",
		"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ",
		"áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
		"└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
		"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ",
	}
)

// TestLearned holds the tables against the pictures that they are made of.
func TestLearned(t *testing.T) {
	for _, tt := range []struct {
		name, file, picture string
		origin, cell        image.Point
		text                []string
	}{
		{"OVMF's console, learned", "learned/ovmf.txt", "ovmf-glyphs", image.Pt(240, 124), image.Pt(8, 19), uefiText},
		{"Linux's framebuffer console, learned", "learned/linux.txt", "linux-glyphs", image.Pt(0, 0), image.Pt(8, 16), linuxText},
	} {
		t.Run(tt.picture, func(t *testing.T) {
			f, err := screen.Learn(tt.name, picture(t, tt.picture), tt.origin, tt.cell, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := f.WriteGlyphs(&table); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(tt.file, table.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			kept, err := os.ReadFile(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(kept, table.Bytes()) {
				t.Errorf("%s is not what the picture shows; run with -update", tt.file)
			}
		})
	}
	if n := len(screen.Learned()); n != 2 {
		t.Errorf("%d learned fonts, want 2", n)
	}
}
