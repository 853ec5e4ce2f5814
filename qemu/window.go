package qemu

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// checkWindow finds a display that QEMU does not have: distributions ship those
// with windows apart.
func (c *Config) checkWindow(ctx context.Context, f *findings, h *Host) {
	if c.Display == "" {
		return
	}
	name, _, _ := strings.Cut(c.Display, ",")
	// A QEMU that does not tell says what is wrong when it starts.
	if known, err := displays(ctx, h.Binary); err == nil && !slices.Contains(known, name) {
		f.add("Display", installWindow()+", or leave Display empty", "this QEMU has no display %q, only %s", name, strings.Join(known, ", "))
	}
}

// displays asks the QEMU at path what it can show a machine's screen with.
func displays(ctx context.Context, path string) ([]string, error) {
	key, err := binaryKey(path)
	if err != nil {
		return nil, err
	}
	return windows.get(key, func() ([]string, error) {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(limited, path, "-display", "help")
		cmd.Env, cmd.WaitDelay = environment(true), time.Second
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%s -display help: %w", path, err)
		}
		return displayNames(string(out)), nil
	})
}

// displayNames returns the names in what QEMU says of its displays: a line each
// after one that introduces them, and up to an empty one.
func displayNames(help string) []string {
	_, rest, _ := strings.Cut(help, "\n")
	list, _, _ := strings.Cut(rest, "\n\n")
	return strings.Fields(list)
}
