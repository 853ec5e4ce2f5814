package imagebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/bootscribe/bootscribe/keyseq"
)

// What the steps of this package need of a Build, and would else miss only when
// their turn comes.

func needsSSH(b *Build) error {
	if b.SSH.User == "" {
		return errors.New("needs SSH, and SSH.User is empty; set it")
	}
	return nil
}

// needsLogin is for what SSH does, or else WinRM.
func needsLogin(b *Build) error {
	if b.SSH.User == "" && b.WinRM.User == "" {
		return errors.New("needs SSH or WinRM, and SSH.User and WinRM.User are empty; set one of them")
	}
	return nil
}

func needsWinRM(b *Build) error {
	if b.WinRM.User == "" {
		return errors.New("needs WinRM, and WinRM.User is empty; set it")
	}
	return nil
}

func needsScreen(b *Build) error {
	if b.VM.VGA == "none" {
		return errors.New("needs a screen, and VM.VGA is none; leave it empty")
	}
	return nil
}

// canType checks that there is a screen and that what a boot command waits for
// can be fetched.
func (b *Build) canType(command string) error {
	return errors.Join(needsScreen(b), b.canFetch(command))
}

// canFetch checks that what a boot command waits for can be fetched.
func (b *Build) canFetch(command string) error {
	var errs []error
	seq, err := keyseq.Parse(command)
	if err != nil {
		return nil // Check has said what is wrong with it
	}
	for _, st := range seq {
		w, _ := st.(keyseq.WaitFor)
		if f, ok := w.Fact.(keyseq.Fetched); ok {
			if err := b.offers(f.Path); err != nil {
				errs = append(errs, fmt.Errorf("%s at %s: %w", w, w.At, err))
			}
		}
	}
	return errors.Join(errs...)
}

// canSee checks that outcomes can appear with this build.
func (b *Build) canSee(outcomes []Outcome) error {
	_, err := newSearch(outcomes)
	errs := []error{err}
	for i, o := range outcomes {
		if o.Text != "" && b.VM.VGA == "none" {
			errs = append(errs, fmt.Errorf("outcome %d: %w", i, needsScreen(b)))
		}
		if o.Fetch != "" {
			if err := b.offers(o.Fetch); err != nil {
				errs = append(errs, fmt.Errorf("outcome %d: %w", i, err))
			}
		}
		for j, s := range o.Steps {
			if err := b.canDo(s); err != nil {
				errs = append(errs, fmt.Errorf("outcome %d: Steps[%d] %q: %w", i, j, s.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// canDo checks a step within another one.
func (b *Build) canDo(s Step) error {
	var errs []error
	if s.Do == nil {
		errs = append(errs, errors.New("its Do is nil; give it something to do"))
	}
	return errors.Join(append(errs, s.wrongIn(b), s.wrongWith(b.exampleVars()))...)
}

// offers checks that the guest can fetch a file.
func (b *Build) offers(path string) error {
	if !b.serves() {
		return errors.New("there are no Files and no Templates to fetch; set one of them")
	}
	name := strings.TrimPrefix(path, "/")
	for _, fsys := range []fs.FS{b.Files, b.Templates} {
		if fsys == nil {
			continue
		}
		if info, err := fs.Stat(fsys, name); err == nil && !info.IsDir() {
			return nil
		}
	}
	return fmt.Errorf("neither Files nor Templates hold %q; add it or check the path", name)
}
