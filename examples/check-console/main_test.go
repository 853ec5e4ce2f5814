package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := write("bad.log", "hello\r\n\x1b[1m[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on x\x1b[m\r\nCPU: 0\n")
	good := write("good.log", "[    0.0] Linux version 6.1.0 (x)\ndebian login: ")
	rules := write("own.rules", "name: cpu\nclass: fatal\npattern: ^CPU\nmatch: CPU\n")
	tests := []struct {
		name   string
		args   []string
		stdin  string
		out    string
		err    string // a part of it
		status int
	}{
		{name: "fatal", args: []string{bad}, status: 1,
			out: "no-root-device\tfatal\t2\t[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on x\n"},
		{name: "good", args: []string{good}, out: "linux\tinfo\t1\t[    0.0] Linux version 6.1.0 (x)\nlogin-prompt\tinfo\t2\tdebian login:\n"},
		{name: "fatal only", args: []string{"-fails", good}},
		{name: "several", args: []string{"-fails", good, bad}, status: 1,
			out: bad + "\tno-root-device\tfatal\t2\t[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on x\n"},
		{name: "standard input", stdin: "No bootable device.", status: 1, out: "no-bootable-device\tfatal\t1\tNo bootable device.\n"},
		{name: "standard input by name", args: []string{"-"}, stdin: "\r\nBOOTMGR is missing", status: 1, out: "bootmgr-broken\tfatal\t2\tBOOTMGR is missing\n"},
		{name: "transitional", stdin: "Boot failed: not a bootable disk\n", out: "boot-device-failed\ttransitional\t1\tBoot failed: not a bootable disk\n"},
		{name: "empty"},
		{name: "switched off", args: []string{"-off", "no-bootable-device,linux"}, stdin: "No bootable device."},
		{name: "own rules", args: []string{"-rules", rules, "-off", "no-root-device", "-off", "kernel-panic", bad}, status: 1, out: "cpu\tfatal\t3\tCPU: 0\n"},
		{name: "JSON", args: []string{"-json"}, stdin: "a\nsh login:\n",
			out: `{"name":"login-prompt","class":"info","channel":"serial","fails":false,"line":2,"text":"sh login:"}` + "\n"},
		{name: "JSON of several", args: []string{"-json", bad, good}, status: 1,
			out: `{"file":"` + bad + `","name":"no-root-device","class":"fatal","channel":"serial","fails":true,"line":2,` +
				`"text":"[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on x","more":["CPU: 0"],` +
				`"hint":"The kernel does not find its root file system; look at root= on its command line, at the disk's bus (virtio, SATA, SCSI) and at the drivers in the initial file system."}
{"file":"` + good + `","name":"linux","class":"info","channel":"serial","fails":false,"boot":true,"line":1,"text":"[    0.0] Linux version 6.1.0 (x)"}
{"file":"` + good + `","name":"login-prompt","class":"info","channel":"serial","fails":false,"line":2,"text":"debian login:"}
`},
		{name: "no such file", args: []string{"-fails", filepath.Join(dir, "nosuch"), bad}, status: 2, err: "nosuch",
			out: bad + "\tno-root-device\tfatal\t2\t[    1.5] Kernel panic - not syncing: VFS: Unable to mount root fs on x\n"},
		{name: "a directory", args: []string{dir}, status: 2, err: "directory"},
		{name: "unknown option", args: []string{"-nosuch"}, status: 2, err: "not defined"},
		{name: "unknown rule", args: []string{"-off", "nosuch"}, status: 2, err: `rule "nosuch"`},
		{name: "no such rules", args: []string{"-rules", filepath.Join(dir, "nosuch")}, status: 2, err: "nosuch"},
		{name: "bad rules", args: []string{"-rules", bad}, status: 2, err: "line 1"},
		{name: "help", args: []string{"-h"}, err: "usage: check-console"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := run(tt.args, strings.NewReader(tt.stdin), &out, &errs)
			if d := cmp.Diff(tt.out, out.String()); d != "" || status != tt.status || !strings.Contains(errs.String(), tt.err) {
				t.Errorf("status %d, want %d; standard error: %s; output (-want +got):\n%s", status, tt.status, &errs, d)
			}
		})
	}
}
