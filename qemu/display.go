package qemu

import (
	"bufio"
	"context"
	"fmt"
	"image"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
)

// serial numbers names that must differ within one process.
var serial atomic.Int64

// VNC returns a new connection to the machine's screen and keyboard, on which
// QEMU speaks RFB and asks for no password. It has no address, so nobody else
// can take or find it. It works any number of times, and all connections see
// the same screen. The caller closes it.
func (vm *VM) VNC(ctx context.Context) (net.Conn, error) {
	conn, theirs, err := socketPair("vnc")
	if err != nil {
		return nil, fmt.Errorf("qemu: VNC connection: %w", err)
	}
	defer theirs.Close()
	name := fmt.Sprintf("vnc%d", serial.Add(1))
	err = vm.qmp.ExecuteFD(ctx, "getfd", map[string]any{"fdname": name}, theirs)
	if err == nil {
		args := map[string]any{"protocol": "vnc", "fdname": name, "skipauth": true}
		err = vm.qmp.Execute(ctx, "add_client", args, nil)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("qemu: VNC connection: %w", err)
	}
	return conn, nil
}

// Screendump returns the screen as it is. It costs a file of a few megabytes
// in the scratch directory for a moment; to follow the screen use [VM.VNC].
func (vm *VM) Screendump(ctx context.Context) (image.Image, error) {
	path := filepath.Join(vm.dir, fmt.Sprintf("screen%d.ppm", serial.Add(1)))
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("qemu: screendump: %w", err)
	}
	defer os.Remove(path)
	// PPM is the only format that every QEMU has.
	if err := vm.qmp.Execute(ctx, "screendump", map[string]any{"filename": path}, nil); err != nil {
		return nil, fmt.Errorf("qemu: screendump: %w", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("qemu: screendump: %w", err)
	}
	defer f.Close()
	img, err := decodePPM(f)
	if err != nil {
		return nil, fmt.Errorf("qemu: screendump: %w", err)
	}
	return img, nil
}

// decodePPM reads a binary portable pixmap of 8 bits a channel.
func decodePPM(r io.Reader) (*image.RGBA, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	var w, h, top int
	if _, err := fmt.Fscanf(br, "P6\n%d %d\n%d\n", &w, &h, &top); err != nil {
		return nil, fmt.Errorf("not a portable pixmap: %w", err)
	}
	if w < 1 || h < 1 || w > 1<<14 || h > 1<<14 || top != 255 {
		return nil, fmt.Errorf("a portable pixmap of %d×%d with %d values", w, h, top)
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	row := make([]byte, 3*w)
	for y := range h {
		if _, err := io.ReadFull(br, row); err != nil {
			return nil, fmt.Errorf("row %d of %d: %w", y, h, err)
		}
		out := img.Pix[y*img.Stride:]
		for x := range w {
			out[4*x], out[4*x+1], out[4*x+2], out[4*x+3] = row[3*x], row[3*x+1], row[3*x+2], 0xff
		}
	}
	return img, nil
}
