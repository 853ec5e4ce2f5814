package main

import (
	"context"
	"embed"
	"fmt"
	"image"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
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
	if err := o.validate(); err != nil {
		return nil, err
	}
	templates, err := fs.Sub(answers, "answers")
	if err != nil {
		return nil, err
	}
	steps := o.steps()
	if o.shots != "" {
		if err := os.MkdirAll(o.shots, 0o777); err != nil {
			return nil, err
		}
		for i := range steps {
			steps[i] = withShot(steps[i], filepath.Join(o.shots, fmt.Sprintf("%02d.png", i+1)))
		}
	}
	return &imagebuild.Build{
		Name:      "debian",
		Output:    o.out,
		Manifest:  o.out + ".json",
		Compress:  qemuimg.Zstd,
		Media:     iso.Source{URLs: []string{o.iso}, Checksum: o.checksum},
		Disk:      imagebuild.Disk{Size: o.disk << 30},
		VM:        qemu.Config{CPUs: o.cpus, Memory: o.memory},
		Templates: templates,
		SSH:       ssh.Config{User: "root"},
		Steps:     steps,
	}, nil
}

func (o options) steps() []imagebuild.Step {
	steps := []imagebuild.Step{
		{Name: "wait for the boot menu", Timeout: 2 * time.Minute, Do: menu},
		imagebuild.Type("<esc>"),
		{Name: "wait for the prompt", Timeout: time.Minute, Do: prompt},
		imagebuild.TypeFunc(o.command),
		imagebuild.WaitFetch("/preseed.cfg"),
	}
	if o.untilFetch {
		return append(steps, imagebuild.Step{Name: "stop", Do: func(context.Context, *imagebuild.Guest) error { return errFetched }})
	}
	installed := imagebuild.WaitSSH() // the installer has no sshd
	installed.Name = "wait for the installed system"
	installed.Timeout = 3 * time.Hour // without KVM it takes its time
	return append(steps,
		installed,
		imagebuild.Shell(`. /etc/os-release
echo "$PRETTY_NAME, Linux $(uname -r)"
apt-get clean
fstrim -av`))
}

// command is what is typed at the "boot:" prompt. "auto" is a label of the menu:
// it leaves questions about language and keyboard until the preseed file has
// answered them, and asks for nothing that has a default.
func (o options) command(v imagebuild.Vars) string {
	line := "auto url=" + v.URL + "/preseed.cfg hostname=" + v.Name + " domain=localdomain"
	if o.mirror != "" {
		line += " mirror/country=manual mirror/http/hostname=" + o.mirror + " mirror/http/directory=/debian"
	}
	return line + "<enter>"
}

// Text screens are 400 lines high on a PC. ISOLINUX draws its menu on a larger
// one, which the BIOS before it does not use, and returns to text for its prompt.
const textHeight = 400

// menu waits until the boot menu is drawn.
func menu(ctx context.Context, g *imagebuild.Guest) error {
	return waitSize(ctx, g, func(height int) bool { return height > textHeight })
}

// prompt waits until "boot:" is there.
func prompt(ctx context.Context, g *imagebuild.Guest) error {
	return waitSize(ctx, g, func(height int) bool { return height <= textHeight })
}

// waitSize waits until the screen is still and of the height that is wanted.
func waitSize(ctx context.Context, g *imagebuild.Guest, wanted func(height int) bool) error {
	for {
		if err := g.WaitStill(ctx, 200*time.Millisecond); err != nil {
			return err
		}
		seq := g.VNC.Seq()
		if _, height := g.VNC.Size(); wanted(height) {
			return nil
		}
		if _, err := g.VNC.WaitUpdate(ctx, seq); err != nil {
			return err
		}
	}
}

// withShot saves a picture of the screen when a step has ended.
func withShot(step imagebuild.Step, path string) imagebuild.Step {
	do := step.Do
	step.Do = func(ctx context.Context, g *imagebuild.Guest) error {
		if err := do(ctx, g); err != nil {
			return err
		}
		return save(path, g.Screen())
	}
	return step
}

func save(path string, picture image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return png.Encode(f, picture)
}
