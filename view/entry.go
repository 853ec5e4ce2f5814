package view

import (
	"fmt"
	"strings"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/winrm"
)

// The kinds of entries that code asks for.
const (
	kindStart     = "start"
	kindPhase     = "phase"
	kindPhaseDone = "phase-done"
	kindStep      = "step"
	kindStepDone  = "step-done"
	kindProgress  = "progress"
	kindMedium    = "medium"
	kindMachine   = "machine"
	kindScreen    = "screen"
	kindTyping    = "typing"
	kindTyped     = "typed"
	kindLogin     = "login"
	kindOutput    = "output"
	kindSerial    = "serial"
	kindAppeared  = "appeared"
	kindFound     = "found"
	kindRequest   = "request"
	kindFrame     = "frame"
	kindEnd       = "end"
	kindOther     = "event"
)

// longestText is where the text of an entry is cut, in bytes. The longest are
// lines of the serial port.
const longestText = 4 << 10

// entry is a line of events.jsonl, and what the live page is sent.
type entry struct {
	Seq    uint64     `json:"seq,omitempty"` // of the live page
	T      int64      `json:"t"`             // milliseconds since the beginning
	Kind   string     `json:"kind"`
	Name   string     `json:"name,omitempty"`  // of a phase or step, or what is going on
	Text   string     `json:"text,omitempty"`  // for people
	Index  int        `json:"index,omitempty"` // of a step, from 0
	Done   int64      `json:"done,omitempty"`
	Total  int64      `json:"total,omitempty"`
	Took   int64      `json:"took,omitempty"` // milliseconds
	Err    string     `json:"err,omitempty"`
	Path   string     `json:"path,omitempty"`
	Status int        `json:"status,omitempty"`
	Bytes  int64      `json:"bytes,omitempty"`
	File   string     `json:"file,omitempty"` // the picture of a frame
	Time   *time.Time `json:"time,omitempty"` // of the start
	Found  *finding   `json:"found,omitempty"`
	Fail   *failure   `json:"failure,omitempty"`
}

// lasting tells whether entries like this are few, and needed for a report.
func (e entry) lasting() bool {
	switch e.Kind {
	case kindStart, kindPhase, kindPhaseDone, kindStep, kindStepDone, kindFrame, kindEnd:
		return true
	}
	return e.Found != nil && e.Found.Fails
}

// describe makes an entry of an event. Its time is not set.
func describe(e imagebuild.Event) entry {
	switch e := e.(type) {
	case imagebuild.PhaseStarted:
		return entry{Kind: kindPhase, Name: string(e.Phase)}
	case imagebuild.PhaseDone:
		return entry{Kind: kindPhaseDone, Name: string(e.Phase), Took: e.Took.Milliseconds()}
	case imagebuild.StepStarted:
		return entry{Kind: kindStep, Name: e.Step, Index: e.Index, Total: int64(e.Total)}
	case imagebuild.StepDone:
		return entry{Kind: kindStepDone, Name: e.Step, Index: e.Index, Total: int64(e.Total), Took: e.Took.Milliseconds(), Err: errText(e.Err)}
	case imagebuild.Progress:
		return progress(kindProgress, e.What, e.Done, e.Total)
	case imagebuild.Fetched:
		return describeMedium(e.Event)
	case imagebuild.Machine:
		return describeMachine(e.Event)
	case imagebuild.ScreenOpened:
		return entry{Kind: kindScreen, Text: "the screen can be seen"}
	case imagebuild.Typing:
		return entry{Kind: kindTyping, Name: string(e.Mode), Text: e.Reason}
	case imagebuild.Typed:
		return progress(kindTyped, "typing", int64(e.Progress.Index), int64(e.Progress.Total))
	case imagebuild.LoggedIn:
		return describeLogin(e.Event)
	case imagebuild.WinRM:
		return describeWinRM(e.Event)
	case imagebuild.Output:
		return entry{Kind: kindOutput, Name: e.Step, Text: cut(e.Line)}
	case imagebuild.ConsoleLine:
		return entry{Kind: kindSerial, Text: cut(e.Line)}
	case imagebuild.Appeared:
		return entry{Kind: kindAppeared, Text: "appeared: " + cut(e.What)}
	case imagebuild.Found:
		return describeFinding(e.Finding)
	case imagebuild.Requested:
		return describeRequest(e.Request)
	}
	_, name, _ := strings.Cut(fmt.Sprintf("%T", e), ".")
	return entry{Kind: kindOther, Name: name, Text: cut(strings.Trim(fmt.Sprintf("%+v", e), "{}"))}
}

func progress(kind, what string, done, total int64) entry {
	return entry{Kind: kind, Name: what, Done: done, Total: total}
}

