package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/bootscribe/bootscribe/qemu/qmp"
)

// facts are what a QEMU says of itself when it is asked.
type facts struct {
	version  string
	arch     string
	machines map[string]string // versioned name by alias: pc → pc-i440fx-7.2
	lacks    []string
	sandbox  bool
}

// optional are devices that not every QEMU has: distributions ship it in parts.
var optional = []string{"virtio-rng-pci", "pvpanic", "pvpanic-pci", "tpm-tis", "tpm-crb", "tpm-tis-device", "virtio-9p-pci", "vhost-user-fs-pci"}

// memo keeps answers that cannot change while a key stays the same. Errors
// are not kept. One caller asks, the others wait for its answer.
type memo[T any] struct {
	mu    sync.Mutex
	known map[string]T
}

func (m *memo[T]) get(key string, ask func() (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.known[key]; ok {
		return v, nil
	}
	v, err := ask()
	if err != nil {
		return v, err
	}
	if m.known == nil {
		m.known = map[string]T{}
	}
	m.known[key] = v
	return v, nil
}

// The answers of this host's QEMUs, which are the same for every machine in
// the process and cost a tenth of a second each.
var (
	probes   memo[*facts]
	canaries memo[canaryResult]
	tpms     memo[[]string] // what an swtpm can do
	fsds     memo[string]   // what a virtiofsd says of its options
	windows  memo[[]string] // the displays of a QEMU
)

// binaryKey changes when the program at path is replaced.
func binaryKey(path string) (string, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", path, fi.Size(), fi.ModTime().UnixNano()), nil
}

// probe asks the QEMU at path what it can do.
func probe(ctx context.Context, path string) (*facts, error) {
	key, err := binaryKey(path)
	if err != nil {
		return nil, err
	}
	return probes.get(key, func() (*facts, error) { return ask(ctx, path) })
}

// ask starts QEMU without a machine, at first in the sandbox: whether the
// filter works depends on how QEMU was built, the kernel and the container.
func ask(ctx context.Context, path string) (*facts, error) {
	sandboxed := runtime.GOOS == "linux"
	f, err := askOnce(ctx, path, sandboxed)
	var ended *StartError
	if sandboxed && errors.As(err, &ended) && (ended.Status != -1 || ended.Signal != "") {
		return askOnce(ctx, path, false)
	}
	return f, err
}

func askOnce(ctx context.Context, path string, sandboxed bool) (*facts, error) {
	args := []string{"-no-user-config", "-nodefaults", "-machine", "none", "-display", "none", "-S"}
	if sandboxed {
		args = append(args, "-sandbox", (&Config{}).sandboxValue())
	}
	args = append(args, "-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", qmpFD), "-mon", "chardev=qmp,mode=control")
	l := &launch{binary: path, args: args, limit: 10 * time.Second}
	if err := l.start(ctx); err != nil {
		return nil, err
	}
	defer func() {
		l.qmp.Close()
		l.proc.proc.Kill() // it holds nothing that could be lost
		<-l.proc.done
	}()
	f := &facts{sandbox: sandboxed}
	if err := f.learn(ctx, l.qmp); err != nil {
		return nil, fmt.Errorf("qemu: ask %q what it can do: %w", path, err)
	}
	return f, nil
}

func (f *facts) learn(ctx context.Context, conn *qmp.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	f.version = conn.Greeting().Version.String()
	var target struct{ Arch string }
	if err := conn.Execute(ctx, "query-target", nil, &target); err != nil {
		return err
	}
	f.arch = target.Arch
	var machines []struct{ Name, Alias string }
	if err := conn.Execute(ctx, "query-machines", nil, &machines); err != nil {
		return err
	}
	f.machines = map[string]string{}
	for _, m := range machines {
		f.machines[m.Name] = m.Name
		if m.Alias != "" {
			f.machines[m.Alias] = m.Name
		}
	}
	var types []struct{ Name string }
	if err := conn.Execute(ctx, "qom-list-types", map[string]any{"implements": "device"}, &types); err != nil {
		return err
	}
	present := map[string]bool{}
	for _, t := range types {
		present[t.Name] = true
	}
	for _, name := range optional {
		if !present[name] {
			f.lacks = append(f.lacks, name)
		}
	}
	return nil
}
