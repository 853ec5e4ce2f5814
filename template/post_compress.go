package template

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

var compressOptions = []option{
	{name: "output", def: "packer_{{.BuildName}}_{{.BuilderType}}", late: true, status: differs, here: "must not exist, unless -force is given"},
	{name: "format", def: "by the output's extension, else tar.gz", status: differs, here: "tar, zip, gz, bgzf, lz4, xz and bz2, and tar. before these; lz4, xz and bz2 are made by the programs of these names, which are looked for before the build begins"},
	{name: "compression_level", kind: isInt, def: "-1"},
}

// packing is how files are packed into one.
type packing struct {
	archive string // tar or zip; empty for one file alone
	method  string // how a tar archive or a file is compressed; empty for not at all
	level   int    // from 0 to 9, or -1 for the method's own
}

// compressors are the programs for what is not made here.
var compressors = map[string]string{"lz4": "lz4", "xz": "xz", "bz2": "bzip2"}

// methods are the ways in which a file can be compressed.
var methods = []string{"gz", "bgzf", "lz4", "xz", "bz2"}

// packingOf reads a format, such as tar.gz.
func packingOf(format string) (packing, bool) {
	if strings.HasSuffix(format, "bzip2") {
		format = strings.TrimSuffix(format, "bzip2") + "bz2"
	}
	if format == "tar" || format == "zip" {
		return packing{archive: format}, true
	}
	method, tarred := strings.CutPrefix(format, "tar.")
	p := packing{method: method}
	if tarred {
		p.archive = "tar"
	}
	return p, slices.Contains(methods, method)
}

// formatOf returns the format that the name of a file asks for.
func formatOf(output string) string {
	parts := strings.Split(filepath.Base(output), ".")
	for _, n := range []int{2, 1} {
		if len(parts) <= n {
			continue
		}
		format := strings.Join(parts[len(parts)-n:], ".")
		if _, ok := packingOf(format); ok {
			return format
		}
	}
	return "tar.gz"
}

// compress packs the artifact's files into one.
func (p *post) compress() func(context.Context, *Artifact) (*Artifact, error) {
	format := p.or("format", formatOf(p.str("output")))
	how, ok := packingOf(format)
	if !ok {
		p.fail("format", fmt.Sprintf("there is no format %q", format), "write tar.gz, tar, zip, gz, bgzf, lz4, xz or bz2, or tar. before one of these")
	}
	how.level = gzip.DefaultCompression
	if p.has("compression_level") {
		if how.level = p.int("compression_level"); how.level < -1 || how.level > 9 {
			p.fail("compression_level", fmt.Sprintf("%d is no level", how.level), "levels go from -1 to 9")
		}
	}
	if program := compressors[how.method]; program != "" {
		if _, err := exec.LookPath(program); err != nil {
			p.build.host = append(p.build.host, p.place("format").error(p.field("format"), fmt.Sprintf("the program %s was not found in PATH", program), "install it, or write tar.gz"))
		}
	}
	p.tryOutput("output", nil)
	return func(ctx context.Context, a *Artifact) (*Artifact, error) {
		path, err := p.output("output", "packer_{{.BuildName}}_{{.BuilderType}}."+format, nil)
		if err != nil {
			return a, err
		}
		if err := p.pack(ctx, path, how, a.Files); err != nil {
			return a, err
		}
		return &Artifact{Build: a.Build, Type: "compress", Files: []string{path}}, nil
	}
}

// pack writes an archive, which gets its name when it is whole.
func (p *post) pack(ctx context.Context, path string, how packing, files []string) error {
	if err := p.free(path); err != nil {
		return err
	}
	if how.archive == "" && len(files) != 1 {
		return fmt.Errorf("%s holds one file, and there are %d; write tar.%s", how.method, len(files), how.method)
	}
	return written(path, func(f *os.File) error { return how.write(ctx, f, files) })
}

// free reports a file that is in the way of another.
func (p *post) free(path string) error {
	if _, err := os.Stat(path); err == nil && !p.build.force {
		return fmt.Errorf("output %q exists; remove it, or use -force", path)
	}
	return nil
}

// written writes a file, which gets its name when it is whole.
func written(path string, write func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".bootscribe-*")
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (how packing) write(ctx context.Context, f *os.File, files []string) error {
	if how.archive == "zip" {
		return zipped(ctx, f, how.level, files)
	}
	w, err := how.compressor(ctx, f)
	if err != nil {
		return err
	}
	if how.archive == "tar" {
		err = tarred(ctx, w, files)
	} else {
		err = readInto(ctx, w, files[0])
	}
	err = errors.Join(err, w.Close())
	if err != nil && ctx.Err() != nil { // which ends a program with an error of its own
		return context.Cause(ctx)
	}
	return err
}

// compressor returns what compresses into f, and leaves that open.
func (how packing) compressor(ctx context.Context, f *os.File) (io.WriteCloser, error) {
	switch how.method {
	case "":
		return uncompressed{f}, nil
	case "gz":
		return gzip.NewWriterLevel(f, how.level)
	case "bgzf":
		return &bgzf{out: f, level: how.level}, nil
	}
	args := []string{"-c"}
	if how.level >= 0 {
		args = append(args, fmt.Sprintf("-%d", max(1, how.level))) // of which xz alone has a 0
	}
	if how.method == "xz" {
		args = append(args, "-T0") // as many threads as there are processors
	}
	return startCompressor(exec.CommandContext(ctx, compressors[how.method], args...), f)
}

type uncompressed struct{ io.Writer }

func (uncompressed) Close() error { return nil }

// program is a compressor that is a program of the host.
type program struct {
	io.WriteCloser // its standard input
	cmd            *exec.Cmd
	stderr         strings.Builder
}

func startCompressor(cmd *exec.Cmd, out *os.File) (io.WriteCloser, error) {
	p := &program{cmd: cmd}
	cmd.Stdout, cmd.Stderr = out, &p.stderr
	var err error
	if p.WriteCloser, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return p, cmd.Start()
}

// Close returns when the program has ended, and how.
func (p *program) Close() error {
	err := errors.Join(p.WriteCloser.Close(), p.cmd.Wait())
	if err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, strings.TrimSpace(p.stderr.String()))
	}
	return nil
}
