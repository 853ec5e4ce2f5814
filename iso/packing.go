package iso

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// A packing is a way in which files are compressed, known by their first bytes.
type packing struct {
	name  string
	magic string
	at    int // where the magic is

	// open returns what is in a file of this kind; nil for kinds that are
	// recognised only to be named. Its Close says whether the file was whole.
	open func(ctx context.Context, in *packed) (io.ReadCloser, error)
}

var packings = []packing{
	{"gzip", "\x1f\x8b\x08", 0, func(_ context.Context, in *packed) (io.ReadCloser, error) { return gzip.NewReader(in) }},
	{"bzip2", "BZh", 0, func(_ context.Context, in *packed) (io.ReadCloser, error) {
		return io.NopCloser(bzip2.NewReader(in)), nil
	}},
	{"xz", "\xfd7zXZ\x00", 0, program("xz", "-dc", "-T1")},
	{"zstd", "\x28\xb5\x2f\xfd", 0, program("zstd", "-dcq", "--long=31")},
	{"lz4", "\x04\x22\x4d\x18", 0, program("lz4", "-dc")},
	{"zip archive", "PK\x03\x04", 0, openZip},
	{"7z archive", "7z\xbc\xaf\x27\x1c", 0, nil},
	{"tar archive", tarMagic, tarMagicAt, func(_ context.Context, in *packed) (io.ReadCloser, error) { return io.NopCloser(in), nil }}, // see inTar
}

// packingOf looks at the first bytes of a file; nil means that it is of no
// known kind.
func packingOf(path string) (*packing, error) {
	file, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	for _, p := range packings {
		if p.at < n && bytes.HasPrefix(head[p.at:n], []byte(p.magic)) {
			return &p, nil
		}
	}
	return nil, nil
}

// program returns an opener that lets a program of the host do it, for what
// the standard library cannot read.
func program(name string, args ...string) func(context.Context, *packed) (io.ReadCloser, error) {
	return func(ctx context.Context, in *packed) (io.ReadCloser, error) {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("%w; install %s, or unpack the file and give the path of what is in it", err, name)
		}
		p := &unpacker{cmd: exec.CommandContext(ctx, path, args...)}
		p.cmd.Stdin, p.cmd.Stderr = in, &p.stderr
		ownGroup(p.cmd)
		if p.ReadCloser, err = p.cmd.StdoutPipe(); err != nil {
			return nil, err
		}
		return p, p.cmd.Start()
	}
}

// unpacker is a program that unpacks.
type unpacker struct {
	io.ReadCloser // its standard output
	cmd           *exec.Cmd
	stderr        lastWords
}

// Close waits for the end of the program and returns how it ended.
func (p *unpacker) Close() error {
	err := errors.Join(p.ReadCloser.Close(), p.cmd.Wait())
	if err != nil && len(p.stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(p.stderr)))
	}
	return err
}

// lastWords keeps the last that a program says.
type lastWords []byte

func (w *lastWords) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	*w = (*w)[max(0, len(*w)-1024):]
	return len(p), nil
}
