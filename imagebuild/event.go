package imagebuild

import (
	"time"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/keyseq"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/winrm"
)

// Event is something that happened in a build: one of the types of this package
// that have an isEvent method, [PhaseStarted] to [Requested].
type Event interface{ isEvent() }

// Phase is a part of a build.
type Phase string

// The phases, in their order.
const (
	PhaseCheck    Phase = "check"    // look at the configuration and the host
	PhaseFetch    Phase = "fetch"    // get and verify the installation medium
	PhasePrepare  Phase = "prepare"  // make the disk and seed media, serve the files
	PhaseBoot     Phase = "boot"     // start the machine
	PhaseSteps    Phase = "steps"    // run the steps
	PhaseShutdown Phase = "shutdown" // switch the machine off
	PhasePublish  Phase = "publish"  // convert the disk and give it its name
)

// PhaseStarted says that a phase begins.
type PhaseStarted struct{ Phase Phase }

// PhaseDone says that a phase has succeeded.
type PhaseDone struct {
	Phase Phase         // which
	Took  time.Duration // in JSON "seconds", to the millisecond
}

// StepStarted says that a step begins.
type StepStarted struct {
	Step  string // its name
	Index int    // from 0
	Total int    // how many there are
}

// StepDone says that a step has ended.
type StepDone struct {
	Step  string        // its name
	Index int           // from 0
	Total int           // how many steps there are
	Took  time.Duration // since it began
	Err   error         // nil if it succeeded
}

// Progress says how far something is whose end is known.
type Progress struct {
	What  string // what is going on, for people
	Done  int64  // how much of it is done
	Total int64  // of how much
	Bytes bool   // whether Done and Total are bytes; else they count
}

// Fetched passes on what happens to the installation medium.
type Fetched struct{ Event iso.Event }

// Machine passes on what happens to the machine.
type Machine struct{ Event qemu.Event }

// ScreenOpened says that the machine's screen can be seen. The connection is the
// build's, which closes it at the end; its last frame stays. Who looks at it
// does so in a goroutine of their own, since the build waits for its observer.
type ScreenOpened struct {
	VNC    *vnc.Conn // the connection
	Viewer string    // where a VNC viewer can attach, if VM.Viewer asks for that; else empty
}

// Typing says how the guest is watched while it is typed to, from now on, and
// why in that way.
type Typing struct {
	Mode   qemu.Mode // how
	Reason string    // why, for people
}

// Typed says how far the typing is; never what is typed.
type Typed struct{ Progress keyseq.Progress }

// LoggedIn passes on the attempts to log in to the guest.
type LoggedIn struct{ Event ssh.Event }

// WinRM passes on the attempts to log in to the guest by WinRM.
type WinRM struct{ Event winrm.Event }

// Output is a line that a command in the guest has printed, without its end
// and without control characters.
type Output struct {
	Step   string // the name of the step that runs the command
	Line   string // what was printed
	Stderr bool   // whether on standard error; else on standard output
}

// ConsoleLine is a line that the guest has written to its serial port, without
// its end and without control characters.
type ConsoleLine struct{ Line string }

// Appeared says that one of the things has appeared that [First], [Repeat] or
// a handler was waiting for.
type Appeared struct{ What string }

// Found says that a rule has found something that the guest says; see
// [Build.Detect]. With Finding.Fails it ends the build, unless that waits for
// the same text itself.
type Found struct{ Finding detect.Finding }

// Requested is a request of the guest for a file.
type Requested struct{ Request httpserve.Request }

func (PhaseStarted) isEvent() {}
func (PhaseDone) isEvent()    {}
func (StepStarted) isEvent()  {}
func (StepDone) isEvent()     {}
func (Progress) isEvent()     {}
func (Fetched) isEvent()      {}
func (Machine) isEvent()      {}
func (ScreenOpened) isEvent() {}
func (Typing) isEvent()       {}
func (Typed) isEvent()        {}
func (LoggedIn) isEvent()     {}
func (WinRM) isEvent()        {}
func (Output) isEvent()       {}
func (ConsoleLine) isEvent()  {}
func (Appeared) isEvent()     {}
func (Found) isEvent()        {}
func (Requested) isEvent()    {}
