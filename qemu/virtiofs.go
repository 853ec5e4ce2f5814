package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *Config) hasVirtioFS() bool {
	return slices.ContainsFunc(c.Shares, func(s Share) bool { return s.Type == VirtioFS })
}

// sharedMemory puts the guest's memory where virtiofsd can map it as well, and
// returns what -machine must say of it.
func (b *builder) sharedMemory() string {
	if !b.c.hasVirtioFS() {
		return ""
	}
	b.args.json("-object", object{{"qom-type", "memory-backend-memfd"}, {"id", "ram"}, {"size", int64(b.c.memory()) << 20}, {"share", true}})
	return ",memory-backend=ram"
}

// findVirtioFSD looks for virtiofsd, and asks whether it can do what is wanted.
func (c *Config) findVirtioFSD(f *findings, h *Host) {
	if !c.hasVirtioFS() {
		return
	}
	const instead = "or leave Type empty for 9p"
	if runtime.GOOS != "linux" {
		f.add("Shares", "leave Type empty for 9p", "virtiofs is for hosts with Linux")
		return
	}
	path, err := c.lookVirtioFSD()
	if err != nil {
		hint := installHint(osIDs(), "virtiofsd", "all", func(installer) map[string]string { return map[string]string{"": "virtiofsd"} })
		f.add("Shares", hint+", "+instead, "%v", err)
		return
	}
	h.VirtioFSD = path
	options, err := virtioFSDOptions(path)
	if err != nil {
		f.add("VirtioFSD", "install virtiofsd anew, "+instead, "%q cannot be used: %v", path, err)
		return
	}
	if os.Geteuid() != 0 && cameWithQEMU(options) {
		f.add("Shares", "run as root, install another virtiofsd, "+instead, "%q must be run by root", path)
	}
	for i, s := range c.Shares {
		if s.Type == VirtioFS && !s.Writable && !strings.Contains(options, readOnlyOption) {
			f.add(fmt.Sprintf("Shares[%d].Writable", i), "set it, "+instead, "%q cannot keep a guest from writing", path)
		}
	}
}

// readOnlyOption is one that not every virtiofsd has.
const readOnlyOption = "--readonly"

// cameWithQEMU tells by its options whether a virtiofsd is the one that was part
// of QEMU until version 7.2.
func cameWithQEMU(options string) bool { return !strings.Contains(options, "--shared-dir") }

// Where virtiofsd and the files that describe it are: QEMU's
// docs/interop/vhost-user.json says what is in those, and in which order they
// count.
var (
	virtioFSDs     = []string{"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd", "/usr/libexec/qemu/virtiofsd"}
	vhostUserFiles = []string{"/etc/qemu/vhost-user/*.json", "/usr/share/qemu/vhost-user/*.json"}
)

// lookVirtioFSD returns the absolute path of virtiofsd.
func (c *Config) lookVirtioFSD() (string, error) {
	if c.VirtioFSD != "" {
		return lookBinary(c.VirtioFSD)
	}
	for _, path := range append(describedFSDs(vhostUserFiles), virtioFSDs...) {
		if found, err := lookBinary(path); err == nil {
			return found, nil
		}
	}
	return lookBinary("virtiofsd")
}

// describedFSDs are the programs that descriptor files name, those with the
// least numbers first. A file hides those of its name in later directories.
func describedFSDs(patterns []string) []string {
	binaries, names := map[string]string{}, []string{}
	for _, pattern := range patterns {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			name := filepath.Base(file)
			if slices.Contains(names, name) {
				continue
			}
			var d struct{ Type, Binary string }
			text, err := os.ReadFile(file)
			if err == nil && json.Unmarshal(text, &d) == nil && d.Type == "fs" {
				binaries[name] = d.Binary
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var list []string
	for _, name := range names {
		if b := binaries[name]; filepath.IsAbs(b) {
			list = append(list, b)
		}
	}
	return list
}

// virtioFSDOptions returns what the virtiofsd at path says of its options.
func virtioFSDOptions(path string) (string, error) {
	key, err := binaryKey(path)
	if err != nil {
		return "", err
	}
	return fsds.get(key, func() (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, "--help")
		cmd.Env, cmd.WaitDelay = environment(false), time.Second
		said, err := cmd.CombinedOutput()
		if strings.Contains(string(said), "--fd") {
			return string(said), nil
		}
		return "", fmt.Errorf("it does not say what it can do (%v): %.200s", err, bytes.TrimSpace(said))
	})
}

// startShares starts a virtiofsd for each share that needs one. Those that were
// started come with an error too.
func (c *Config) startShares(h *Host, dir string) ([]*attendant, error) {
	var list []*attendant
	for i, s := range c.Shares {
		if s.Type != VirtioFS {
			continue
		}
		a, err := s.start(h, filepath.Join(dir, "share"+strconv.Itoa(i)))
		if err != nil {
			return list, fmt.Errorf("qemu: Shares[%d]: %w", i, err)
		}
		list = append(list, a)
	}
	return list, nil
}

// arguments are those of virtiofsd. An empty sandbox leaves it to that, and no
// files leave its limit as it is.
func (s Share) arguments(options, sandbox string, files uint64) []string {
	args := []string{"--fd=3", "--rlimit-nofile=" + strconv.FormatUint(files, 10)}
	if cameWithQEMU(options) {
		args = append(args, "-o", "source="+s.Path)
	} else {
		args = append(args, "--shared-dir="+s.Path)
	}
	switch {
	case sandbox != "" && cameWithQEMU(options):
		args = append(args, "-o", "sandbox="+sandbox)
	case sandbox != "":
		args = append(args, "--sandbox="+sandbox)
	}
	if !s.Writable {
		args = append(args, readOnlyOption)
	}
	return args
}

// start starts virtiofsd, which wants to be connected to: it gets a socket that
// listens, which has a name, path, only until QEMU's end is connected.
func (s Share) start(h *Host, path string) (*attendant, error) {
	listener, line, err := connectedSocket(path)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	var proc *process
	options, err := virtioFSDOptions(h.VirtioFSD)
	if err == nil {
		s.Path, err = filepath.Abs(s.Path)
	}
	if err == nil {
		proc, err = startProcess(h.VirtioFSD, s.arguments(options, fsSandbox(), maxFiles()), "/", environment(false), []*os.File{listener})
	}
	if err != nil {
		line.Close()
		return nil, err
	}
	ended := func(status int, signal, output string) Event {
		return ShareEnded{Tag: s.Tag, Status: status, Signal: signal, Stderr: output}
	}
	return &attendant{proc: proc, line: line, told: make(chan struct{}), ended: ended}, nil
}
