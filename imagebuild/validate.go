package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
)

// Validate reports everything that can be known to be wrong before anything is
// fetched or started, joined in one error: fields that make no sense, programs
// that are missing, files that are not there or in the way, templates that
// cannot be rendered, boot commands that cannot be typed. It writes nothing but
// a probe's scratch files, and takes some tenths of a second; up to three
// seconds more if an accelerator is to be chosen and there is one that does not
// work. The context bounds it.
func (b *Build) Validate(ctx context.Context) error {
	return errors.Join(unique([]error{
		b.validateOutput(), b.validateDisk(), b.validateMedia(), b.validateSeed(), b.validateSSH(), b.validateWinRM(),
		b.validateHTTP(), b.validateFiles(), b.validateSteps(b.exampleVars()), b.validateHandlers(), b.validateDetect(), b.validateTPM(), b.validateKernel(), b.validateMachine(ctx),
	})...)
}

// exampleVars are Vars as a build will have them, for checks before it begins.
func (b *Build) exampleVars() Vars {
	key, port := "", 0
	if b.temporaryKey() {
		key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bootscribe"
	}
	host := ""
	if b.serves() {
		port = 65535
		if _, host, _ = b.httpAddr(); host == "" {
			host = userNetHost // validateHTTP says what is wrong
		}
	}
	return b.vars(host, port, key)
}

func (b *Build) validateMedia() error {
	errs := []error{b.Fetcher.Validate()}
	if b.hasMedium() {
		errs = append(errs, b.Media.Validate(), b.localFile("Media", b.Media))
	}
	for i, s := range b.Discs {
		field := fmt.Sprintf("Discs[%d]", i)
		for _, err := range flatten(s.Validate()) {
			errs = append(errs, fmt.Errorf("imagebuild: %s: %w", field, err))
		}
		errs = append(errs, b.localFile(field, s))
	}
	if b.hasImage() {
		for _, err := range flatten(b.Disk.Image.Validate()) {
			errs = append(errs, fmt.Errorf("imagebuild: Disk.Image: %w", err))
		}
		errs = append(errs, b.localFile("Disk.Image", b.Disk.Image))
	}
	if b.Floppy != nil {
		errs = append(errs, b.Floppy.ValidateFloppy())
		if b.VM.Floppy != "" {
			errs = append(errs, &ConfigError{"Floppy", "VM.Floppy is set too, and a machine has one floppy drive", "leave one of them out"})
		}
	}
	return errors.Join(errs...)
}

func (b *Build) validateDetect() error {
	if b.Detect == nil {
		return nil
	}
	if err := b.Detect.Validate(); err != nil {
		return &ConfigError{"Detect", err.Error(), "see detect.Rule for what a rule may be"}
	}
	return nil
}

// localFile checks that one of a field's files is there, if all are local, and
// that none of them is what will be overwritten.
func (b *Build) localFile(field string, s iso.Source) error {
	var errs []error
	var missing []string
	remote := false
	for i, u := range s.URLs {
		path, local := localPath(u)
		if !local {
			remote = true
			continue
		}
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, fmt.Sprintf("%q", path))
		} else if sameFile(path, b.Output) {
			errs = append(errs, &ConfigError{"Output", fmt.Sprintf("is the file itself that is read, %s.URLs[%d]", field, i), "choose another name"})
		}
	}
	if !remote && len(missing) > 0 && len(missing) == len(s.URLs) {
		errs = append(errs, &ConfigError{field + ".URLs", "there is no file " + strings.Join(missing, " or "), "check the path"})
	}
	return errors.Join(errs...)
}

// localPath returns the path of a medium that is a file of this host.
func localPath(medium string) (string, bool) {
	if !strings.Contains(medium, "://") {
		return medium, true
	}
	u, err := url.Parse(medium)
	if err != nil || u.Scheme != "file" {
		return "", false
	}
	return filepath.FromSlash(u.Path), true
}

func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

func (b *Build) validateSSH() error {
	if b.SSH.User == "" {
		if b.Shutdown.Command != "" && b.WinRM.User == "" {
			return &ConfigError{"Shutdown.Command", "is run over SSH, and SSH.User is empty", "set SSH.User, or WinRM.User, or leave Command empty to press the power button"}
		}
		return nil
	}
	var errs []error
	if b.SSHPort < 0 || b.SSHPort > 65535 {
		errs = append(errs, &ConfigError{"SSHPort", fmt.Sprintf("%d is no port", b.SSHPort), "give one from 1 to 65535, or 0 for 22"})
	}
	c := b.SSH
	if b.forwarded() {
		c.Addr = "127.0.0.1:22"
		if err := b.reachable("SSH.Addr"); err != nil {
			errs = append(errs, err)
		}
	}
	if b.temporaryKey() {
		c.Password = "replaced by the temporary key"
	}
	return errors.Join(append(errs, c.Validate())...)
}

// reachable reports why a guest whose address is not given, in the field of that
// name, cannot be reached.
func (b *Build) reachable(field string) error {
	switch {
	case b.bridge() != "" && runtime.GOOS != "linux":
		return &ConfigError{field, "is empty, and only Linux tells which address a guest on a bridge has", "give the guest's address"}
	case b.bridge() == "" && b.VM.NICs != nil && !slices.ContainsFunc(b.VM.NICs, isUserNet):
		return &ConfigError{field, "is empty, and no network card is on a bridge or on the user network, where a port could be forwarded", "give the guest's address, or add a card to VM.NICs"}
	}
	return nil
}

func (b *Build) validateFiles() error {
	if !b.serves() {
		return nil
	}
	return b.fileServer(b.exampleVars()).Check()
}

func (b *Build) validateHandlers() error {
	if len(b.Handlers) == 0 {
		return nil
	}
	if err := b.canSee(b.Handlers); err != nil {
		return fmt.Errorf("imagebuild: Handlers: %w", err)
	}
	return nil
}

func (b *Build) validateSteps(v Vars) error {
	var errs []error
	for i, s := range b.Steps {
		field := fmt.Sprintf("Steps[%d]", i)
		if s.Do == nil {
			errs = append(errs, &ConfigError{field + ".Do", fmt.Sprintf("is nil in step %q", s.Name), "give it something to do"})
		}
		for _, err := range []error{s.wrongIn(b), s.wrongWith(v)} {
			if err != nil {
				errs = append(errs, fmt.Errorf("imagebuild: %s %q: %w", field, s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (s Step) wrongIn(b *Build) error {
	if s.check == nil {
		return nil
	}
	return s.check(b)
}

func (s Step) wrongWith(v Vars) error {
	if s.Check == nil {
		return nil
	}
	return s.Check(v)
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
