// Package typeguest makes what the real guests boot from on which typing is
// tried, and reads from a guest's screen what has arrived there:
//
//	medium, err := typeguest.ISOLINUX(ctx, cacheDir)
//	…                                     // boot it, type "linux quiet"
//	screen := typeguest.TextScreen(vram, 80)
//	screen.Col, screen.Row = column, row
//	line, ok := screen.Line("boot: ", 80) // "linux quiet"
//
// The media are made of the distribution's packages (scripts/typing.packages),
// once: a file that is in the cache directory is taken as it is. What a program
// says of a machine is for its caller to fetch, so that the tests of any
// package can use this one.
package typeguest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Where the distribution keeps what the media are made of.
const (
	isolinuxBin = "/usr/lib/ISOLINUX/isolinux.bin"
	syslinuxDir = "/usr/lib/syslinux/modules/bios"
	installer   = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"
	busyboxBin  = "/bin/busybox"
	ipxeISO     = "/usr/lib/ipxe/ipxe.iso"
)

// MissingError says that something is not installed.
type MissingError struct {
	What    string // a file or a program
	Package string // the package that has it
}

// Error names what is missing and how to get it.
func (e *MissingError) Error() string {
	return fmt.Sprintf("typeguest: %s is missing: install the package %s, or run scripts/deps typing", e.What, e.Package)
}

// have returns an error for each of the files that is not there. The files are
// paths, or programs if they have no slash, followed by their packages.
func have(filesAndPackages ...string) error {
	var errs []error
	for i := 0; i < len(filesAndPackages); i += 2 {
		file, pkg := filesAndPackages[i], filesAndPackages[i+1]
		var err error
		if strings.Contains(file, "/") {
			_, err = os.Stat(file)
		} else {
			_, err = exec.LookPath(file)
		}
		if err != nil {
			errs = append(errs, &MissingError{What: file, Package: pkg})
		}
	}
	return errors.Join(errs...)
}

// cached returns the path of a file in dir that fill makes, in a directory of
// its own, if it is not there yet. The name is followed by a digest of recipe,
// the text that it depends on.
func cached(dir, name, recipe string, fill func(work, path string) error) (string, error) {
	sum := sha256.Sum256([]byte(recipe))
	path := filepath.Join(dir, name+"-"+hex.EncodeToString(sum[:4]))
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(dir, "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	made := filepath.Join(work, "made")
	if err := fill(work, made); err != nil {
		return "", fmt.Errorf("typeguest: making %s: %w", name, err)
	}
	return path, os.Rename(made, path)
}

// run runs a program and returns what it said if it fails.
func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// state returns what changes when a file changes, for a recipe.
func state(paths ...string) string {
	var b strings.Builder
	for _, p := range paths {
		if fi, err := os.Stat(p); err == nil {
			fmt.Fprintln(&b, p, fi.Size(), fi.ModTime().UnixNano())
		}
	}
	return b.String()
}
