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
// ended the program asks for none.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failed *imagebuild.StepError
	if !errors.As(err, &failed) {
		return err
	}
	return errors.Join(err, console(failed.Console), screen(failed.Frame))
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
