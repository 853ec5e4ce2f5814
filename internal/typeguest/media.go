package typeguest

import (
	"context"
	"os"
	"path/filepath"

	"github.com/bootscribe/bootscribe/internal/guest"
)

// KeyRead returns an image of a disk that boots to a program of 512 bytes, which
// reads keys by INT 16h into its memory; see [guest.KeyRead].
func KeyRead(_ context.Context, dir string) (string, error) {
	image := make([]byte, 1<<20)
	copy(image, guest.KeyRead(0, false))
	return cached(dir, "keyread.img", string(image), func(_, path string) error {
		return os.WriteFile(path, image, 0o644)
	})
}

// ISOLINUX returns an image of a CD that boots to ISOLINUX's prompt "boot: ",
// and has nothing to boot from there.
func ISOLINUX(ctx context.Context, dir string) (string, error) {
	const config = "prompt 1\ntimeout 0\nimplicit 1\ndefault none\n"
	if err := have("xorriso", "xorriso", isolinuxBin, "isolinux", syslinuxDir, "syslinux-common"); err != nil {
		return "", err
	}
	return cached(dir, "isolinux.iso", config+state(isolinuxBin), func(work, path string) error {
		tree := filepath.Join(work, "tree")
		if err := isolinuxTree(tree, config); err != nil {
			return err
		}
		return isolinuxImage(ctx, tree, path)
	})
}

// isolinuxTree fills a directory with ISOLINUX, its modules and a configuration.
func isolinuxTree(tree, config string) error {
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return err
	}
	if err := copyFile(isolinuxBin, filepath.Join(tree, "isolinux.bin")); err != nil {
		return err
	}
	for _, module := range []string{"ldlinux.c32", "libcom32.c32", "libutil.c32", "vesamenu.c32"} {
		if err := copyFile(filepath.Join(syslinuxDir, module), filepath.Join(tree, module)); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(tree, "isolinux.cfg"), []byte(config), 0o644)
}

func isolinuxImage(ctx context.Context, tree, path string) error {
	return run(ctx, "xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-quiet", "-o", path, "-J", "-R",
		"-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", tree)
}

// Debian returns an image of a CD with the Debian 12 installer, of the package
// debian-installer-12-netboot-amd64: its boot menu, which <esc> leaves for the
// prompt "boot: ", its kernel and its first file system.
func Debian(ctx context.Context, dir string) (string, error) {
	if err := have("xorriso", "xorriso", isolinuxBin, "isolinux", syslinuxDir, "syslinux-common",
		installer, "debian-installer-12-netboot-amd64"); err != nil {
		return "", err
	}
	// The menu's files name each other from the root of a boot server.
	const root = "debian-installer/amd64"
	recipe := state(isolinuxBin, filepath.Join(installer, "linux"), filepath.Join(installer, "initrd.gz"))
	return cached(dir, "debian.iso", recipe, func(work, path string) error {
		tree := filepath.Join(work, "tree")
		config := "path " + root + "/boot-screens/\ninclude " + root + "/boot-screens/menu.cfg\ndefault " + root + "/boot-screens/vesamenu.c32\nprompt 0\ntimeout 0\n"
		if err := isolinuxTree(tree, config); err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(tree, root, "boot-screens"), os.DirFS(filepath.Join(installer, "boot-screens"))); err != nil {
			return err
		}
		for _, name := range []string{"linux", "initrd.gz"} {
			if err := copyFile(filepath.Join(installer, name), filepath.Join(tree, root, name)); err != nil {
				return err
			}
		}
		return isolinuxImage(ctx, tree, path)
	})
}

// GRUB returns an image of a CD that boots to GRUB's prompt "grub> ", with BIOS
// and with UEFI: what grub-mkrescue makes of an empty directory.
func GRUB(ctx context.Context, dir string) (string, error) {
	const bios, efi = "/usr/lib/grub/i386-pc", "/usr/lib/grub/x86_64-efi"
	if err := have("grub-mkrescue", "grub-common", "xorriso", "xorriso", "mformat", "mtools",
		bios, "grub-pc-bin", efi, "grub-efi-amd64-bin"); err != nil {
		return "", err
	}
	return cached(dir, "grub.iso", state(bios, efi), func(work, path string) error {
		tree := filepath.Join(work, "tree")
		if err := os.Mkdir(tree, 0o755); err != nil {
			return err
		}
		return run(ctx, "grub-mkrescue", "-o", path, "--fonts=", "--locales=", "--themes=", tree)
	})
}

// IPXE returns the distribution's image of a CD that boots iPXE. It offers its
// prompt "iPXE> " to who presses Ctrl-B in time.
func IPXE() (string, error) { return ipxeISO, have(ipxeISO, "ipxe") }

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
