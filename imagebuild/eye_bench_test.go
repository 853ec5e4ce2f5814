package imagebuild

import (
	"image"
	"regexp"
	"testing"

	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/vnc"
)

// BenchmarkText reads the screen of one guest in each of the ways that there
// are: a frame that is there by its letters, the VGA's memory alone, and the
// memory as eye.read takes it, with a look whether the screen is still the same.
func BenchmarkText(b *testing.B) {
	need.Tool(b, "qemu-system-x86_64")
	vm, err := qemu.Start(b.Context(), &qemu.Config{Accel: qemu.TCG, Memory: 32,
		Disks: []qemu.Disk{{Path: guest.Disk(b, guest.Show("boot: x")), Format: "raw"}}})
	if err != nil {
		b.Fatal(err)
	}
	defer vm.Close()
	if _, err := vm.Console().Wait(b.Context(), regexp.MustCompile("boot: x")); err != nil {
		b.Fatal(err)
	}
	nc, err := vm.VNC(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	conn, err := vnc.NewConn(b.Context(), nc, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	e := &eye{conn: conn, vm: vm, reader: screen.Reader{Fonts: fonts()}}
	v, _ := e.fresh(b.Context())
	frame := conn.Screen()
	text, err := e.reader.Read(frame)
	if err != nil || text.Cell != image.Pt(9, 16) {
		b.Fatalf("%v: read as %+v", err, text)
	}
	for _, way := range []struct {
		name string
		read func() error
	}{
		{"letters", func() error { _, err := e.reader.Read(frame); return err }},
		{"memory", func() error { _, _, err := vm.VGAText(b.Context()); return err }},
		{"memory-checked", func() error { e.fromMemory(v, text); return nil }},
	} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				if err := way.read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
