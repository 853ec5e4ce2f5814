package qemu

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// viewerPath returns the path of the socket for viewers, if it is one.
func (c *Config) viewerPath() (path string, ok bool) { return strings.CutPrefix(c.Viewer, "unix:") }

func (c *Config) checkViewer(f *findings) {
	if c.Viewer == "" {
		return
	}
	if path, ok := c.viewerPath(); ok {
		f.socketPath("Viewer", path)
		return
	}
	addr, last, ok := c.viewerPorts()
	switch {
	case !ok || !addr.Addr().IsLoopback() || addr.Addr().Zone() != "":
		f.add("Viewer", "write unix:/path/of/a/socket or 127.0.0.1:5901 (port 0 for a free one); reach it from elsewhere by an SSH tunnel",
			"%q is neither a socket nor a loopback address with a port", c.Viewer)
	case last < addr.Port() || addr.Port() == 0 && last != 0:
		f.add("Viewer", "write the lower port first, as in 127.0.0.1:5900-5910", "%q is not a range of ports", c.Viewer)
	}
}

// viewerPorts returns an address with the first port for viewers, and the last.
func (c *Config) viewerPorts() (first netip.AddrPort, last uint16, ok bool) {
	text, end, ranged := strings.Cut(c.Viewer, "-")
	first, err := netip.ParseAddrPort(text)
	if err != nil {
		return first, 0, false
	}
	if !ranged {
		return first, first.Port(), true
	}
	n, err := strconv.ParseUint(end, 10, 16)
	return first, uint16(n), err == nil
}

// checkViewerPath finds what is in the way of the socket for viewers.
func (c *Config) checkViewerPath(f *findings) {
	path, ok := c.viewerPath()
	if !ok || path == "" {
		return
	}
	f.freeSocket("Viewer", path)
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// viewer is where people attach.
type viewer struct {
	address string      // as Config.Viewer; with the port that was found, or an absolute path
	socket  *socketFile // nil for a port
	file    *os.File    // what listens; closed when QEMU has it
}

// listenViewer returns nil if nobody is to attach.
func (c *Config) listenViewer() (*viewer, error) {
	if c.Viewer == "" {
		return nil, nil
	}
	v := &viewer{}
	path, unix := c.viewerPath()
	var err error
	if !unix {
		v.file, v.address, err = c.listenPort()
	} else if v.socket, err = listenSocket(path); err == nil {
		v.file, v.address = v.socket.file, "unix:"+v.socket.path
	}
	if err != nil {
		return nil, &ConfigError{Field: "Viewer", Problem: err.Error(), Remedy: "choose another, or port 0 for a free one"}
	}
	return v, nil
}

// listenPort listens on the first port for viewers that is free.
func (c *Config) listenPort() (f *os.File, address string, err error) {
	first, last, _ := c.viewerPorts()
	for port := int(first.Port()); port <= int(last); port++ {
		f, address, err = listenTCP(netip.AddrPortFrom(first.Addr(), uint16(port)).String())
		if err == nil {
			break
		}
	}
	return f, address, err
}

// close stops listening in this program, and removes the file that was made.
// A nil viewer has nothing to close.
func (v *viewer) close() {
	if v != nil {
		v.file.Close()
		v.socket.close()
	}
}

// Viewer returns where a VNC viewer can attach, written as in [Config.Viewer]
// but with an absolute path, or the port that was found; "" if that is empty.
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
