package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
)

// Validate reports everything that can be known to be wrong before anything is
// fetched or started, joined in one error: fields that make no sense, programs
// that are missing, files that are not there or in the way, boot commands that
// cannot be typed. It writes nothing but a probe's scratch files, and takes
// some tenths of a second; up to three seconds more if an accelerator is to be
// chosen and there is one that does not work. The context bounds it.
func (b *Build) Validate(ctx context.Context) error {
	errs := []error{b.validateOutput(), b.validateDisk(), b.validateMedia(), b.validateSSH(), b.validateFiles(), b.validateSteps(b.exampleVars())}
	machine := b.machine(media{})
	if _, err := machine.Preflight(ctx); err != nil {
		errs = append(errs, err)
	}
	// The disk and the medium do not exist yet, but where they are plugged in
	// can be checked.
	machine = b.machine(media{disk: "disk", medium: "medium", seed: b.seedName(), floppy: b.floppyName()})
	if err := machine.Validate(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(unique(errs)...)
}

// exampleVars are Vars as a build will have them, for checks before it begins.
func (b *Build) exampleVars() Vars {
	key, port := "", 0
	if b.temporaryKey() {
		key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bootscribe"
	}
	if b.serves() {
		port = 65535
	}
	return b.vars(port, key)
}

func (b *Build) seedName() string {
	if b.Seed == nil {
		return ""
	}
	return "seed"
}

func (b *Build) floppyName() string {
	if b.Floppy == nil {
		return ""
	}
	return "floppy"
}

func (b *Build) validateOutput() error {
	if b.Output == "" {
		return &ConfigError{"Output", "is empty", "give the path of the image to make"}
	}
	var errs []error
	if !b.Overwrite {
		errs = append(errs, absent("Output", b.Output), absent("Manifest", b.Manifest))
	} else {
		errs = append(errs, replaceable("Output", b.Output), replaceable("Manifest", b.Manifest))
	}
	errs = append(errs, directory("Output", b.Output), directory("Manifest", b.Manifest))
	o := qemuimg.ConvertOptions{SourceFormat: qemuimg.Qcow2, Format: b.format(), Compress: b.Compress}
	if err := o.Validate(); err != nil {
		errs = append(errs, &ConfigError{"Format and Compress", err.Error(), ""})
	}
	return errors.Join(errs...)
}

// absent checks that nothing is at path.
func absent(field, path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return &ConfigError{field, fmt.Sprintf("%q exists", path), "remove it, choose another name, or set Overwrite"}
	}
	return nil
}

// replaceable checks that a regular file, if anything, is at path.
func replaceable(field, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return &ConfigError{field, fmt.Sprintf("%q is not a regular file", path), "choose another name"}
	}
	return nil
}

// directory checks that path is in a directory that can be written to.
func directory(field, path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ConfigError{field, fmt.Sprintf("there is no directory %q", dir), "make it, or choose another one"}
	case err != nil:
		return &ConfigError{field, err.Error(), ""}
	case !info.IsDir():
		return &ConfigError{field, fmt.Sprintf("%q is not a directory", dir), "choose another one"}
	}
	return writable(field, dir)
}

func (b *Build) validateDisk() error {
	var errs []error
	if err := qemuimg.CheckSize(b.diskSize()); err != nil {
		errs = append(errs, &ConfigError{"Disk.Size", err.Error(), ""})
	}
	if _, err := exec.LookPath("qemu-img"); err != nil {
		errs = append(errs, &ConfigError{"Disk", "the program qemu-img was not found in PATH", "install it: package qemu-utils on Debian and Ubuntu, qemu-img on Fedora, openSUSE and Arch"})
	}
	if dir := filepath.Dir(b.Output); b.Output != "" {
		errs = append(errs, roomFor("Output", dir))
	}
	return errors.Join(errs...)
}

func (b *Build) validateMedia() error {
	errs := []error{b.Media.Validate(), b.Fetcher.Validate(), b.localMedia()}
	if b.Seed != nil {
		errs = append(errs, b.Seed.ValidateCD())
	}
	if b.Floppy != nil {
		errs = append(errs, b.Floppy.ValidateFloppy())
		if b.VM.Floppy != "" {
			errs = append(errs, &ConfigError{"Floppy", "VM.Floppy is set too, and a machine has one floppy drive", "leave one of them out"})
		}
	}
	return errors.Join(errs...)
}

// localMedia checks that one of the media is there, if all are local files.
func (b *Build) localMedia() error {
	var missing []string
	for _, u := range b.Media.URLs {
		path, found := strings.CutPrefix(u, "file://")
		if !found && strings.Contains(u, "://") {
			return nil
		}
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		missing = append(missing, fmt.Sprintf("%q", path))
	}
	if len(missing) == 0 {
		return nil
	}
	return &ConfigError{"Media.URLs", "there is no file " + strings.Join(missing, " or "), "check the path"}
}

func (b *Build) validateSSH() error {
	if b.SSH.User == "" {
		if b.Shutdown.Command != "" {
			return &ConfigError{"Shutdown.Command", "is run over SSH, and SSH.User is empty", "set SSH.User, or leave Command empty to press the power button"}
		}
		return nil
	}
	c := b.SSH
	if b.forwarded() {
		c.Addr = "127.0.0.1:22"
		if b.VM.NICs != nil && !slices.ContainsFunc(b.VM.NICs, isUserNet) {
			return &ConfigError{"SSH.Addr", "is empty, and no network card is on the user network, where a port could be forwarded", "give the guest's address"}
		}
	}
	if b.temporaryKey() {
		c.Password = "replaced by the temporary key"
	}
	return c.Validate()
}

func (b *Build) validateFiles() error {
	cfg := httpserve.Config{Files: b.Files, Templates: b.Templates}
	return cfg.Validate()
}

func (b *Build) validateSteps(v Vars) error {
	var errs []error
	for i, s := range b.Steps {
		if s.Do == nil {
			errs = append(errs, &ConfigError{fmt.Sprintf("Steps[%d].Do", i), fmt.Sprintf("is nil in step %q", s.Name), "give it something to do"})
		}
		if s.Check == nil {
			continue
		}
		if err := s.Check(v); err != nil {
			errs = append(errs, fmt.Errorf("imagebuild: Steps[%d] %q: %w", i, s.Name, err))
		}
	}
	return errors.Join(errs...)
}

// unique flattens joined errors and leaves out those that read the same.
func unique(errs []error) []error {
	var all []error
	seen := map[string]bool{}
	for _, err := range errs {
		for _, err := range flatten(err) {
			if text := err.Error(); !seen[text] {
				seen[text] = true
				all = append(all, err)
			}
		}
	}
	return all
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flatten(err)...)
	}
	return all
}
