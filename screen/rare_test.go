package screen

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// The fonts of last resort, which take a second and megabytes, are not loaded for
// a firmware's logo, and are for text in letters that nobody knows.
func TestRare(t *testing.T) {
	need.File(t, "/usr/share/seabios/vgabios-stdvga.bin", "install package seabios")
	f, err := os.Open("testdata/ovmf-logo.png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	logo, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	strange := image.NewRGBA(image.Rect(0, 0, 640, 480))
	draw.Draw(strange, strange.Rect, image.Black, image.Point{}, draw.Src)
	for i := range 200 { // dots that no letter has
		for n := range 7 {
			strange.SetRGBA(i%40*16+n, 40+i/40*30+(n*n*i)%11, color.RGBA{255, 255, 255, 255})
		}
	}
	for name, tt := range map[string]struct {
		picture image.Image
		want    bool
	}{"logo": {logo, false}, "text": {strange, true}} {
		var r Reader
		if _, err := r.Read(tt.picture); err != nil {
			t.Fatal(err)
		}
		if got := r.narrow != nil; got != tt.want {
			t.Errorf("%s: loaded is %v", name, got)
		}
	}
}
