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
		named("log in to the installed system", loading, imagebuild.WaitSSH(imagebuild.AfterReset())),
		named("provision it", loading, imagebuild.Shell(provision)),
	)
}

// bios types at ISOLINUX's prompt, which is behind its menu.
func bios() []imagebuild.Step {
	return []imagebuild.Step{named("type the boot command", loading, imagebuild.TypeFunc(func(v imagebuild.Vars) string {
		return `<wait "Press \[Tab\]"><esc><wait "^boot:$">install url=` + v.URL + "/answers.cfg<enter>"
	}))}
}

// uefi types on GRUB's command line, a command at each empty prompt. Its text
// stands in the middle of the screen.
func uefi() []imagebuild.Step {
	const prompt = `<wait "^ *grub>[^a-z]*$">`
	return []imagebuild.Step{named("type the boot command", loading, imagebuild.TypeFunc(func(v imagebuild.Vars) string {
		return `<wait "Shell of the firmware">c` +
			prompt + "linux /install/vmlinuz quiet no_timer_check mitigations=off console=ttyS0,115200 console=tty0 url=" + v.URL + "/answers.cfg<enter>" +
			prompt + "initrd /install/initrd.gz<enter>" +
			prompt + "boot<enter>"
	}))}
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
