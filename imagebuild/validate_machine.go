package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/qemu"
)

// validateMachine checks VM, and QEMU on this host.
func (b *Build) validateMachine(ctx context.Context) error {
	var errs []error
	bare := b.machine(media{})
	b.withVars(&bare, b.exampleVars())
	_, err := bare.Preflight(ctx)
	for _, err := range flatten(err) {
		errs = append(errs, b.ownError(err, media{}))
	}
	// The disk and the other media do not exist yet, but where they are
	// plugged in can be checked.
	m := media{disk: "disk"}
	if b.hasMedium() {
		m.medium = "medium"
	}
	if b.Seed != nil {
		m.seed = "seed"
	}
	m.discs = slices.Repeat([]string{"disc"}, len(b.Discs))
	if b.Floppy != nil {
		m.floppy = "floppy"
	}
	whole := b.machine(m)
	b.withVars(&whole, b.exampleVars())
	for _, err := range flatten(whole.Validate()) {
		errs = append(errs, b.ownError(err, m))
	}
	return errors.Join(errs...)
}

// ownError words an error about the machine that was made of b and m for the
// one who wrote b.
func (b *Build) ownError(err error, m media) error {
	var e *qemu.ConfigError
	if !errors.As(err, &e) {
		return err
	}
	return &ConfigError{b.ownField(e.Field, m), e.Problem, e.Remedy}
}

// ownField returns the field of a Build that a field of its machine comes from.
func (b *Build) ownField(field string, m media) string {
	var disks, cds []string // what stands in front of VM's
	if m.disk != "" {
		disks = []string{"Disk"}
	}
	for _, own := range []struct{ path, field string }{{m.medium, "Media"}, {m.seed, "Seed"}} {
		if own.path != "" {
			cds = append(cds, own.field)
		}
	}
	for i := range m.discs {
		cds = append(cds, fmt.Sprintf("Discs[%d]", i))
	}
	var i int
	var rest string
	switch {
	case field == "Name" && b.VM.Name == "":
		return "Name"
	case field == "Floppy" && m.floppy != "":
		return "Floppy"
	case scan(field, "Disks[%d]", &i, &rest):
		return shifted("VM.Disks", disks, i, rest)
	case scan(field, "CDROMs[%d]", &i, &rest) && i < len(cds) && rest == ".Bus":
		return "CDBus"
	case scan(field, "CDROMs[%d]", &i, &rest):
		return shifted("VM.CDROMs", cds, i, rest)
	case scan(field, "Args[%d]", &i, &rest) && i >= len(b.VM.Args):
		return fmt.Sprintf("Args[%d]%s", i-len(b.VM.Args), rest)
	}
	return "VM." + field
}

// scan reads an index by a format at the beginning of a field's name.
func scan(field, format string, i *int, rest *string) bool {
	if n, _ := fmt.Sscanf(field, format, i); n != 1 {
		return false
	}
	_, *rest, _ = strings.Cut(field, "]")
	return true
}

func shifted(field string, before []string, i int, rest string) string {
	if i < len(before) {
		return before[i] + rest
	}
	return fmt.Sprintf("%s[%d]%s", field, i-len(before), rest)
}
