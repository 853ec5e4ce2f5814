package qemu

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
)

// With Secure Boot and the keys that are enrolled, what is signed starts, and
// nothing else does: no program without a signature, and none that a signed one
// starts. Without Secure Boot it does.
func TestSecureBoot(t *testing.T) {
	t.Parallel()
	efi, err := typeguest.EFIPrograms()
	if missing := new(typeguest.MissingError); errors.As(err, &missing) {
		need.Skip(t, missing.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	shim, signed, unsigned := efi.Shim, efi.Signed, efi.GRUB
	refused := regexp.MustCompile("Access Denied|Security Violation|Verification failed")
	for _, tt := range []struct {
		name          string
		secure        bool
		program, grub []byte
		starts        bool
	}{
		{"signed", true, shim, signed, true},
		{"unsigned", true, unsigned, signed, false},
		{"unsigned behind signed", true, shim, unsigned, false},
		{"unsigned without Secure Boot", false, unsigned, signed, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disk := filepath.Join(t.TempDir(), "disk.img")
			if err := typeguest.EFIDisk(t.Context(), disk, tt.program, tt.grub); err != nil {
				t.Fatal(err)
			}
			vm, _ := boot(t, disk, func(c *Config) {
				c.Memory, c.Firmware = 256, Firmware{Type: UEFI, SecureBoot: tt.secure}
			})
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
			defer cancel()
			if tt.starts {
				if err := vm.Wait(ctx); err != nil {
					t.Errorf("%v\n%s", err, vm.Console().Tail(4000))
				}
				return
			}
			if _, err := vm.Console().Reader().Expect(ctx, refused); err != nil {
				t.Errorf("%v\n%s", err, vm.Console().Tail(4000))
			}
			if exited(vm) {
				t.Error("the program has started all the same")
			}
		})
	}
}

// exited tells whether the machine has ended.
func exited(vm *VM) bool {
	select {
	case <-vm.Done():
		return true
	default:
		return false
	}
}
