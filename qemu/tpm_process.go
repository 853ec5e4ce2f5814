package qemu

import (
	"fmt"
	"os"
	"path/filepath"
)

// startTPM starts the chip of a machine whose files are in dir. It returns nil
// for a machine without.
func (c *Config) startTPM(h *Host, dir string) (*attendant, error) {
	if c.TPM == nil {
		return nil, nil
	}
	state := c.TPM.StateDir
	if state == "" {
		state = filepath.Join(dir, "tpm")
	}
	if err := os.Mkdir(state, 0o700); err != nil && !isDir(state) {
		return nil, fmt.Errorf("qemu: TPM: %w", err)
	}
	ours, theirs, err := filePair("tpm")
	if err != nil {
		return nil, fmt.Errorf("qemu: TPM: %w", err)
	}
	defer theirs.Close()
	// Its options are parted by commas, which a path may have: it runs in the
	// directory.
	args := []string{"socket", "--tpmstate", "dir=.,mode=0600", "--ctrl", "type=unixio,clientfd=3", "--terminate"}
	if c.TPM.version() == TPM2 {
		args = append(args, "--tpm2")
	}
	proc, err := startProcess(h.TPM, args, state, environment(false), []*os.File{theirs})
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("qemu: TPM: %w", err)
	}
	ended := func(status int, signal, output string) Event {
		return TPMEnded{Status: status, Signal: signal, Stderr: output}
	}
	return &attendant{proc: proc, line: ours, told: make(chan struct{}), ended: ended}, nil
}
