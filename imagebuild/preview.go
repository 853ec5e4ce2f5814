package imagebuild

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
)

// Preview is the machine that Run would start. Files that do not exist yet, such
// as its disk, and ports that are chosen when it starts have names and numbers
// that are made up.
type Preview struct {
	// Machine is the machine as data, which can be written as JSON and read back.
	Machine qemu.Config

	// Command is QEMU's command line, the program first.
	Command []string
}

// Preview returns the machine that Run would start, after the checks of
// Validate. It fetches, writes and starts nothing but what Validate does.
func (b *Build) Preview(ctx context.Context) (*Preview, error) {
	b, err := b.absolute()
	if err != nil {
		return nil, err
	}
	if err := b.Validate(ctx); err != nil {
		return nil, err
	}
	bare := b.machine(media{}) // whose files all exist
	host, err := bare.Preflight(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(filepath.Dir(b.Output), strings.Replace(scratchPattern, "*", "0", 1))
	c := b.previewed(dir)
	if host.Firmware.Vars != "" {
		host.Firmware.VarsFile = filepath.Join(dir, "efivars.fd")
	} else if c.Firmware.Vars != "" && c.Firmware.VarsFile == "" {
		c.Firmware.VarsFile = filepath.Join(dir, "efivars.fd")
	}
	args, err := c.CommandLine(host)
	if err != nil {
		return nil, err
	}
	return &Preview{c, append([]string{host.Binary}, args...)}, nil
}

// previewed returns the machine with files in a scratch directory.
func (b *Build) previewed(dir string) qemu.Config {
	m := media{disk: filepath.Join(dir, "disk.qcow2")}
	if b.hasMedium() {
		m.medium = mediumName(b.Media, filepath.Join(dir, "medium.iso"))
	}
	for i, s := range b.Discs {
		m.discs = append(m.discs, mediumName(s, filepath.Join(dir, fmt.Sprintf("disc%d.iso", i))))
	}
	if b.Seed != nil {
		m.seed = filepath.Join(dir, "seed.iso")
	}
	if b.Ignition != nil {
		m.ignition = filepath.Join(dir, "ignition.json")
	}
	if b.Floppy != nil {
		m.floppy = filepath.Join(dir, "floppy.img")
	}
	c := b.machine(m)
	if c.Dir == "" {
		c.Dir = dir
	}
	b.withVars(&c, b.exampleVars())
	if c.HasDebugPort() && len(b.rules().Rules) > 0 {
		c.DebugConsole = io.Discard
	}
	return c
}

// mediumName returns the path of a medium that is a file of this host, or one that
// it could have, beside unnamed, when it is fetched.
func mediumName(s iso.Source, unnamed string) string {
	first := s.URLs[0]
	if local, ok := localPath(first); ok {
		return local
	}
	if u, err := url.Parse(first); err == nil && path.Base(u.Path) != "/" && path.Base(u.Path) != "." {
		return filepath.Join(filepath.Dir(unnamed), path.Base(u.Path))
	}
	return unnamed
}

// String returns the command line as a shell would take it, an option a line.
func (p *Preview) String() string {
	var s strings.Builder
	for i, word := range p.Command {
		switch {
		case i > 0 && strings.HasPrefix(word, "-"):
			s.WriteString(" \\\n  ")
		case i > 0:
			s.WriteString(" ")
		}
		s.WriteString(shellWord(word))
	}
	return s.String()
}

// shellWord returns a word as a POSIX shell would take it.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
	}
	if word != "" && strings.TrimLeftFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
