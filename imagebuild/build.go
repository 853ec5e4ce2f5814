package imagebuild

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/screen"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

// Build says what to build and how. It is plain data: Run does not write into
// it, so it can be run again, and copies of it can run in parallel as long as
// their Outputs differ.
type Build struct {
	// Name is the machine's name: letters, digits, dot, dash and underscore.
	// Empty means VM.Name, or else the file name of Output without its
	// extension, with dashes for other characters.
	Name string

	// Output is the path of the image that is made. Its directory must exist;
	// the machine's disk lives there too while the build runs, in a private
	// directory whose name begins with ".bootscribe-". Its mode and those of
	// Manifest and TPMState are those of any new file, 0666 less the umask. Required.
	Output string

	// Overwrite allows Output, Manifest and TPMState to replace files of these
	// names, when the build has succeeded. False means that a file that exists is an
	// error before anything starts.
	Overwrite bool

	// Manifest is the path of a JSON file that describes the image; see
	// [Artifact]. Empty means none.
	Manifest string

	// TPMState is the path of a file with what the machine's TPM remembers, such
	// as the keys that a disk was encrypted with. A machine of the image finds
	// it in its TPM's state directory under the name that qemu.TPM.StateFile
	// returns. Empty means that it is lost with the machine, unless
	// VM.TPM.StateDir is set.
	TPMState string

	// Format is the image's format; empty means qcow2.
	Format qemuimg.Format

	// Compress is how the image is compressed; empty means not at all.
	Compress qemuimg.Compression

	// Media is the installation medium, in the first drive. The zero Source means
	// none, which takes a VM.Kernel to boot, or a Disk.Image.
	Media iso.Source

	// Discs are further ones, such as drivers that Windows needs for its disk,
	// fetched and verified like Media, in drives behind Media and Seed. Nil means
	// none.
	Discs []iso.Source

	// CDBus is where the CD-ROMs of Media, Seed and Discs are plugged in; empty
	// means what [qemu.CDROM] says.
	CDBus qemu.Bus

	// Fetcher gets the medium, Discs and Disk.Image; its zero value uses a cache
	// in the user's cache directory. Its Observe is called too, before this
	// Build's.
	Fetcher iso.Fetcher

	// Disk is the machine's first disk, which becomes the image.
	Disk Disk

	// ImgArgs are further arguments of qemu-img. The zero value is none.
	ImgArgs ImgArgs

	// Seed is a CD with files for the guest, put into a second drive; nil
	// means none. The label makes it known, "cidata" for cloud-init.
	Seed *iso.Volume

	// SeedFiles returns files of Seed beside its Content, by their paths, for
	// what is not known before the build runs, such as the temporary key; see
	// [NoCloud]. It must give the same each time. Nil means none.
	SeedFiles func(Vars) (map[string]string, error)

	// Ignition returns the configuration of a guest that Ignition sets up when
	// it boots first, such as CoreOS or Flatcar: text in JSON, or a value that
	// encoding/json writes. It is given to the guest on the device fw_cfg. It
	// must give the same each time. Nil means none.
	Ignition func(Vars) (any, error)

	// Floppy is a floppy with files for the guest; nil means none.
	Floppy *iso.Volume

	// VM is the machine. The disk, the medium, the seed, the discs and the port
	// forwards for SSH and WinRM are added to it: to VM.Disks and VM.CDROMs in
	// front of what they hold. With nil NICs it gets one on QEMU's user network.
	VM qemu.Config

	// KernelArgs is added to VM.Kernel.Append when the machine starts, for what
	// is not known before, such as the URL of an answer file:
	//
	//	func(v imagebuild.Vars) string { return "auto url=" + v.URL + "/preseed.cfg" }
	//
	// It must give the same each time. Nil means nothing.
	KernelArgs func(Vars) string

	// Args returns changes to QEMU's command line that are made after VM.Args,
	// for what is not known before the build runs, such as the port of the URL.
	// It must give the same each time. Nil means none.
	Args func(Vars) []qemu.ArgEdit

	// Files are served to the guest over HTTP as they are, at [Vars.URL]. Nil
	// means none. Use httpserve.Dir for a directory.
	Files fs.FS

	// Templates are served like Files after they were rendered as
	// text/template with a [Vars] as dot. Nil means none.
	Templates fs.FS

	// HTTP is where Files and Templates are served; its zero value suits the
	// guest's network.
	HTTP HTTP

	// SSH is how to log in to the guest. Without a User there is no SSH.
	// Without Addr, Dial and Bastion the guest is reached by a forwarded port
	// or, where all its cards are on bridges, at the address that its hardware
	// address is known by on this host, which must be Linux.
	// Without Password, Keys and UseAgent a temporary key is made, which an
	// answer file gets as [Vars.SSHPublicKey]. If the guest was logged in to
	// with it, it is removed from the guest's authorized_keys before the
	// shutdown; a guest that was waited for with WaitShutdown keeps it.
	SSH ssh.Config

	// SSHPort is the port of the guest's sshd; 0 means 22.
	SSHPort int

	// WinRM is how to log in to a guest with Windows, which needs no SSH then.
	// Without a User there is no WinRM. Without Addr and Dial the guest is
	// reached as with SSH; its certificate is then looked at for 127.0.0.1.
	WinRM winrm.Config

	// WinRMPort is the port of the guest's WinRM service; 0 means 5985, or 5986
	// with WinRM.TLS.
	WinRMPort int

	// Steps are what is done with the running machine, in order: typing the
	// boot command, waiting, provisioning.
	Steps []Step

	// StepTimeout is how long a step may take whose own Timeout is 0. 0 means
	// 30 minutes; negative means no limit.
	StepTimeout time.Duration

	// Handlers are for what may appear at any time: whenever one of them does
	// while a step waits, by a method of Guest or in a boot command, the wait is
	// interrupted, the handler's Steps are done or its Err ends the build, and
	// the wait begins again. What is on the screen counts once until it has
	// gone, and a file when it is fetched first. None has its turn during
	// another one. Nil means none.
	Handlers []Outcome

	// Detect are the rules that look out for failures while the machine runs:
	// for what they find on the screen, on the serial line and in QEMU's events,
	// a step's context ends within a second with a [*DetectedError] as its
	// cause. Once the guest has been logged in to, only those hold that
	// detect.PhaseSystem has. A text that the build itself waits for at that
	// moment, or has a handler for, is no failure. With any rules a step's wait
	// also ends, with a [*NotFoundError], 3 seconds after the guest has asked over
	// HTTP for what is not there, if it has fetched nothing and tries no other name.
	// Nil means detect.Default(), and an empty Set that nothing is looked for. It
	// is not changed.
	Detect *detect.Set

	// NoProgress is how long a step may wait while nothing of the guest moves:
	// screen, serial line, disks, network, requests for files; the error is
	// [ErrNoProgress]. 0 means 10 minutes; negative means no limit.
	NoProgress time.Duration

	// NoLogin is how long SSH may be waited for while the guest shows its login
	// prompt, on the screen or the serial line, and does nothing else; the error
	// is [ErrNoLogin] with what SSH has met. From the moment at which an sshd
	// refuses the login there it is as long again, and the error is
	// [ssh.ErrLoginRefused]. 0 means 2 minutes; negative means no limit.
	NoLogin time.Duration

	// Fonts are those that the guest's screen is read with, the likeliest first.
	// Nil means those that package screen knows and finds on this machine.
	Fonts []*screen.Font

	// OCR recognises what waits look for, and Guest.Text returns, on a screen of
	// which nothing can be read exactly, such as a graphical installer's;
	// [screen.Tesseract.Read] is one. It may mistake letters, so the rules of
	// Detect do not go by it. If tesseract is not installed it is as if it were
	// nil, which means that such a screen has no text. It may be called by
	// several goroutines at once.
	OCR screen.OCR

	// Shutdown is how the machine is switched off after the last step.
	Shutdown Shutdown

	// Console gets everything that the guest writes to its serial port. Nil
	// discards it. It must not block: the guest waits for it.
	Console io.Writer

	// Observe is told everything that happens, in order and one event at a
	// time, from goroutines of Run, which wait for it. None is under way when
	// Run returns. It may cancel Run's context and must not call methods of a
	// Guest. If it panics, Run does so too when everything is released; see
	// [CallbackPanic]. Nil means that nobody is told.
	Observe func(Event)

	// OnFailure is called when a step or the shutdown has failed, before the
	// machine is stopped: a place to look at it, or to let a person do so. Its
	// context ends when Run's does and when the machine has failed or ended.
	// Nil means nothing.
	OnFailure func(ctx context.Context, g *Guest, err error)

	// Logger gets what may help to debug this module; nil discards it.
	Logger *slog.Logger
}

