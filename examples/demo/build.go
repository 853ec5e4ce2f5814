package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/bootscribe/bootscribe/examples/internal/progress"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

//go:embed answers
var answers embed.FS

func build(ctx context.Context, o options) error {
	if o.iso == "" {
		return errors.New("-iso is empty; `make demo` makes a medium and runs this program on it")
	}
	mirror, err := serve(ctx, o.iso, o.sums)
	if err != nil {
		return err
	}
	defer mirror.Close()
	templates, err := fs.Sub(answers, "answers")
	if err != nil {
		return err
	}
	show := progress.New(os.Stdout)
	show.Verbose = o.verbose
	b := imagebuild.Build{
		Output: o.out, Manifest: o.out + ".json", Overwrite: o.force,
		Compress:  qemuimg.Zstd,
		Media:     iso.Source{URLs: []string{mirror.medium}, Checksum: "file:" + mirror.sums},
		Fetcher:   iso.Fetcher{Dir: o.cache},
		Disk:      imagebuild.Disk{Size: 4 << 30},
		VM:        o.machine(),
		Templates: templates,
		SSH:       ssh.Config{User: "root"},
		Steps:     steps(o),
		Observe:   show.Observe,
	}
	artifact, err := b.Run(ctx)
	show.Close()
	if err != nil {
		return explain(err)
	}
	summary(os.Stdout, artifact)
	return nil
}

func steps(o options) []imagebuild.Step {
	typing := []imagebuild.Step{
		imagebuild.WaitSerial(`\[Tab\]`), // the boot menu is there
		imagebuild.Type("<esc>"),
		imagebuild.WaitSerial(`boot:`),
		imagebuild.TypeFunc(func(v imagebuild.Vars) string { return "install url=" + v.URL + "/answers.cfg<enter>" }),
	}
	if o.firmware == string(qemu.UEFI) {
		typing = []imagebuild.Step{
			imagebuild.WaitSerial(`Install`),
			imagebuild.Type("c"),
			imagebuild.WaitSerial(`grub> `),
			imagebuild.TypeFunc(func(v imagebuild.Vars) string {
				return "linux /install/vmlinuz quiet console=ttyS0,115200 console=tty0 url=" + v.URL + "/answers.cfg<enter>"
			}),
			imagebuild.WaitSerial(`grub> `),
			imagebuild.Type("initrd /install/initrd.gz<enter>"),
			imagebuild.WaitSerial(`grub> `),
			imagebuild.Type("boot<enter>"),
		}
	}
	return append(typing,
		imagebuild.WaitFetch("/answers.cfg"),
		imagebuild.Step{Name: "install", Timeout: 20 * time.Minute, Do: install},
		imagebuild.WaitSSH(),
		imagebuild.Shell(`. /etc/os-release
echo "$PRETTY_NAME on $(uname -m), Linux $(uname -r)"
echo "provisioned by bootscribe" >/etc/bootscribe-demo
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
fstrim -a`),
	)
}

// installer matches what media/install writes to the serial line.
var installer = regexp.MustCompile(`installer: (copied (\d+)%|error: [^\r\n]*|finished|[^\r\n]*)\r?\n`)

// install follows the installer until it has finished or failed.
func install(ctx context.Context, g *imagebuild.Guest) error {
	for {
		m, err := g.WaitSerial(ctx, installer)
		if err != nil {
			return err
		}
		switch {
		case m[2] != "":
			percent, err := strconv.ParseInt(m[2], 10, 64)
			if err != nil {
				return err
			}
			g.Report("copying the system", percent, 100)
		case m[1] == "finished":
			return nil
		case len(m[1]) > 6 && m[1][:6] == "error:":
			return fmt.Errorf("the installer says: %s", m[1])
		}
	}
}

// explain adds to an error the evidence that a person would ask for.
func explain(err error) error {
	var failed *imagebuild.StepError
	if !errors.As(err, &failed) {
		return err
	}
	if failed.Console != "" {
		err = fmt.Errorf("%w\nThe end of the guest's serial output:\n%s", err, failed.Console)
	}
	if failed.Frame == nil {
		return err
	}
	f, created := os.CreateTemp("", "demo-screen-*.png")
	if created != nil {
		return err
	}
	defer f.Close()
	if png.Encode(f, failed.Frame) != nil {
		return err
	}
	return fmt.Errorf("%w\nThe guest's screen is in %s", err, f.Name())
}
