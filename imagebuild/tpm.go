package imagebuild

import (
	"io"
	"os"
	"path/filepath"

	"github.com/bootscribe/bootscribe/qemu"
)

// withTPM lets the machine's TPM remember things in the build's own directory,
// unless it has another one.
func (r *run) withTPM(c *qemu.Config) {
	if c.TPM == nil || c.TPM.StateDir != "" {
		return
	}
	tpm := *c.TPM
	tpm.StateDir = r.scratch.path("tpm")
	c.TPM = &tpm
}

// copyTPM makes TPMState without its name.
func (r *run) copyTPM(image string) (*companion, error) {
	if r.b.TPMState == "" {
		return nil, nil
	}
	dir := r.b.VM.TPM.StateDir
	if dir == "" {
		dir = r.scratch.path("tpm")
	}
	state, err := os.Open(filepath.Join(dir, r.b.VM.TPM.StateFile()))
	if err != nil {
		return nil, err
	}
	defer state.Close()
	return r.accompany("TPM state", r.b.TPMState, image, func(f *os.File) error {
		_, err := io.Copy(f, state)
		return err
	})
}

func (b *Build) validateTPM() error {
	if b.TPMState != "" && b.VM.TPM == nil {
		return &ConfigError{"TPMState", "there is no TPM that could remember anything", "set VM.TPM, or leave it empty"}
	}
	return nil
}
