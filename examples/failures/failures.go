package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing/fstest"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
)

// noLogin is how long a login prompt may stand there in these builds.
const noLogin = time.Minute

// all are the failures.
var all = []*failure{
	{
		name: "no-medium", about: "neither the medium nor the disk can be booted", want: "no-bootable-device",
		prepare: noMedium,
	},
	{
		name: "kernel-panic", about: "the kernel crashes", want: "kernel-panic",
		prepare: linux("rdinit=/bin/sh -- -c \"mount -t proc p /proc; echo c >/proc/sysrq-trigger\"", true),
		appears: writes("Kernel panic"),
	},
	{
		name: "wrong-root", about: "the root file system is on a disk that is not there", want: "no-root-device",
		prepare: linux("root=/dev/vda9", false), appears: writes("VFS: Unable to mount root fs"),
	},
	{
		name: "wrong-file", about: "the installer asks for an answer file by a wrong name", want: "wrong-file-name",
		prepare: installer("auto=true priority=critical locale=C keymap=us url=http://%s:%d/preseed.cf"),
		appears: func(e imagebuild.Event) bool {
			r, ok := e.(imagebuild.Requested)
			return ok && r.Request.Status == 404
		},
	},
	{
		name: "question", about: "the installer asks a person, for want of an answer file", want: "debian-question", patience: 30 * time.Second,
		prepare: installer("priority=critical%.0s%.0d"),
		appears: func(e imagebuild.Event) bool {
			f, ok := e.(imagebuild.Found)
			return ok && f.Finding.Name == "debian-question"
		},
	},
	{
		name: "disk-full", about: "the host has no room for the guest's disk", want: "disk-full",
		prepare: diskFull,
		appears: func(e imagebuild.Event) bool {
			m, ok := e.(imagebuild.Machine)
			_, io := m.Event.(qemu.IOError)
			return ok && io
		},
	},
	{
		name: "killed", about: "somebody kills QEMU", want: "qemu-killed",
		prepare: killed,
	},
	{
		name: "reboot-loop", about: "the kernel panics and reboots, again and again", want: "reset-loop",
		prepare: rebootLoop,
	},
	{
		name: "no-sshd", about: "the system shows its login prompt and has no sshd", want: "no-login", patience: noLogin,
		prepare: noSSHD, appears: prompts,
	},
	{
		name: "wrong-password", about: "the installed system refuses the password", want: "login-refused", patience: noLogin,
		prepare: wrongPassword, appears: refused(),
	},
}

// prompts is the appearance of a login prompt, which has no end of line: the
// rule for it tells, which is not what ends the build.
func prompts(e imagebuild.Event) bool {
	f, ok := e.(imagebuild.Found)
	return ok && f.Finding.Name == "login-prompt"
}

// refused is the appearance of a refused login behind a login prompt.
func refused() func(imagebuild.Event) bool {
	prompted := false
	return func(e imagebuild.Event) bool {
		prompted = prompted || prompts(e)
		login, _ := e.(imagebuild.LoggedIn)
		attempt, _ := login.Event.(ssh.AttemptFailed)
		var why *ssh.DialError
		return prompted && errors.As(attempt.Err, &why) && why.Reason == ssh.Auth
	}
}

// forever is a step that waits for what does not come.
func forever() imagebuild.Step {
	return imagebuild.WaitSerial("the end of the world")
}

func noMedium(_ context.Context, e *environment, c *clock) (*imagebuild.Build, error) {
	medium, err := blank(e)
	b := &imagebuild.Build{Media: local(medium), Steps: []imagebuild.Step{forever()}}
	b.VM.DebugConsole = &seen{text: "No bootable device", clock: c}
	return b, err
}

// blank makes a medium that has nothing on it.
func blank(e *environment) (string, error) {
	path := filepath.Join(e.dir, "blank.iso")
	return path, os.WriteFile(path, make([]byte, 1<<20), 0o600)
}

// seen is a writer that notes when a text is written to it.
type seen struct {
	text  string
	clock *clock
	all   []byte
}

func (s *seen) Write(p []byte) (int, error) {
	s.all = append(s.all, p...)
	if bytes.Contains(s.all, []byte(s.text)) {
		s.clock.start()
	}
	return len(p), nil
}

// linux returns how to boot the installer's kernel with arguments, with or
// without a file system in memory.
func linux(arguments string, initrd bool) func(context.Context, *environment, *clock) (*imagebuild.Build, error) {
	return func(ctx context.Context, e *environment, _ *clock) (*imagebuild.Build, error) {
		kernel, ram, err := typeguest.Linux(ctx, e.cache)
		if err != nil {
			return nil, skip(err.Error())
		}
		medium, err := blank(e)
		b := &imagebuild.Build{Media: local(medium), Steps: []imagebuild.Step{forever()}}
		b.VM.Memory = 256
		b.VM.Args = []qemu.ArgEdit{
			{Op: qemu.ArgAdd, Option: "-kernel", Value: kernel},
			{Op: qemu.ArgAdd, Option: "-append", Value: "mitigations=off console=tty0 console=ttyS0 " + arguments},
		}
		if initrd {
			b.VM.Args = append(b.VM.Args, qemu.ArgEdit{Op: qemu.ArgAdd, Option: "-initrd", Value: ram})
		}
		return b, err
	}
}

