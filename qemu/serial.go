package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// serialPipes are the guest's first serial port on its way to QEMU: two pipes,
// a name with ".out" for what the guest writes and with ".in" for what it is
// sent (QEMU's chardev "pipe").
//
// A socket would do but for QEMU's writing each byte by itself: it holds less than
// 300 such writes, and a guest does not wait for us. OVMF waits a fifth of
// a millisecond and then drops what it wanted to say, and whatever program it
// had started fails: its shell does not come up. A pipe holds 65536 bytes.
type serialPipes struct {
	path string // without the ends of the names
	dir  string // made for them alone; empty for none
}

// serialName is the name of the serial port's pipes in the machine's directory.
const serialName = "serial0"

// makeSerial returns nil for a machine without a serial port.
func (c *Config) makeSerial(dir string) (*serialPipes, error) {
	if c.NoSerial {
		return nil, nil
	}
	s := &serialPipes{path: filepath.Join(dir, serialName)}
	err := s.make()
	if errors.Is(err, os.ErrExist) { // of a program that was killed, or of one that starts now
		if s.dir, err = os.MkdirTemp(dir, "serial-"); err == nil {
			s.path = filepath.Join(s.dir, serialName)
			err = s.make()
		}
	}
	if err != nil {
		s.removeDir()
		return nil, fmt.Errorf("qemu: serial port: %w", err)
	}
	return s, nil
}

func (s *serialPipes) make() error {
	err := makeFIFO(s.path + ".in")
	if err != nil {
		return err
	}
	if err = makeFIFO(s.path + ".out"); err != nil {
		os.Remove(s.path + ".in")
	}
	return err
}

// open opens this program's ends of what QEMU has opened.
func (s *serialPipes) open() (line *serialLine, err error) {
	if s == nil {
		return nil, nil
	}
	line = new(serialLine)
	if line.out, err = openFIFO(s.path+".out", os.O_RDONLY); err != nil {
		return nil, fmt.Errorf("qemu: serial port: %w", err)
	}
	if line.in, err = openFIFO(s.path+".in", os.O_WRONLY); err != nil {
		line.out.Close()
		return nil, fmt.Errorf("qemu: serial port: %w", err)
	}
	return line, nil
}

// remove removes the names, which nobody needs when they are open.
func (s *serialPipes) remove() {
	if s == nil {
		return
	}
	os.Remove(s.path + ".in")
	os.Remove(s.path + ".out")
	s.removeDir()
}

func (s *serialPipes) removeDir() {
	if s.dir != "" {
		os.Remove(s.dir)
	}
}

// serialLine is this program's end of the guest's first serial port.
type serialLine struct{ out, in *os.File }

func (l *serialLine) Read(p []byte) (int, error)  { return l.out.Read(p) }
func (l *serialLine) Write(p []byte) (int, error) { return l.in.Write(p) }

func (l *serialLine) SetReadDeadline(t time.Time) error  { return l.out.SetReadDeadline(t) }
func (l *serialLine) SetWriteDeadline(t time.Time) error { return l.in.SetWriteDeadline(t) }

func (l *serialLine) Close() error { return errors.Join(l.out.Close(), l.in.Close()) }
