package view

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page/report.html
var reportHTML string

// reportEndHTML follows the pictures.
//
//go:embed page/report-end.html
var reportEndHTML string

//go:embed page/view.css
var styleCSS string

//go:embed page/report.js
var reportJS string

// Report writes what a trace holds as one HTML file that refers to nothing
// outside: the verdict, a failure in front, the screen at any moment with a
// film strip and a timeline, what happened beside it, and the serial output.
// The report of a trace is at most a third larger than its pictures, plus its
// events; of the pictures it has one at a time in memory. Report never writes to
// the trace.
func Report(w io.Writer, traceDir string) error {
	t, err := readTrace(traceDir)
	if err != nil {
		return err
	}
	page, err := newReport(t)
	if err != nil {
		return err
	}
	if err := page.write(w, t); err != nil {
		return fmt.Errorf("view: report of %s: %w", traceDir, err)
	}
	return nil
}

var (
	reportPage = template.Must(template.New("report").Parse(reportHTML))
	reportEnd  = template.Must(template.New("end").Parse(reportEndHTML))
)

func (r *report) write(w io.Writer, t *trace) error {
	if err := reportPage.Execute(w, r); err != nil {
		return err
	}
	for _, name := range r.pictures {
		if err := t.embed(w, name); err != nil {
			return err
		}
	}
	return reportEnd.Execute(w, r)
}

// embed writes a picture as an element that the page's script reads.
func (t *trace) embed(w io.Writer, name string) error {
	data, err := t.picture(name)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, `<script type="text/plain" class="picture">`); err != nil {
		return err
	}
	text := base64.NewEncoder(base64.StdEncoding, w) // no character of which means anything in HTML
	if _, err := text.Write(data); err != nil {
		return err
	}
	if err := text.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w, "</script>\n")
	return err
}

// report is what the template shows.
type report struct {
	Style   template.CSS
	Script  template.JS
	Title   string
	Verdict verdict
	Began   string
	Length  string
	Err     string
	Fail    *failure
	Found   *finding     // of the failure
	Picture template.URL // of the failure
	Marks   []mark
	Bars    []bar
	Serial  []stamped
	Data    reportData

	pictures []string // their names
}

// verdict is how the build has ended.
type verdict struct{ Class, Text string }

// bar is a span with its place in the timeline, in percent.
type bar struct {
	span
	Left, Width float64
	Label       string // its time
}

// mark is a finding with its place in the timeline, in percent.
type mark struct {
	*finding
	T    int64
	Left float64
	At   string // its time
}

type stamped struct {
	T    int64
	At   string
	Text string
}

// reportData is what the script gets.
type reportData struct {
	Length int64      `json:"length"`
	Notes  []note     `json:"notes"`
	Frames [][2]int64 `json:"frames"` // time and number of the picture
}

// note is something that happened.
type note struct {
	T    int64  `json:"t"`
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Class is that of a finding, with " fails" if the build ends with it, and
	// "missed" of a request in vain.
	Class string `json:"class,omitempty"`
	Hint  string `json:"hint,omitempty"` // of a finding
}

func newReport(t *trace) (*report, error) {
	r := &report{
		Style: template.CSS(styleCSS), Script: template.JS(reportJS),
		Title: t.title, Verdict: t.verdict(), Length: clock(t.length()),
		Marks: t.marks(), Bars: t.bars(), Serial: t.serial(),
	}
	if !t.began.IsZero() {
		r.Began = t.began.Format("2 January 2006, 15:04:05 MST")
	}
	seen, err := t.shots()
	if err != nil {
		return nil, err
	}
	r.Data = reportData{Length: t.length(), Notes: t.notes(), Frames: seen.Frames}
	r.pictures = seen.Pictures
	if t.end != nil {
		r.Err, r.Fail = t.end.Err, t.end.Fail
	}
	if r.Fail == nil {
		return r, nil
	}
	if r.Found = r.Fail.Found; r.Fail.File == "" {
		return r, nil
	}
	data, err := t.picture(r.Fail.File)
	if data != nil {
		r.Picture = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data))
	}
	return r, err
}

func (t *trace) verdict() verdict {
	switch {
	case t.end == nil:
		return verdict{"unknown", "cut off: the recording has no end"}
	case t.end.Err != "":
		return verdict{"bad", "failed"}
	}
	return verdict{"good", "succeeded"}
}

// bars returns the timeline. What fails in a step fails its phase.
func (t *trace) bars() []bar {
	length := float64(t.length())
	var list []bar
	for _, s := range t.spans() {
		b := bar{span: s, Left: 100 * float64(s.From) / length, Width: 100 * float64(s.To-s.From) / length, Label: lasted(s.To - s.From)}
		if s.Open && t.end != nil && t.end.Err != "" && s.Err == "" {
			b.Err = "failed"
		}
		list = append(list, b)
	}
	return list
}

// marks returns what rules have found.
func (t *trace) marks() []mark {
	var list []mark
	for _, e := range t.entries {
		if e.Found != nil {
			list = append(list, mark{finding: e.Found, T: e.T, Left: 100 * float64(e.T) / float64(t.length()), At: clock(e.T)})
		}
	}
	return list
}

func (t *trace) serial() []stamped {
	var list []stamped
	for _, e := range t.entries {
		if e.Kind == kindSerial {
			list = append(list, stamped{e.T, clock(e.T), e.Text})
		}
	}
	return list
}

// notes returns what happened, in words.
func (t *trace) notes() []note {
	list := []note{}
	for _, e := range t.entries {
		if text := e.words(); text != "" {
			n := note{T: e.T, Kind: e.Kind, Text: text}
			if e.Kind == kindRequest && e.Status >= 400 {
				n.Class = "missed"
			}
			if e.Found != nil {
				n.Class, n.Hint = e.Found.Class, e.Found.Hint
				if e.Found.Fails {
					n.Class += " fails"
				}
			}
			list = append(list, n)
		}
	}
	return list
}

// words returns the entry for people; empty for what is shown otherwise.
func (e entry) words() string {
	switch e.Kind {
	case kindPhase:
		return "phase: " + e.Name
	case kindStep:
		return fmt.Sprintf("step %d of %d: %s", e.Index+1, e.Total, e.Name)
	case kindStepDone:
		if e.Err != "" {
			return "failed: " + brief(e.Err)
		}
	case kindTyping:
		return strings.TrimSuffix("typing: "+e.Name+": "+e.Text, ": ")
	case kindTyped:
		if e.Done == e.Total {
			return "all typed"
		}
	case kindProgress:
		if e.Total > 0 && e.Done == e.Total {
			return e.Name + ": done"
		}
	case kindMedium, kindMachine, kindScreen, kindLogin, kindAppeared, kindFound, kindRequest, kindOutput:
		return e.Text
	case kindOther:
		return strings.TrimSuffix(e.Name+": "+e.Text, ": ")
	case kindEnd:
		if e.Err != "" {
			return "the build has failed"
		}
		return "the build has succeeded"
	}
	return ""
}

// brief shortens an error that stands in front of the report in full.
func brief(text string) string {
	const most = 160
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// clock writes milliseconds as people read times.
func clock(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d:%02d h", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

// lasted is clock for a duration, which may be far shorter than a build.
func lasted(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return clock(ms)
}
