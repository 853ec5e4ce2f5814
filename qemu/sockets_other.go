//go:build !unix

package qemu

import (
	"errors"
	"net"
	"os"
	"syscall"
)

var terminate os.Signal = os.Kill

func processAttr() *syscall.SysProcAttr { return nil }

func endSignal(*os.ProcessState) string { return "" }

var errNoMachines = errors.New("running machines is not supported on this system yet")

func listenUnix(string) (*os.File, error)        { return nil, errNoMachines }
func listenTCP(string) (*os.File, string, error) { return nil, "", errNoMachines }

// socketPair is what this package lacks on Windows: QEMU there can neither
// inherit a socket nor be handed one, so it needs loopback TCP with passwords.
func socketPair(string) (net.Conn, *os.File, error) {
	return nil, nil, errNoMachines
}

func filePair(string) (a, b *os.File, err error) { return nil, nil, errNoMachines }

func makeFIFO(string) error                  { return errNoMachines }
func openFIFO(string, int) (*os.File, error) { return nil, errNoMachines }
