package qemu

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// TPMVersion is what a security chip is like.
type TPMVersion string

// The versions. The empty version is TPM2.
const (
	TPM2  TPMVersion = "2.0"
	TPM12 TPMVersion = "1.2"
)

// TPM is a machine's security chip. The program swtpm plays it, one for each
// machine: it is started before QEMU and ends with it, and with this program.
// That it has ended before is a [TPMEnded]. The zero value is a TPM 2.0.
type TPM struct {
	// Version is what the chip is like; empty means [TPM2]. Not every swtpm
	// has the other.
	Version TPMVersion `json:",omitempty"`

	// Model is QEMU's device: tpm-tis or tpm-crb (2.0 only) on a PC,
	// tpm-tis-device on the machine virt. Empty means tpm-tis there and
	// tpm-tis-device here.
	Model string `json:",omitempty"`

	// StateDir is the directory of what the chip remembers. It is made if it
	// does not exist, and what is there is used: a machine that boots again
	// finds its keys. One machine at a time can have it. Empty means the
	// directory tpm among the machine's own files, see [Config.Dir].
	StateDir string `json:",omitempty"`

	// Binary is swtpm, a path or a name looked up in PATH; empty means swtpm.
	Binary string `json:",omitempty"`
}

// The files in TPM.StateDir that hold what a chip remembers, by its version.
var tpmFiles = map[TPMVersion]string{TPM2: "tpm2-00.permall", TPM12: "tpm-00.permall"}

// StateFile returns the name of the file in StateDir that holds what the chip
// remembers when the machine is off.
func (t *TPM) StateFile() string { return tpmFiles[t.version()] }

func (t *TPM) version() TPMVersion {
	if t.Version == "" {
		return TPM2
	}
	return t.Version
}

func (t *TPM) binary() string {
	if t.Binary == "" {
		return "swtpm"
	}
	return t.Binary
}

// tpmModel returns the chip's device as configured or by the machine.
func (c *Config) tpmModel() string {
	switch {
	case c.TPM.Model != "":
		return c.TPM.Model
	case c.board() == boardVirt:
		return "tpm-tis-device"
	}
	return "tpm-tis"
}

// tpmBoards are the machines that a chip fits into.
var tpmBoards = map[string][]board{
	"tpm-tis":        {boardPC, boardQ35},
	"tpm-crb":        {boardPC, boardQ35},
	"tpm-tis-device": {boardVirt},
	"tpm-spapr":      {boardOther},
}

func (c *Config) checkTPM(f *findings) {
	t := c.TPM
	if t == nil {
		return
	}
	oneOf(f, "TPM.Version", t.Version, TPM2, TPM12)
	oneOf(f, "TPM.Model", t.Model, "tpm-tis", "tpm-crb", "tpm-tis-device", "tpm-spapr")
	f.path("TPM.StateDir", t.StateDir, false)
	if strings.ContainsRune(t.Binary, 0) {
		f.add("TPM.Binary", "give a path or leave it empty", "%q has a NUL byte", t.Binary)
	}
	if boards, known := tpmBoards[c.tpmModel()]; known && !slices.Contains(boards, c.board()) {
		f.add("TPM.Model", "leave it empty, or use the machine pc, q35 or virt", "the machine %s has no place for a %s", c.machineName(), c.tpmModel())
	}
	if t.version() == TPM12 && c.tpmModel() == "tpm-crb" {
		f.add("TPM.Model", "write tpm-tis, or leave Version empty", "tpm-crb is a TPM 2.0")
	}
}

// tpm adds the chip.
func (b *builder) tpm() {
	if b.c.TPM == nil {
		return
	}
	b.args.fixed("-chardev", fmt.Sprintf("socket,id=tpm0,fd=%d", tpmFD))
	b.args.add("-tpmdev", "emulator,id=tpm0,chardev=tpm0")
	b.args.json("-device", object{{"driver", b.c.tpmModel()}, {"tpmdev", "tpm0"}})
}

// findTPM looks for swtpm, and asks whether it can play the chip.
func (c *Config) findTPM(f *findings, h *Host) {
	if c.TPM == nil {
		return
	}
	path, err := lookBinary(c.TPM.binary())
	if err != nil {
		f.add("TPM", installHint(osIDs(), "swtpm", "all", func(installer) map[string]string { return map[string]string{"": "swtpm"} }), "%v", err)
		return
	}
	h.TPM = path
	features, err := tpmFeatures(path)
	// Before 0.7 swtpm did not tell the versions.
	tells := func(v TPMVersion) bool { return slices.Contains(features, "tpm-"+string(v)) }
	switch version := c.TPM.version(); {
	case err != nil:
		f.add("TPM.Binary", "install swtpm anew, or give another one", "%q cannot be used: %v", path, err)
	case (tells(TPM2) || tells(TPM12)) && !tells(version):
		f.add("TPM.Version", "leave it empty, or use an swtpm that has it", "%q has no TPM %s", path, version)
	}
	if dir := c.TPM.StateDir; dir != "" && !isDir(dir) && !isDir(filepath.Dir(dir)) {
		f.add("TPM.StateDir", "create it, or leave it empty", "%q is not a directory", filepath.Dir(dir))
	}
}

// tpmFeatures asks the swtpm at path what it can do.
func tpmFeatures(path string) ([]string, error) {
	key, err := binaryKey(path)
	if err != nil {
		return nil, err
	}
	return tpms.get(key, func() ([]string, error) {
		p, err := startProcess(path, []string{"socket", "--print-capabilities"}, "", environment(false), nil)
		if err != nil {
			return nil, err
		}
		if !p.waitFor(10 * time.Second) {
			p.proc.Kill()
			<-p.done
			return nil, fmt.Errorf("it does not say what it can do")
		}
		var says struct{ Features []string }
		if err := json.Unmarshal([]byte(p.output.String()), &says); err != nil {
			return nil, fmt.Errorf("it does not say what it can do: %.200s", strings.TrimSpace(p.output.String()))
		}
		return says.Features, nil
	})
}
