package qemu

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// viewerPath returns the path of the socket for viewers, if it is one.
func (c *Config) viewerPath() (path string, ok bool) { return strings.CutPrefix(c.Viewer, "unix:") }

func (c *Config) checkViewer(f *findings) {
	if c.Viewer == "" {
		return
	}
	if path, ok := c.viewerPath(); ok {
		f.path("Viewer", path, true)
		// sun_path holds 108 bytes on Linux and 104 on macOS, with the final NUL.
		if len(path) > 103 {
			f.add("Viewer", "use a path of at most 103 bytes, such as one in /tmp", "%d bytes are too long for a socket", len(path))
		}
		return
	}
	if addr, err := netip.ParseAddrPort(c.Viewer); err != nil || !addr.Addr().IsLoopback() || addr.Addr().Zone() != "" {
		f.add("Viewer", "write unix:/path/of/a/socket or 127.0.0.1:5901 (port 0 for a free one); reach it from elsewhere by an SSH tunnel",
			"%q is neither a socket nor a loopback address with a port", c.Viewer)
	}
}

// checkViewerPath finds what is in the way of the socket for viewers.
func (c *Config) checkViewerPath(f *findings) {
	path, ok := c.viewerPath()
	if !ok || path == "" {
		return
	}
	if dir := filepath.Dir(path); !isDir(dir) {
		f.add("Viewer", "create it, with a mode that lets only you in", "%q is not a directory", dir)
	} else if _, err := os.Lstat(path); err == nil {
		f.add("Viewer", "remove it, or choose another path", "%q exists", path)
	}
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// viewer is where people attach. This package listens itself and hands that to
// QEMU, which would remove a file that is in its way.
type viewer struct {
	address string // as Config.Viewer; with the port that was found, or an absolute path
	socket  string // the file to remove at the end; "" for none
	made    os.FileInfo
	file    *os.File // what listens; closed when QEMU has it
}

// listenViewer returns nil if nobody is to attach.
func (c *Config) listenViewer() (*viewer, error) {
	if c.Viewer == "" {
		return nil, nil
	}
	v := &viewer{}
	path, unix := c.viewerPath()
	var err error
	if unix {
		err = v.listenUnix(path)
	} else {
		v.file, v.address, err = listenTCP(c.Viewer)
	}
	if err != nil {
		v.close()
		return nil, &ConfigError{Field: "Viewer", Problem: err.Error(), Remedy: "choose another, or port 0 for a free one"}
	}
	return v, nil
}

func (v *viewer) listenUnix(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	v.address = "unix:" + path
	if v.file, err = listenUnix(path); err != nil {
		return err
	}
	v.socket = path
	v.made, err = os.Lstat(path)
	return err
}

// close stops listening in this program, and removes the file that was made.
// A nil viewer has nothing to close.
func (v *viewer) close() {
	if v == nil {
		return
	}
	if v.file != nil {
		v.file.Close()
	}
	if v.socket == "" {
		return
	}
	if now, err := os.Lstat(v.socket); err == nil && os.SameFile(now, v.made) {
		os.Remove(v.socket)
	}
}

// Viewer returns where a VNC viewer can attach, written as in [Config.Viewer]
// but with an absolute path, or the port that was found for port 0; "" if that
// is empty.
func (vm *VM) Viewer() string {
	if vm.viewer == nil {
		return ""
	}
	return vm.viewer.address
}

// admit lets QEMU serve the people who attach.
func (vm *VM) admit(ctx context.Context) error {
	v := vm.viewer
	if v == nil {
		return nil
	}
	err := vm.qmp.ExecuteFD(ctx, "getfd", map[string]any{"fdname": "viewer"}, v.file)
	if err == nil {
		// Other than in the command line, an address can be a descriptor here.
		args := map[string]any{"type": "vnc", "addresses": []any{map[string]any{"type": "fd", "str": "viewer"}}}
		err = vm.qmp.Execute(ctx, "display-update", args, nil)
	}
	return errors.Join(err, v.file.Close())
}
