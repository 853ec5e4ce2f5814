// Package view shows builds: while they run as a live page, afterwards as a
// report in one HTML file or as a GIF.
//
//	rec, err := view.Record(&view.RecordConfig{Dir: "trace"})
//	if err != nil {
//		return err
//	}
//	live := view.NewLive(&view.LiveConfig{Title: "debian"})
//	defer live.Close()
//	go server.Serve(listener) // an http.Server with live as its Handler, on 127.0.0.1
//	build.Observe = func(e imagebuild.Event) {
//		rec.Observe(e)
//		live.Observe(e)
//	}
//	_, failed := build.Run(ctx)
//	live.Finish(failed)
//	if err := rec.Finish(failed); err != nil || failed == nil {
//		return errors.Join(failed, err)
//	}
//	return errors.Join(failed, view.Report(file, "trace")) // the trace of a failed build stays
//
// # The trace
//
// A [Recorder] writes a directory that nobody but its owner can read, since a
// screen can show secrets:
//
//	events.jsonl    what happened, one JSON object a line
//	frames/N.png    the pictures of the screen, each once
//	serial.log      the lines of the serial port, with their times
//	http.log        the guest's requests, with their times
//
// All times are milliseconds since the recording began. A line of events.jsonl
// has its time in "t" and in "kind" what it is: start, phase, phase-done, step,
// step-done, progress, medium, machine, screen, typing, typed, login, output,
// serial, appeared, found, request, frame, end, or event for what this package
// does not know. The other fields are there where they mean something: name,
// text, index, done, total, took (milliseconds), err, path, status, bytes, file
// (the picture of a frame), found (what a rule of package detect has found: name,
// class, where, text, more, hint, fails) and, at the end, failure (what a
// StepError knows). What is typed is in no event, and so in no trace; what the
// guest's screen shows of it is.
//
// A trace stays below [RecordConfig].Max bytes. The screen is looked at when it
// has changed, and not more often than [RecordConfig].Interval says; a picture
// that was there before is not written again. When the pictures have taken two
// thirds of the room, every second one is removed and the interval doubled, so
// that they stay spread over the whole build; it is doubled after each 7200
// looks that brought something, too. When the events have taken
// theirs, only phases, steps, frames and the end are added.
//
// # The live page
//
// [Live] is a read-only http.Handler, unless [LiveConfig].Input lets viewers
// type and point. It has no goroutine and looks at the screen only when a
// viewer asks; each picture is encoded once for all of them. A viewer that is
// slow holds up nobody.
package view
