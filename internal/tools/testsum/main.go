// Testsum reads the output of go test -json and prints what a person wants of
// it: go test's own line for each package, the whole output of what failed,
// why tests were skipped, and last one line of counts:
//
//	tests: 412 passed, 0 failed, 3 skipped
//
// It exits with 1 if anything failed, if a package did not build, or if no
// test ran.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is the record that `go doc cmd/test2json` describes.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

type summary struct {
	out                     io.Writer
	output                  map[string][]string // of each test, until it ends
	skips                   []string
	passed, failed, skipped int
	broken                  bool // a package failed, with or without a test
}

func main() {
	s := &summary{out: os.Stdout, output: map[string][]string{}}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsum:", err)
		os.Exit(1)
	}
	s.close()
	if s.broken || s.failed > 0 || s.passed == 0 {
		os.Exit(1)
	}
}

func (s *summary) read(in io.Reader) error {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadString('\n')
		var e event
		switch {
		case line == "":
		case json.Unmarshal([]byte(line), &e) != nil:
			fmt.Fprint(s.out, line) // go's own words
		default:
			s.add(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) add(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "build-fail":
		s.broken = true
	case "output":
		s.keep(e, key)
	case "pass", "fail", "skip":
		s.end(e, key)
		delete(s.output, key)
	}
}

// keep holds a test's output back until it is known how the test ends, and so
// the seed of a package's order. What else a package says is printed at once,
// but for the bare verdict that precedes go test's own line.
func (s *summary) keep(e event, key string) {
	switch {
	case strings.HasPrefix(e.Output, "=== "):
	case e.Test != "", strings.HasPrefix(e.Output, "-test.shuffle "):
		s.output[key] = append(s.output[key], e.Output)
	case e.Output != "PASS\n" && e.Output != "FAIL\n":
		fmt.Fprint(s.out, e.Output)
	}
}

func (s *summary) end(e event, key string) {
	if e.Test == "" {
		if e.Action == "fail" {
			s.broken = true
			fmt.Fprint(s.out, strings.Join(s.output[key], ""))
		}
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		fmt.Fprint(s.out, strings.Join(s.output[key], ""))
	case "skip":
		s.skipped++
		s.skips = append(s.skips, e.Package+" "+e.Test+": "+reason(s.output[key]))
	}
}

// reason is what a skipped test said, without the lines of the test runner.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

func (s *summary) close() {
	// A test that never ended was running when its program died.
	for key, output := range s.output {
		fmt.Fprintf(s.out, "testsum: %s did not end:\n%s", key, strings.Join(output, ""))
	}
	for _, line := range s.skips {
		fmt.Fprintln(s.out, "skipped:", line)
	}
	fmt.Fprintf(s.out, "tests: %d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}
