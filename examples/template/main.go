// Template builds Packer templates: it makes the program of the same name in
// the module template, which may depend on what the core must not, and becomes
// it.
//
//	go run ./examples/template build -var disk_size=20G debian.json
//	go run ./examples/template -h
//
// The program itself is in template/examples/template.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	program, err := makeProgram()
	if err == nil {
		err = become(program, os.Args[1:])
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "template:", err)
	os.Exit(1)
}

// makeProgram builds the program into .bin and returns its path.
func makeProgram() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", fmt.Errorf("find the module: %v; run it in a checkout of the repository", err)
	}
	program := filepath.Join(root, ".bin", "template")
	if err := os.MkdirAll(filepath.Dir(program), 0o777); err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-C", filepath.Join(root, "template"), "-o", program, "./examples/template")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the program: %w", err)
	}
	return program, nil
}
