package template_test

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/template"
)

// TestEFI boots a disk by UEFI, also with Secure Boot, and looks whether the
// firmware's variables are part of what is made.
func TestEFI(t *testing.T) {
	t.Parallel()
	efi, err := typeguest.EFIPrograms()
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		options map[string]any
		program []byte
		files   []string
	}{
		"efi_boot":         {map[string]any{"efi_boot": true}, efi.GRUB, []string{"disk", "efivars.fd"}},
		"efi_drop_efivars": {map[string]any{"efi_boot": true, "efi_drop_efivars": true}, efi.GRUB, []string{"disk"}},
		"efi_secure_boot":  {map[string]any{"efi_secure_boot": true}, efi.Shim, []string{"disk", "efivars.fd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := filepath.Join(t.TempDir(), "disk.img")
			if err := typeguest.EFIDisk(t.Context(), disk, tt.program, efi.Signed); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			tt.options["iso_url"], tt.options["disk_image"], tt.options["skip_resize_disk"] = disk, true, true
			tt.options["communicator"], tt.options["memory"], tt.options["output_directory"], tt.options["vm_name"] = "none", 256, out, "disk"
			_, artifacts, err := run(t, tt.options, nil, &template.Config{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.files, entries(t, out)); diff != "" {
				t.Error(diff)
			}
			if len(artifacts) != 1 || len(artifacts[0].Files) != len(tt.files) {
				t.Errorf("%+v", artifacts)
			}
		})
	}
}