// Disk is the disk that the guest is installed on.
type Disk struct {
	// Size is its size in bytes, a multiple of 512; 0 means 20 GiB. The image
	// takes no more room than what is written to it. With an Image the disk is
	// as large as what is in that, or as Size if that is more: it is never made
	// smaller, and the guest must grow its file systems itself.
	Size int64

	// Bus is where it is plugged in; empty means virtio. On [qemu.SD] the size
	// must be a power of two, and a disk that begins as an Image grows to one.
	Bus qemu.Bus

	// Image is an image of a disk that this one begins as, such as a
	// distribution's cloud image, fetched and verified as Media is. It is never
	// written to. The machine boots from the disk unless VM.Boot says otherwise
	// or there is an installation medium too. The zero Source means a disk that
	// is empty.
	Image iso.Source

	// ImageFormat is the format of Image; empty means as its content says. An
	// image that keeps data in other files is an error.
	ImageFormat qemuimg.Format

	// Overlay makes of Output a qcow2 image of what differs from Image, which it
	// names, by its path, as its backing file: that must stay where it is, in
	// the Fetcher's cache if it was fetched or unpacked. False makes an image of
	// its own.
	Overlay bool
}

// ImgArgs are further arguments of the commands of qemu-img that handle the
// disk of a build, each word one element, as {"-o", "cluster_size=2M"}. They
// are put before the paths; what the Build has a field for is an error.
type ImgArgs struct {
	// Create is for the disk that the machine runs with: one that is empty, or
	// an overlay. It is not what is published.
	Create []string

	// Resize is for a disk that becomes larger than its Image.
	Resize []string

	// Convert is for the image that is published.
	Convert []string
}

