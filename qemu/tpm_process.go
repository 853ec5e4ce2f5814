package qemu

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// chip is a running swtpm.
type chip struct {
	proc *process
	line *os.File      // QEMU's end of the connection; closed when QEMU has it
	told chan struct{} // closed when its end was dealt with
}

// startTPM starts the chip of a machine whose files are in dir. It returns nil
// for a machine without.
func (c *Config) startTPM(h *Host, dir string) (*chip, error) {
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
	return &chip{proc: proc, line: ours, told: make(chan struct{})}, nil
}

// end waits for a chip whose machine has ended, and ends it if it does not end
// by itself. A nil chip has ended.
func (c *chip) end(t timing) {
	if c == nil {
		return
	}
	if !c.proc.waitFor(t.quit) {
		c.proc.signal(terminate)
	}
	if !c.proc.waitFor(t.terminate) {
		c.proc.proc.Kill()
		<-c.proc.done
	}
}

// abandon ends a chip whose machine did not start, and returns what it said.
func (c *chip) abandon() string {
	if c == nil {
		return ""
	}
	c.line.Close()
	if !c.proc.waitFor(500 * time.Millisecond) {
		c.proc.proc.Kill()
		<-c.proc.done
	}
	return c.proc.output.String()
}

// followChip tells when the chip has ended by anything but QEMU's leaving it,
// which is how it ends well.
func (vm *VM) followChip() {
	if vm.chip == nil {
		return
	}
	defer close(vm.chip.told)
	<-vm.chip.proc.done
	status, signal := vm.chip.proc.status()
	if status == 0 && signal == "" || vm.proc.waitFor(time.Second) {
		return
	}
	vm.emit(TPMEnded{Status: status, Signal: signal, Stderr: vm.chip.proc.output.String()})
}

// endChip returns when nothing of the chip is left and its end was told.
func (vm *VM) endChip() {
	if vm.chip == nil {
		return
	}
	vm.chip.end(vm.t)
	<-vm.chip.told
}
