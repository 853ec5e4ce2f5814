package qemu

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// connectedSocket returns a Unix socket that listens, and one that is connected
// to it. The path is their name for a moment, and may be longer than that of a
// socket: it is gone through its directory's descriptor.
func connectedSocket(path string) (listener, line *os.File, err error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	short := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	if listener, err = listenUnix(short); err != nil {
		return nil, nil, err
	}
	defer os.Remove(path)
	if line, err = connectUnix(short); err != nil {
		listener.Close()
		return nil, nil, err
	}
	return listener, line, nil
}

func connectUnix(path string) (*os.File, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "connect", Path: path, Err: err}
	}
	return f, nil
}

// maxFiles is how many files a virtiofsd may have open: it needs one for each
// that the guest knows, and may not raise the limit that this program has.
func maxFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0 // which leaves it as it is
	}
	return min(limit.Max, 1_000_000)
}

// Numbers of capabilities (capabilities(7)).
const (
	capSysChroot = 18
	capSysAdmin  = 21
)

// fsSandbox returns how virtiofsd is to be locked into the directory: by chroot
// where root may not make namespaces, as in many containers. Empty leaves it to
// virtiofsd, which makes namespaces.
func fsSandbox() string {
	caps := capabilities()
	if caps&(1<<capSysAdmin) == 0 && caps&(1<<capSysChroot) != 0 {
		return "chroot"
	}
	return ""
}

// capabilities returns what this process may do, a bit each.
func capabilities() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "\nCapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	caps, _ := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	return caps
}
