package bootscribe_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeProgram holds the README's program against the example, which is
// compiled.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("examples/minimal/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "package main\n")
	if !strings.Contains(string(readme), "```go\npackage main\n"+code+"```\n") {
		t.Error("the program in README.md is not that of examples/minimal/main.go")
	}
}
