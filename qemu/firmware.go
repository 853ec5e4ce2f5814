package qemu

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// FirmwareQuery is what to look for with [FindFirmware].
type FirmwareQuery struct {
	Arch       string // QEMU's name; empty means x86_64
	Machine    string // the versioned machine type, such as pc-q35-7.2
	SecureBoot bool   // with Secure Boot and enrolled keys

	// Dirs are directories of descriptor files, the first having precedence.
	// Nil means those of [FirmwareDirs].
	Dirs []string

	// Root is put before every path that is looked at; empty means none.
	Root string
}

// FirmwareDirs returns the directories in which QEMU's interop specification
// (docs/interop/firmware.json) has descriptor files, the user's own first, and
// those of Homebrew and of a QEMU installed under prefix. An empty prefix
// names none.
func FirmwareDirs(prefix string) []string {
	var dirs []string
	if config, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(config, "qemu/firmware"))
	}
	dirs = append(dirs, "/etc/qemu/firmware")
	if prefix != "" {
		dirs = append(dirs, filepath.Join(prefix, "share/qemu/firmware"))
	}
	return append(dirs, "/usr/share/qemu/firmware", "/opt/homebrew/share/qemu/firmware", "/usr/local/share/qemu/firmware")
}

// FindFirmware returns the UEFI firmware for a machine: the first descriptor
// that fits, in the order that QEMU's specification gives them, or else files
// in places that distributions are known to use. A descriptor whose files are
// not there is passed over. A descriptor that cannot be read is an error only
// if nothing else is found.
func FindFirmware(q FirmwareQuery) (Firmware, error) {
	if q.Arch == "" {
		q.Arch = "x86_64"
	}
	if q.Dirs == nil {
		q.Dirs = FirmwareDirs("")
	}
	var problems []error
	for _, file := range q.descriptors() {
		d, err := readDescriptor(file)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if fw := d.firmware(); d.fits(q) && q.exists(fw) {
			return q.rooted(fw), nil
		}
	}
	for _, k := range knownFirmware {
		if k.arch == q.Arch && k.secure == q.SecureBoot {
			fw := Firmware{Type: UEFI, Code: k.code, Vars: k.vars, SecureBoot: k.secure}
			if q.exists(fw) {
				return q.rooted(fw), nil
			}
		}
	}
	kind := "UEFI firmware"
	if q.SecureBoot {
		kind = "UEFI firmware with Secure Boot and enrolled keys"
	}
	return Firmware{}, errors.Join(append([]error{fmt.Errorf("no %s for %s on %s found", kind, q.Arch, q.Machine)}, problems...)...)
}

// descriptors returns the descriptor files in the order of precedence: by
// name, and for each name the one of the first directory, which hides the
// others, also if it is empty.
func (q *FirmwareQuery) descriptors() []string {
	paths := map[string]string{}
	for _, dir := range q.Dirs {
		entries, err := os.ReadDir(filepath.Join(q.Root, dir))
		if err != nil {
			continue
		}
		for _, e := range entries {
			name := e.Name()
			if _, hidden := paths[name]; !hidden && strings.HasSuffix(name, ".json") {
				paths[name] = filepath.Join(q.Root, dir, name)
			}
		}
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if fi, err := os.Stat(paths[name]); err == nil && fi.Size() > 0 {
			files = append(files, paths[name])
		}
	}
	return files
}

// descriptor is the part of QEMU's firmware.json that matters here.
type descriptor struct {
	Interfaces []string `json:"interface-types"`
	Mapping    struct {
		Device     string    `json:"device"`
		Mode       string    `json:"mode"`
		Executable flashFile `json:"executable"`
		NVRAM      flashFile `json:"nvram-template"`
	} `json:"mapping"`
	Targets []struct {
		Arch     string   `json:"architecture"`
		Machines []string `json:"machines"`
	} `json:"targets"`
	Features []string `json:"features"`
}

type flashFile struct {
	Filename string `json:"filename"`
	Format   string `json:"format"`
}

func readDescriptor(file string) (*descriptor, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("firmware descriptor: %w", err)
	}
	d := &descriptor{}
	if err := json.Unmarshal(text, d); err != nil {
		return nil, fmt.Errorf("firmware descriptor %s: %w", file, err)
	}
	return d, nil
}

func (d *descriptor) firmware() Firmware {
	code, vars := d.Mapping.Executable, d.Mapping.NVRAM
	if d.Mapping.Mode == "stateless" {
		vars = flashFile{}
	}
	return Firmware{
		Type: UEFI, Code: code.Filename, CodeFormat: code.Format,
		Vars: vars.Filename, VarsFormat: vars.Format,
		SecureBoot: slices.Contains(d.Features, "enrolled-keys"),
	}
}

// fits reports whether the firmware is for the machine and does what is asked
// for, and no more: keys that are enrolled refuse what is not signed, and a
// firmware that requires SMM does not start without it.
func (d *descriptor) fits(q FirmwareQuery) bool {
	if !slices.Contains(d.Interfaces, "uefi") || d.Mapping.Device != "flash" || d.Mapping.Mode == "combined" {
		return false
	}
	has := func(feature string) bool { return slices.Contains(d.Features, feature) }
	if q.SecureBoot != has("enrolled-keys") || q.SecureBoot && !has("secure-boot") {
		return false
	}
	if has("requires-smm") && !(q.SecureBoot && strings.Contains(q.Machine, "q35")) {
		return false
	}
	for _, t := range d.Targets {
		if t.Arch != q.Arch {
			continue
		}
		for _, glob := range t.Machines {
			if ok, err := path.Match(glob, q.Machine); err == nil && ok {
				return true
			}
		}
	}
	return false
}

func (q *FirmwareQuery) exists(fw Firmware) bool {
	for _, p := range []string{fw.Code, fw.Vars} {
		if p == "" {
			continue
		}
		if fi, err := os.Stat(filepath.Join(q.Root, p)); err != nil || !fi.Mode().IsRegular() {
			return false
		}
	}
	return fw.Code != ""
}

func (q *FirmwareQuery) rooted(fw Firmware) Firmware {
	if q.Root == "" {
		return fw
	}
	fw.Code = filepath.Join(q.Root, fw.Code)
	if fw.Vars != "" {
		fw.Vars = filepath.Join(q.Root, fw.Vars)
	}
	return fw
}