// Shutdown is how a machine is switched off. The zero value presses the power
// button by ACPI and waits for the guest to obey. A guest that does not is an
// error: no image is made of a machine whose plug was pulled.
type Shutdown struct {
	// Command is run over SSH to switch the guest off, such as "poweroff", or
	// over WinRM if there is no SSH, such as "shutdown /s /t 0". Empty means
	// ACPI.
	Command string

	// Timeout is how long the guest may take; 0 means 5 minutes, negative no
	// limit.
	Timeout time.Duration
}

// Vars is what an answer file or a boot command may need to know, and is known
// before the machine starts.
type Vars struct {
	Name         string // the machine's name
	URL          string // where the guest finds Files and Templates, without a slash at the end
	HTTPIP       string // the host in URL
	HTTPPort     int    // the port in URL
	SSHPublicKey string // a line for authorized_keys, without a newline; empty if there is no temporary key
}

// Step is one thing that is done with the running machine. The functions of
// this package that return a Step make the common ones; others are made by
// writing a Do.
type Step struct {
	// Name says what the step does, for people.
	Name string

	// Timeout is how long it may take; 0 means Build.StepTimeout, negative no
	// limit. The time that the machine is given is the time on the wall.
	Timeout time.Duration

	// Check looks for what is wrong with the step before the machine starts.
	// Build.Validate calls it with made-up Vars, Run with the real ones. Nil
	// means that nothing can be known.
	Check func(v Vars) error

	// Do does it. Its context ends when the time is over and also, with the
	// reason as its cause, when the machine has failed. It runs on the
	// goroutine that called Run.
	Do func(ctx context.Context, g *Guest) error

	// check is Check for what the Build must have.
	check func(b *Build) error
}

// Artifact is what a build has made. It is what the manifest holds.
type Artifact struct {
	Name        string         `json:"name"`                // of the machine
	Path        string         `json:"path"`                // absolute
	Format      qemuimg.Format `json:"format"`              // of the image
	Size        int64          `json:"size"`                // of the file in bytes
	VirtualSize int64          `json:"virtual_size"`        // of the disk in it in bytes
	Digest      string         `json:"digest"`              // "sha256:…" of the file
	Medium      string         `json:"medium"`              // "sha256:…" of the installation medium; empty if there was none
	Discs       []string       `json:"discs,omitempty"`     // "sha256:…" of each of Build.Discs
	Base        string         `json:"base,omitempty"`      // "sha256:…" of Disk.Image; empty if there was none
	TPMState    string         `json:"tpm_state,omitempty"` // absolute; empty if there is none
	QEMU        string         `json:"qemu"`                // the version of QEMU
	Accel       qemu.Accel     `json:"accelerator"`         // what the machine ran on
	Built       time.Time      `json:"built"`               // when it was finished, in UTC, to the second
	Phases      []PhaseDone    `json:"phases"`              // of the build, in their order, with their times
}
