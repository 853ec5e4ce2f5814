package main

import (
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/qemu"
)

const (
	loading    = 10 * time.Minute // firmware, boot loader, kernel, services
	installing = 20 * time.Minute // even where the processor is emulated and slow
)

// steps are what is done with the machine.
func steps(o options) []imagebuild.Step {
	typing := bios()
	if o.firmware == string(qemu.UEFI) {
		typing = uefi()
	}
	return append(typing,
		imagebuild.Step{Name: "let the installer fetch its answers", Timeout: loading, Do: fetched},
		imagebuild.Step{Name: "let it install", Timeout: installing, Do: installed},
		imagebuild.Step{Name: "log in to the installed system", Timeout: loading, Do: loggedIn},
		named("provision it", loading, imagebuild.Shell(provision)),
	)
}

// bios types at ISOLINUX's prompt, which is behind its menu.
func bios() []imagebuild.Step {
	return []imagebuild.Step{
		named("wait for the boot menu", loading, imagebuild.WaitSerial(`\[Tab\]`)),
		named("leave it", loading, imagebuild.Type("<esc>")),
		named("wait for the boot prompt", loading, imagebuild.WaitSerial(`boot:`)),
		named("type the boot command", loading, imagebuild.TypeFunc(func(v imagebuild.Vars) string {
			return "install url=" + v.URL + "/answers.cfg<enter>"
		})),
	}
}

// uefi types on GRUB's command line. GRUB draws its menu with the cursor moved
// about between the words, and the firmware writes to the serial line before it.
func uefi() []imagebuild.Step {
	prompt := named("wait for GRUB's prompt", loading, imagebuild.WaitSerial(`grub> `))
	return []imagebuild.Step{
		named("wait for the boot menu", loading, imagebuild.WaitSerial(`GNU GRUB(?s:.*)Shell of the firmware`)),
		named("leave it", loading, imagebuild.Type("c")),
		prompt,
		named("name the kernel", loading, imagebuild.TypeFunc(func(v imagebuild.Vars) string {
			return "linux /install/vmlinuz quiet no_timer_check mitigations=off console=ttyS0,115200 console=tty0 url=" + v.URL + "/answers.cfg<enter>"
		})),
		prompt,
		named("name the installer", loading, imagebuild.Type("initrd /install/initrd.gz<enter>")),
		prompt,
		named("boot it", loading, imagebuild.Type("boot<enter>")),
	}
}

// provision runs in the installed system.
const provision = `. /etc/os-release
echo "$PRETTY_NAME on $(uname -m), Linux $(uname -r)"
echo "provisioned by bootscribe" >/etc/bootscribe-demo
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
fstrim -a`

func named(name string, timeout time.Duration, s imagebuild.Step) imagebuild.Step {
	s.Name, s.Timeout = name, timeout
	return s
}
