package view

import (
	"errors"
	"fmt"

	"github.com/bootscribe/bootscribe/detect"
	"github.com/bootscribe/bootscribe/imagebuild"
)

// finding is what a rule has found in what the guest said.
type finding struct {
	Name  string   `json:"name"`            // the rule's
	Class string   `json:"class"`           // the rule's
	Where string   `json:"where,omitempty"` // in words
	Text  string   `json:"text"`
	More  []string `json:"more,omitempty"` // the lines that followed
	Hint  string   `json:"hint,omitempty"`
	Fails bool     `json:"fails,omitempty"` // the build ends with it
}

func newFinding(f detect.Finding) *finding {
	return &finding{Name: f.Name, Class: string(f.Class), Where: where(f), Text: f.Text, More: f.More, Hint: f.Hint, Fails: f.Fails}
}

// where tells where something was found.
func where(f detect.Finding) string {
	switch f.Channel {
	case detect.Screen:
		return fmt.Sprintf("row %d of the screen", f.Line)
	case detect.Serial:
		return fmt.Sprintf("line %d of the serial output", f.Line)
	case detect.DebugCon:
		return fmt.Sprintf("line %d of the firmware's debug output", f.Line)
	case detect.QMP:
		return "an event of QEMU"
	}
	return string(f.Channel)
}

func describeFinding(f detect.Finding) entry {
	about := string(f.Class)
	if f.Fails && f.Class != detect.Fatal {
		about += ", and its time is over"
	}
	return entry{Kind: kindFound, Name: f.Name, Found: newFinding(f),
		Text: cut(fmt.Sprintf("%s (%s): %s", f.Name, about, f.Text))}
}

// failure is what a StepError knows.
type failure struct {
	Step     string    `json:"step"`
	Name     string    `json:"name,omitempty"`     // StepError.Name
	Cause    string    `json:"cause,omitempty"`    // StepError.Err
	Found    *finding  `json:"found,omitempty"`    // what the guest said of it
	File     string    `json:"file,omitempty"`     // the picture of the screen
	Screen   string    `json:"screen,omitempty"`   // its text
	Console  string    `json:"console,omitempty"`  // the end of the serial output
	Stderr   string    `json:"stderr,omitempty"`   // of QEMU
	Requests []request `json:"requests,omitempty"` // the newest
	Typed    string    `json:"typed,omitempty"`    // how far the typing was
}

// request is a request for a file.
type request struct {
	Text   string `json:"text"`
	Status int    `json:"status,omitempty"`
}

// mostRequests is how many requests the evidence has.
const mostRequests = 50

// newFailure returns what an error knows of the guest, without a picture; nil if
// that is nothing.
func newFailure(err error) *failure {
	var e *imagebuild.StepError
	if !errors.As(err, &e) {
		return nil
	}
	f := &failure{Step: e.Step, Name: e.Name(), Cause: errText(e.Err), Screen: e.Text, Console: readable(e.Console), Stderr: e.Stderr}
	var detected *imagebuild.DetectedError
	if errors.As(e.Err, &detected) {
		f.Found = newFinding(detected.Finding)
	}
	for _, r := range e.Requests[max(0, len(e.Requests)-mostRequests):] {
		f.Requests = append(f.Requests, request{cut(r.String()), r.Status})
	}
	if p := e.Typed; p.Total > 0 && p.Index < p.Total {
		f.Typed = fmt.Sprintf("%d of %d keys and waits of the boot command", p.Index, p.Total)
	}
	return f
}
