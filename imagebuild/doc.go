// Package imagebuild builds disk images from installation media.
//
// A [Build] says what to build, as plain data. [Build.Run] fetches and verifies
// the medium, makes a disk, serves answer files over HTTP, boots the machine,
// runs the steps (type the boot command, wait for SSH, provision), switches the
// machine off and publishes its disk:
//
//	files, err := httpserve.Dir("answers") // preseed.cfg is in there
//	if err != nil {
//		return err
//	}
//	build := imagebuild.Build{
//		Output: "debian.qcow2",
//		Media: iso.Source{
//			URLs:     []string{"https://example.org/debian-12-netinst.iso"},
//			Checksum: "file:https://example.org/SHA512SUMS",
//		},
//		Files: files,
//		SSH:   ssh.Config{User: "root", Password: "root"},
//		Steps: []imagebuild.Step{
//			imagebuild.TypeFunc(func(v imagebuild.Vars) string {
//				return `<wait "Install"><esc><wait "boot:">auto url=` + v.URL + "/preseed.cfg<enter>"
//			}),
//			imagebuild.WaitFetch("/preseed.cfg"),
//			imagebuild.WaitSSH(),
//			imagebuild.Shell("apt-get install -y nginx"),
//		},
//	}
//	artifact, err := build.Run(ctx)
//
// # Steps
//
// A [Step] is a name and a function of a context and a [Guest]. The functions
// that return a Step make the common ones; what they do not do is a closure:
//
//	imagebuild.Step{Name: "choose the second entry", Do: func(ctx context.Context, g *imagebuild.Guest) error {
//		if _, err := g.WaitText(ctx, regexp.MustCompile("Rescue"), keyseq.Region{}); err != nil {
//			return err
//		}
//		return g.Type(ctx, "<down><enter>", nil)
//	}}
//
// # Waiting
//
// Steps and boot commands wait for facts: [WaitText] and <wait "boot:"> for what
// the screen shows, which package screen reads, [WaitStill] and <wait still 1s>,
// [WaitFetch] and <wait fetch "/preseed.cfg">, [WaitSerial], [WaitSSH] and
// [WaitWinRM]. [First] waits for several things and does what belongs to the one
// that appears, [Repeat] presses a key until something does, and [Build.Handlers]
// are for what may show at any time:
//
//	Handlers: []imagebuild.Outcome{
//		{Text: "Continue without a network", Steps: []imagebuild.Step{imagebuild.Type("<tab><enter>")}},
//		{Text: "No root file system is defined", Err: errors.New("the answer file has no partitions")},
//	},
//
// The screen is looked at when it has changed, and at most ten times a second.
//
// # Beginning with a disk image
//
// Instead of an installation medium, or beside it, there may be an image that
// the disk begins as, such as a cloud image; it is never written to:
//
//	build := imagebuild.Build{
//		Output: "web.qcow2",
//		Disk: imagebuild.Disk{
//			Image: iso.Source{URLs: []string{"https://example.org/debian-12-genericcloud-amd64.qcow2"}, Checksum: "sha512:…"},
//			Size:  20 << 30,
//		},
//		Seed:  &iso.Volume{Label: "cidata", Content: map[string]string{"meta-data": "", "user-data": userData}},
//		SSH:   ssh.Config{User: "debian", Keys: keys},
//		Steps: []imagebuild.Step{imagebuild.Shell("sudo apt-get install -y nginx")},
//	}
//
// # Beginning with a kernel
//
// With a VM.Kernel the machine boots that directly, without a medium and a boot
// command: what would be typed is its command line, which [Build.KernelArgs]
// completes. Where the guest has a console on its serial port, [TypeSerial] types
// there what [Type] does on the keyboard. [Build.Preview] tells beforehand how the
// machine will be run:
//
//	build := imagebuild.Build{
//		Output:     "debian.qcow2",
//		VM:         qemu.Config{Kernel: &qemu.Kernel{Path: "linux", Initrd: "initrd.gz", Append: "console=ttyS0"}},
//		KernelArgs: func(v imagebuild.Vars) string { return "auto url=" + v.URL + "/preseed.cfg" },
//		Files:      files,
//		Steps:      []imagebuild.Step{imagebuild.WaitFetch("/preseed.cfg"), imagebuild.WaitShutdown()},
//	}
//
// # Guests with Windows
//
// Where there is no SSH, WinRM does the same, with steps of its own for commands:
//
//	build := imagebuild.Build{
//		Output: "windows.qcow2",
//		Media:  medium,
//		Floppy: &iso.Volume{Content: map[string]string{"Autounattend.xml": answers}},
//		WinRM:  winrm.Config{User: "Administrator", Password: "secret", NTLM: true},
//		Steps: []imagebuild.Step{
//			imagebuild.WaitWinRM(),
//			imagebuild.Upload("setup.exe", `C:\Windows\Temp\setup.exe`),
//			imagebuild.PowerShell(`Start-Process C:\Windows\Temp\setup.exe /S -Wait`),
//			imagebuild.Reboot(winrm.RestartLine),
//		},
//		Shutdown: imagebuild.Shutdown{Command: "shutdown /s /t 0"},
//	}
//
// # Configuring a system when it boots first
//
// cloud-init reads what [NoCloud] makes from a CD called cidata, Anaconda a
// kickstart file from one called OEMDRV, and CoreOS and Flatcar what
// [Build.Ignition] returns. [Build.SeedFiles] and Ignition know the temporary key
// and where files are served:
//
//	Seed: &iso.Volume{Label: "cidata"},
//	SeedFiles: func(v imagebuild.Vars) (map[string]string, error) {
//		return imagebuild.NoCloud{UserData: map[string]any{"ssh_authorized_keys": []string{v.SSHPublicKey}}}.Files()
//	},
//
//	Seed: &iso.Volume{Label: "OEMDRV", Content: map[string]string{"ks.cfg": kickstart}},
//
//	Ignition: func(v imagebuild.Vars) (any, error) {
//		user := map[string]any{"name": "core", "sshAuthorizedKeys": []string{v.SSHPublicKey}}
//		return map[string]any{"ignition": map[string]any{"version": "3.4.0"}, "passwd": map[string]any{"users": []any{user}}}, nil
//	},
//
// # Failures
//
// What is wrong before the machine starts is found by [Build.Validate], all of
// it at once. When the machine dies or its disk is full, the context of the
// running step ends with that as its cause: no step waits for a machine that is
// no more.
//
// All the time that the machine runs, the rules of package detect look at its
// screen, its serial line, the firmware's debug console and QEMU's events. A
// kernel panic, a question of the installer that nobody answers, a medium that
// cannot be booted, a loop of reboots end the step within a second or two, or
// after the time that the rule gives them, with a [*DetectedError]. So does a
// file that the guest asks for by a wrong name ([*NotFoundError]), a login
// prompt behind which no sshd answers ([ErrNoLogin]) or one refuses the login
// ([ssh.ErrLoginRefused]), and a guest in which nothing moves ([ErrNoProgress]). [Build.Detect], [Build.NoLogin] and
// [Build.NoProgress] change that. What the build waits for itself, or has a
// handler for, is never a failure.
//
// The failure is a [*StepError] with a short name for it, the screen and its
// text, the end of the serial output, how far the typing was, and the requests
// for files.
//
// # Watching a build
//
// [Build.Observe] is told of every phase, step, transfer, request, login and
// event of the machine. This package prints nothing.
//
// # Other people's programs
//
// A build changes nothing of the program that it runs in, and leaves nothing
// behind: see [Build.Run]. Only Output, Manifest and what steps download are
// written, and only where nothing was, unless Overwrite says otherwise.
package imagebuild
