package qemu

import (
	"errors"
	"os"
)

// beside is what a machine has beside QEMU; nil where it does not.
type beside struct {
	viewer *viewer      // where people attach
	others *socketFile  // where other programs speak QMP
	chip   *attendant   // the TPM
	shares []*attendant // the directories that the guest reaches by virtiofs
}

// attendants are the programs beside QEMU.
func (b *beside) attendants() []*attendant {
	if b.chip == nil {
		return b.shares
	}
	return append([]*attendant{b.chip}, b.shares...)
}

// startBeside makes what QEMU is then given.
func (c *Config) startBeside(h *Host, dir string) (b beside, err error) {
	if b.viewer, err = c.listenViewer(); err == nil {
		b.others, err = c.listenOthers()
	}
	if err == nil {
		b.chip, err = c.startTPM(h, dir)
	}
	if err == nil {
		b.shares, err = c.startShares(h, dir)
	}
	if err != nil {
		return beside{}, b.abandon(err)
	}
	return b, nil
}

// abandon ends all of it when the machine has not started, and adds to the error
// what the programs beside QEMU said.
func (b *beside) abandon(err error) error {
	b.viewer.close()
	b.others.close()
	tpm, shares := b.chip.abandon(), ""
	for _, a := range b.shares {
		shares += a.abandon()
	}
	var e *StartError
	if errors.As(err, &e) {
		e.TPM, e.Share = tpm, shares
	}
	return err
}

// inherited are the files that QEMU gets as its descriptors 5, 6, and from 7 on.
func (b *beside) inherited() []*os.File {
	files := make([]*os.File, 2)
	if b.chip != nil {
		files[0] = b.chip.line
	}
	if b.others != nil {
		files[1] = b.others.file
	}
	for _, a := range b.shares {
		files = append(files, a.line)
	}
	return files
}

// listenOthers returns nil if no other program is to control the machine.
func (c *Config) listenOthers() (*socketFile, error) {
	if c.QMPSocket == "" {
		return nil, nil
	}
	s, err := listenSocket(c.QMPSocket)
	if err != nil {
		return nil, &ConfigError{Field: "QMPSocket", Problem: err.Error(), Remedy: "choose another path"}
	}
	return s, nil
}