func describeMedium(e iso.Event) entry {
	said := func(format string, args ...any) entry {
		return entry{Kind: kindMedium, Text: cut(fmt.Sprintf(format, args...))}
	}
	switch e := e.(type) {
	case iso.Trying:
		return said("fetching %s", e.URL)
	case iso.Progress:
		return progress(kindProgress, "fetching", e.Done, e.Total)
	case iso.Verifying:
		return progress(kindProgress, "verifying", e.Done, e.Total)
	case iso.Unpacking:
		return progress(kindProgress, "unpacking", e.Done, e.Total)
	case iso.Waiting:
		return progress(kindProgress, "another process is fetching", e.Done, e.Total)
	case iso.Retrying:
		return said("fetching %s failed: %v; again in %v", e.URL, e.Err, e.After)
	case iso.GivenUp:
		return said("gave up %s: %v", e.URL, e.Err)
	case iso.Verified:
		return said("verified %s", e.Digest)
	}
	return said("%+v", e)
}

func describeMachine(e qemu.Event) entry {
	said := func(name, format string, args ...any) entry {
		return entry{Kind: kindMachine, Name: name, Text: cut(fmt.Sprintf(format, args...))}
	}
	switch e := e.(type) {
	case qemu.Started:
		return said("started", "QEMU %s runs with %s: %s", e.Version, e.Accel, e.Reason)
	case qemu.Reset:
		return said("reset", "the machine was reset (%s)", e.Reason)
	case qemu.Stopped:
		return said("stopped", "the processor stands still (%s)", e.Status)
	case qemu.Resumed:
		return said("resumed", "the processor runs again")
	case qemu.Panicked:
		return said("panicked", "the guest's kernel panicked")
	case qemu.ShutDown:
		return said("shutdown", "the machine is switched off (%s)", e.Reason)
	case qemu.IOError:
		return said("io-error", "the host failed to %s the image of %s: %s", e.Operation, e.Device, e.Reason)
	case qemu.TPMEnded:
		return said("tpm-ended", "the machine's TPM has ended: %s", e)
	case qemu.ShareEnded:
		return said("share-ended", "a directory is not shared any more: %s", e)
	case qemu.Hung:
		return said("hung", "QEMU has not answered for %v", e.For)
	case qemu.Exited:
		return said("exited", "QEMU has ended with status %d %s", e.Status, e.Signal)
	}
	return said("", "%+v", e)
}

func describeLogin(e ssh.Event) entry {
	switch e := e.(type) {
	case ssh.AttemptFailed:
		return entry{Kind: kindLogin, Text: "not yet: " + cut(errText(e.Err)), Took: e.Took.Milliseconds()}
	case ssh.Connected:
		return entry{Kind: kindLogin, Text: "logged in to " + e.ServerVersion, Done: 1, Total: 1}
	}
	return entry{Kind: kindLogin, Text: cut(fmt.Sprintf("%+v", e))}
}

func describeWinRM(e winrm.Event) entry {
	switch e := e.(type) {
	case winrm.AttemptFailed:
		return entry{Kind: kindLogin, Text: "not yet: " + cut(errText(e.Err)), Took: e.Took.Milliseconds()}
	case winrm.Connected:
		return entry{Kind: kindLogin, Text: "logged in by WinRM", Done: 1, Total: 1}
	}
	return entry{Kind: kindLogin, Text: cut(fmt.Sprintf("%+v", e))}
}

func describeRequest(r httpserve.Request) entry {
	return entry{Kind: kindRequest, Text: r.String(), Path: r.Path, Status: r.Status, Bytes: r.Bytes,
		Took: r.Took.Milliseconds(), Err: errText(r.Err)}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// cut shortens what the guest can make as long as it likes.
func cut(s string) string {
	if len(s) <= longestText {
		return s
	}
	return strings.ToValidUTF8(s[:longestText], "") + "…"
}

// thinner leaves out what says hardly more than what came just before.
type thinner struct{ last map[string]int64 }

const (
	progressEvery = 250  // milliseconds
	attemptEvery  = 5000 // milliseconds between failed logins for the same reason
)

// keep reports whether an entry is worth keeping.
func (h *thinner) keep(e entry) bool {
	var key string
	gap := int64(progressEvery)
	switch {
	case e.Kind == kindProgress || e.Kind == kindTyped:
		key = e.Kind + e.Name
	case e.Kind == kindLogin && e.Done == 0:
		key, gap = e.Kind+e.Text, attemptEvery
	default:
		return true
	}
	if h.last == nil || len(h.last) > 100 {
		h.last = map[string]int64{}
	}
	before, seen := h.last[key]
	if seen && e.T-before < gap && (e.Total <= 0 || e.Done != e.Total) {
		return false
	}
	h.last[key] = e.T
	return true
}
