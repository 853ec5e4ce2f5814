package view

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"sync"

	"github.com/bootscribe/bootscribe/screen"
)

// framesDir is where in a trace the pictures are.
const framesDir = "frames"

// frames keeps the pictures of a trace, each once.
type frames struct {
	dir string // of the trace
	max int64  // bytes

	mu      sync.Mutex
	encoder encoder
	size    int64
	next    int // number of the next file
	kept    []kept
	byHash  map[uint64]string // names
	halved  int               // how often
}

// kept is a picture that is there.
type kept struct {
	name string
	hash uint64
	size int64
}

// shot is a picture that may be new.
type shot struct {
	hash uint64
	img  image.Image // nil if it is there already
}

// take returns a shot of a picture that will not stay as it is: a copy, which is
// small if there are few colours, as there are on most screens.
func (f *frames) take(img *image.RGBA) shot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := shot{hash: screen.Hash(img)}
	if f.byHash[s.hash] != "" {
		return s
	}
	if p := paletted(img); p != nil {
		s.img = p
	} else {
		s.img = &image.RGBA{Pix: bytes.Clone(img.Pix), Stride: img.Stride, Rect: img.Rect}
	}
	return s
}

// add returns the name of the file that holds the picture, which it writes if
// there is none yet.
func (f *frames) add(s shot) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name, ok := f.byHash[s.hash]; ok || s.img == nil {
		return name, nil
	}
	data, err := f.encoder.write(s.img, png.DefaultCompression)
	if err != nil {
		return "", err
	}
	if int64(len(data)) > f.max/4 {
		return "", nil // no screen that anybody reads
	}
	if f.size+int64(len(data)) > f.max {
		if err := f.halve(); err != nil {
			return "", err
		}
	}
	f.next++
	name := fmt.Sprintf("%s/%06d.png", framesDir, f.next)
	if err := os.WriteFile(filepath.Join(f.dir, filepath.FromSlash(name)), data, 0o600); err != nil {
		return "", err
	}
	f.kept = append(f.kept, kept{name, s.hash, int64(len(data))})
	f.size += int64(len(data))
	if f.byHash == nil {
		f.byHash = map[uint64]string{}
	}
	f.byHash[s.hash] = name
	return name, nil
}

// halve removes every second picture. The first stays.
func (f *frames) halve() error {
	f.halved++
	var stay []kept
	for i, k := range f.kept {
		if i%2 == 0 {
			stay = append(stay, k)
			continue
		}
		if err := os.Remove(filepath.Join(f.dir, filepath.FromSlash(k.name))); err != nil {
			return err
		}
		delete(f.byHash, k.hash)
		f.size -= k.size
	}
	f.kept = stay
	return nil
}

// thinned returns how often half of the pictures were removed.
func (f *frames) thinned() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.halved
}

// blinks knows when pictures only take turns, as a cursor that blinks makes them.
type blinks struct {
	now, before string
	turns       int   // how often the two have taken turns so far
	at          int64 // of the last one
}

const (
	blinkTurns = 6    // so many are a cursor
	blinkGap   = 2000 // milliseconds; who takes longer does not blink
)

// news reports whether a picture, seen at a time, is worth an entry.
func (b *blinks) news(name string, at int64) bool {
	if name == b.now {
		return false
	}
	if name == b.before && at-b.at < blinkGap {
		b.turns++
	} else {
		b.turns = 0
	}
	b.now, b.before, b.at = name, b.now, at
	return b.turns < blinkTurns
}
