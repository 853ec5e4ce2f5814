package main

import (
	"fmt"
	"os/exec"
)

// startLoad starts n processes that are always busy, and returns a function
// that ends them.
func startLoad(n int) (stop func(), err error) {
	var busy []*exec.Cmd
	stop = func() {
		for _, c := range busy {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
	for range n {
		c := exec.Command("sh", "-c", "while :; do :; done")
		c.SysProcAttr = dieWithParent()
		if err := c.Start(); err != nil {
			stop()
			return nil, fmt.Errorf("starting a busy loop: %w", err)
		}
		busy = append(busy, c)
	}
	return stop, nil
}
