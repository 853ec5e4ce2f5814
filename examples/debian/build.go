package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

//go:embed answers
var answers embed.FS

// The size of the disk in GiB: what Debian asks for without a desktop, and what
// package qemuimg makes at most.
const minDisk, maxDisk = 4, 64 << 10

// validate looks at what the library cannot know to be wrong: to it, a disk of
// 0 bytes is one of its default size.
func (o options) validate() error {
	if o.disk < minDisk || o.disk > maxDisk {
		return fmt.Errorf("-disk %d: not from %d to %d GiB; leave it out for %d", o.disk, minDisk, maxDisk, defaultDisk)
	}
	return nil
}

// build is the whole build as data.
func (o options) build() (*imagebuild.Build, error) {
	if err := errors.Join(o.validate(), o.validateArch()); err != nil {
		return nil, err
	}
	templates, err := fs.Sub(answers, "answers")
	if err != nil {
		return nil, err
	}
	return &imagebuild.Build{
		Name:      "debian",
		Output:    o.out,
		Manifest:  o.out + ".json",
		Compress:  qemuimg.Zstd,
		Media:     iso.Source{URLs: []string{o.iso}, Checksum: o.checksum},
		Disk:      imagebuild.Disk{Size: o.disk << 30},
		VM:        o.machine(),
		Templates: templates,
		SSH:       ssh.Config{User: "root"},
		Steps:     o.steps(),
		Handlers:  dialogs(),
	}, nil
}

func (o options) steps() []imagebuild.Step {
	typing := imagebuild.TypeFunc(o.command)
	typing.Name, typing.Timeout = "type the boot command", 5*time.Minute
	fetch := imagebuild.WaitFetch("/preseed.cfg")
	fetch.Name, fetch.Timeout = "let the installer fetch its answers", 30*time.Minute
	steps := []imagebuild.Step{typing, fetch}
	if o.untilFetch {
		return append(steps, imagebuild.Step{Name: "stop", Do: func(context.Context, *imagebuild.Guest) error { return errFetched }})
	}
	installed := imagebuild.WaitSSH(imagebuild.AfterReset())
	installed.Name, installed.Timeout = "wait for the installed system", 3*time.Hour // without KVM it takes its time
	return append(steps,
		installed,
		imagebuild.Shell(`. /etc/os-release
echo "$PRETTY_NAME, Linux $(uname -r)"
apt-get clean
fstrim -av`))
}

// command is typed at the boot menu.
func (o options) command(v imagebuild.Vars) string {
	answers := "url=" + v.URL + "/preseed.cfg hostname=" + v.Name + " domain=localdomain"
	if o.mirror != "" {
		answers += " mirror/country=manual mirror/http/hostname=" + o.mirror + " mirror/http/directory=/debian"
	}
	return arches[o.arch].command(answers)
}

// dialogs are errors that the installer shows, with what can be done about them
// here. Package detect finds these and others by itself; its hints are for all.
func dialogs() []imagebuild.Outcome {
	fails := func(text, remedy string) imagebuild.Outcome {
		return imagebuild.Outcome{Text: text, Err: errors.New(remedy)}
	}
	return []imagebuild.Outcome{
		fails("Network autoconfiguration failed", "the guest has got no address in time; with netcfg/dhcp_timeout=120 in the boot command it waits longer"),
		fails("Failed to retrieve the preconfiguration file", "the guest has not got preseed.cfg; the requests are in the report"),
		fails("Bad archive mirror|Architecture not supported", "the guest cannot reach the mirror; name another with -mirror"),
		fails("No kernel modules were found", "the mirror has another kernel than the ISO; take the newest ISO"),
		fails("No root file system", "the preseed file leaves the disk without a root file system; look at partman-auto in answers/preseed.cfg"),
		fails("Unable to install GRUB", "the boot loader cannot be installed; look at grub-installer/bootdev in answers/preseed.cfg"),
	}
}