// rebootLoop is a kernel that has no root and reboots at once. Its panic is a
// failure of its own, which is switched off here to see the other.
func rebootLoop(ctx context.Context, e *environment, c *clock) (*imagebuild.Build, error) {
	b, err := linux("quiet panic=-1 root=/dev/vda9", false)(ctx, e, c)
	if err != nil {
		return nil, err
	}
	rules := detect.Default()
	if err := rules.Remove("no-root-device", "kernel-panic"); err != nil {
		return nil, err
	}
	b.Detect = rules
	loop, reboots, last := rules.Rule("reset-loop"), 0, time.Time{}
	b.VM.Observe = func(event qemu.Event) {
		// The firmware resets the machine more than once for a reboot.
		if r, ok := event.(qemu.Reset); ok && r.Guest && time.Since(last) >= loop.Apart {
			last = time.Now()
			if reboots++; reboots == loop.Count {
				c.start()
			}
		}
	}
	return b, nil
}

// killed boots a kernel, and kills it.
func killed(ctx context.Context, e *environment, c *clock) (*imagebuild.Build, error) {
	b, err := linux("keyboard=ps2", true)(ctx, e, c)
	if err != nil {
		return nil, err
	}
	b.Steps = []imagebuild.Step{imagebuild.WaitSerial(typeguest.LinuxReady), {Name: "wait", Do: func(ctx context.Context, g *imagebuild.Guest) error {
		qemu, err := os.FindProcess(g.VM.PID())
		if err != nil {
			return err
		}
		timer := time.AfterFunc(time.Second, func() {
			c.start()
			_ = qemu.Kill()
		})
		defer timer.Stop()
		return g.WaitShutdown(ctx)
	}}}
	return b, nil
}

// noSSHD has busybox's getty as its only program.
func noSSHD(ctx context.Context, e *environment, c *clock) (*imagebuild.Build, error) {
	const script = "mount -t devtmpfs d /dev; busybox hostname demo; while :; do busybox getty 38400 ttyS0; done"
	b, err := linux(`quiet rdinit=/bin/sh -- -c "`+script+`"`, true)(ctx, e, c)
	if err != nil {
		return nil, err
	}
	b.NoLogin = noLogin
	b.SSH = ssh.Config{User: "root", Password: "root"}
	b.Steps = []imagebuild.Step{imagebuild.WaitSSH()}
	return b, nil
}

// installer returns how to boot the Debian installer with arguments, which are
// a format of the host and the port of the answer file.
func installer(arguments string) func(context.Context, *environment, *clock) (*imagebuild.Build, error) {
	return func(ctx context.Context, e *environment, _ *clock) (*imagebuild.Build, error) {
		medium, err := typeguest.Debian(ctx, e.cache)
		if err != nil {
			return nil, skip(err.Error())
		}
		b := &imagebuild.Build{
			Media: local(medium),
			Files: fstest.MapFS{"preseed.cfg": {Data: []byte("d-i debian-installer/locale string C\n")}},
			Steps: []imagebuild.Step{
				imagebuild.TypeFunc(func(v imagebuild.Vars) string {
					return `<wait "Install"><esc><wait "^boot:">install ` + fmt.Sprintf(arguments, v.HTTPIP, v.HTTPPort) + "<enter>"
				}),
				imagebuild.WaitFetch("/preseed.cfg"),
				forever(),
			},
		}
		b.VM.Memory = 1024
		return b, nil
	}
}

// diskFull writes to a disk whose image is on a file system of a few megabytes.
func diskFull(_ context.Context, e *environment, _ *clock) (*imagebuild.Build, error) {
	if e.small == "" {
		return nil, skip("run it with -small DIRECTORY: unshare -m sh -c 'mount -t tmpfs -o size=8m none /mnt && failures -only disk-full -small /mnt'")
	}
	medium, err := blank(e)
	if err != nil {
		return nil, err
	}
	floppy := make([]byte, 1440<<10)
	copy(floppy, guest.Fill(1<<20))
	b := &imagebuild.Build{Media: local(medium), Steps: []imagebuild.Step{forever()}}
	b.VM.Floppy = filepath.Join(e.dir, "fill.img")
	if err := os.WriteFile(b.VM.Floppy, floppy, 0o600); err != nil {
		return nil, err
	}
	disk := filepath.Join(e.small, "disk.raw")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(disk, 64<<20); err != nil {
		return nil, err
	}
	b.VM.Disks = []qemu.Disk{{Path: disk, Format: "raw"}}
	return b, nil
}

// wrongPassword installs the demo's system and logs in with another password.
func wrongPassword(_ context.Context, e *environment, _ *clock) (*imagebuild.Build, error) {
	if e.demo == "" {
		return nil, skip("name the medium that make demo has made with -demo .cache/demo-….iso")
	}
	if _, err := exec.LookPath("qemu-img"); err != nil {
		return nil, skip(err.Error())
	}
	answers := "hostname demo\nuser demo\nuser-password demo\nrun sed -i 's/^#*PasswordAuthentication.*/PasswordAuthentication yes/' /etc/ssh/sshd_config\nfinish reboot\n"
	b := &imagebuild.Build{
		Media: local(e.demo), Files: fstest.MapFS{"answers.cfg": {Data: []byte(answers)}},
		Disk: imagebuild.Disk{Size: 4 << 30},
		SSH:  ssh.Config{User: "demo", Password: "wrong"}, NoLogin: noLogin,
		Steps: []imagebuild.Step{
			imagebuild.TypeFunc(func(v imagebuild.Vars) string {
				return `<wait "Press \[Tab\]"><esc><wait "^boot:$">install url=` + v.URL + "/answers.cfg<enter>"
			}),
			imagebuild.WaitFetch("/answers.cfg"),
			imagebuild.WaitSSH(imagebuild.AfterReset()),
		},
	}
	b.VM.Memory = 1024
	return b, nil
}
