package typeguest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// EFI are programs of EFI.
type EFI struct {
	Shim   []byte // signed by the key that machines have enrolled; starts a GRUB that its own key has signed
	Signed []byte // such a GRUB
	GRUB   []byte // one that nobody has signed
}

// EFIPrograms returns those of the Debian installer and of grub-efi-amd64-bin.
func EFIPrograms() (*EFI, error) {
	shim, signed := filepath.Join(installer, "bootnetx64.efi"), filepath.Join(installer, "grubx64.efi")
	const unsigned = "/usr/lib/grub/x86_64-efi/monolithic/grubx64.efi"
	if err := have(shim, "debian-installer-12-netboot-amd64", unsigned, "grub-efi-amd64-bin"); err != nil {
		return nil, err
	}
	var e EFI
	var errs []error
	for path, into := range map[string]*[]byte{shim: &e.Shim, signed: &e.Signed, unsigned: &e.GRUB} {
		b, err := os.ReadFile(path)
		*into, errs = b, append(errs, err)
	}
	return &e, errors.Join(errs...)
}

// EFIDisk writes an image of a disk from which firmware starts a program, which
// finds a GRUB beside it. Any GRUB of [EFIPrograms] switches the machine off.
func EFIDisk(ctx context.Context, path string, program, grub []byte) error {
	if err := have("mformat", "mtools"); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(path), "making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for name, b := range map[string][]byte{"program": program, "grub": grub, "grub.cfg": []byte("halt\n")} {
		if err := os.WriteFile(filepath.Join(work, name), b, 0o600); err != nil {
			return err
		}
	}
	return run(ctx, "sh", "-c", `set -e
cd "$1"
truncate -s 64M disk && mformat -i disk ::
mmd -i disk ::/EFI ::/EFI/BOOT ::/EFI/debian ::/debian-installer ::/debian-installer/amd64 ::/debian-installer/amd64/grub
mcopy -i disk program ::/EFI/BOOT/BOOTX64.EFI
mcopy -i disk grub ::/EFI/BOOT/grubx64.efi
mcopy -i disk grub.cfg ::/debian-installer/amd64/grub/
mcopy -i disk grub.cfg ::/EFI/debian/
mv disk "$2"`, "sh", work, path)
}
