package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"regexp"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
)

// lastLines is how much of the serial output a person wants to see.
const lastLines = 30

// explain adds to an error the evidence that a person would ask for. Who has
// ended the program asks for none, but wants to know what could not be undone.
func explain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return errors.Join(cause, besides(cause, err))
	}
	var failed *imagebuild.StepError
	if !errors.As(err, &failed) {
		return err
	}
	return errors.Join(err, console(failed.Console), screen(failed.Frame))
}

// besides returns the part of err, which errors.Join has made, that does not
// come of cause: errors of cleaning up.
func besides(cause, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var rest []error
		for _, err := range joined.Unwrap() {
			rest = append(rest, besides(cause, err))
		}
		return errors.Join(rest...)
	}
	if errors.Is(err, cause) {
		return nil
	}
	return err
}

// control matches what moves a terminal's cursor, clears it or beeps.
var control = regexp.MustCompile("\x1b(\\[[0-?]*[ -/]*[@-~]|[ -Z\\\\-~])|[^\n\t -~\u00a0-\U0010ffff]")

// console returns the end of a serial line's output, as an error for people;
// nil if there is none.
func console(tail string) error {
	lines := strings.Split(strings.TrimSpace(control.ReplaceAllString(tail, "")), "\n")
	lines = lines[max(0, len(lines)-lastLines):]
	text := strings.Join(lines, "\n  ")
	if text == "" {
		return nil
	}
	return fmt.Errorf("The guest's serial output ended with:\n  %s", text) //lint:ignore ST1005 a paragraph
}

// screen writes a picture of the guest's screen to a file that it names.
func screen(frame image.Image) error {
	if frame == nil {
		return nil
	}
	f, err := os.CreateTemp("", "demo-screen-*.png")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := png.Encode(f, frame); err != nil {
		return err
	}
	return fmt.Errorf("the guest's screen is in %s", f.Name())
}
