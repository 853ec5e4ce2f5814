package qemu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
)

// Screendump returns the screen as it is. It costs a file of a few megabytes
// in the scratch directory for a moment; to follow the screen use [VM.VNC].
func (vm *VM) Screendump(ctx context.Context) (image.Image, error) {
	d, err := vm.OpenScreendump(ctx)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	img, y := image.NewRGBA(image.Rectangle{Max: d.Size}), 0
	err = d.Rows(func(rgb []byte) {
		out := img.Pix[y*img.Stride:]
		for x := range d.Size.X {
			out[4*x], out[4*x+1], out[4*x+2], out[4*x+3] = rgb[3*x], rgb[3*x+1], rgb[3*x+2], 0xff
		}
		y++
	})
	if err != nil {
		return nil, err
	}
	return img, nil
}

// Dump is the screen as it was once, in a file in the scratch directory. It must
// be closed. It is for one goroutine at a time.
type Dump struct {
	// Size is that of the screen, in pixels.
	Size image.Point

	f     *os.File
	first int64 // where the first row begins
}

// OpenScreendump is [VM.Screendump] for those who look again and again, and do
// not need all of a picture in memory: its rows are read from the file.
func (vm *VM) OpenScreendump(ctx context.Context) (*Dump, error) {
	path, err := filepath.Abs(filepath.Join(vm.dir, fmt.Sprintf("screen%d.ppm", serial.Add(1))))
	if err == nil {
		// PPM is the only format that every QEMU has.
		err = vm.qmp.Execute(ctx, "screendump", map[string]any{"filename": path}, nil)
	}
	d := &Dump{}
	if err == nil {
		d.f, err = os.Open(path)
	}
	if err == nil {
		err = d.readHeader()
	}
	if err != nil {
		if d.f != nil {
			d.f.Close()
		}
		os.Remove(path)
		return nil, fmt.Errorf("qemu: screendump: %w", err)
	}
	return d, nil
}

// Close removes the file.
func (d *Dump) Close() error { return errors.Join(d.f.Close(), os.Remove(d.f.Name())) }

// Rows calls row with each row, from the top: three bytes a pixel, red, green
// and blue. The slice is good until row returns. Rows may be called again.
func (d *Dump) Rows(row func(rgb []byte)) error {
	if _, err := d.f.Seek(d.first, io.SeekStart); err != nil {
		return fmt.Errorf("qemu: screendump: %w", err)
	}
	br, rgb := bufio.NewReaderSize(d.f, 64<<10), make([]byte, 3*d.Size.X)
	for y := range d.Size.Y {
		if _, err := io.ReadFull(br, rgb); err != nil {
			return fmt.Errorf("qemu: screendump: row %d of %d: %w", y, d.Size.Y, err)
		}
		row(rgb)
	}
	return nil
}

// readHeader reads that of a binary portable pixmap of 8 bits a channel.
func (d *Dump) readHeader() error {
	head := make([]byte, 32) // more than it has
	n, err := io.ReadFull(d.f, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	var w, h, top int
	text := string(head[:n])
	if _, err := fmt.Sscanf(text, "P6\n%d %d\n%d\n", &w, &h, &top); err != nil {
		return fmt.Errorf("not a portable pixmap: %w", err)
	}
	if w < 1 || h < 1 || w > 1<<14 || h > 1<<14 || top != 255 {
		return fmt.Errorf("a portable pixmap of %d×%d with %d values", w, h, top)
	}
	d.Size, d.first = image.Pt(w, h), int64(len(fmt.Sprintf("P6\n%d %d\n%d\n", w, h, top)))
	return nil
}
