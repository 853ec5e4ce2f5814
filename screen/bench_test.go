package screen_test

import (
	"image"
	"image/draw"
	"testing"

	"github.com/bootscribe/bootscribe/screen"
)

// rgba makes of a picture a frame as package vnc has it.
func rgba(m image.Image) *image.RGBA {
	r := image.NewRGBA(m.Bounds())
	draw.Draw(r, r.Bounds(), m, m.Bounds().Min, draw.Src)
	return r
}

// BenchmarkRead reads frames again and again, as when a guest is watched.
func BenchmarkRead(b *testing.B) {
	needFonts(b)
	for _, name := range []string{"ipxe", "menu", "linux-glyphs", "ovmf-help", "vesamenu", "vesamenu-debian"} {
		b.Run(name, func(b *testing.B) {
			frame := rgba(picture(b, name))
			var r screen.Reader
			if _, err := r.Read(frame); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Read(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirst reads a frame whose cells are not known yet to be where they
// are: what a change of the mode costs.
func BenchmarkFirst(b *testing.B) {
	needFonts(b)
	var r screen.Reader
	small := rgba(picture(b, "ipxe"))
	for _, name := range []string{"linux-glyphs", "ovmf-help", "vesamenu-debian"} {
		b.Run(name, func(b *testing.B) {
			frame := rgba(picture(b, name))
			for b.Loop() {
				b.StopTimer()
				if _, err := r.Read(small); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := r.Read(frame); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSystemFonts(b *testing.B) {
	needFonts(b)
	for b.Loop() {
		screen.SystemFonts()
	}
}

func BenchmarkVGAMemory(b *testing.B) {
	memory := make([]byte, 4000)
	for b.Loop() {
		if _, err := screen.VGAMemory(memory, 80); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	frame := rgba(picture(b, "ovmf-help"))
	for b.Loop() {
		screen.Hash(frame)
	}
}

func BenchmarkFindImage(b *testing.B) {
	frame := rgba(picture(b, "ovmf-help"))
	n := screen.Needle{Image: frame.SubImage(image.Rect(300, 600, 400, 640)), Tolerance: 10}
	for b.Loop() {
		if _, ok, err := screen.FindImage(frame, n, image.Rectangle{}); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
