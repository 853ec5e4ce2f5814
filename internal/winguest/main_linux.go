// Winguest is the only process of a Linux guest of the tests, which does as if it
// were Windows with WinRM: see typeguest.WinRM.
package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

func main() {
	if err := serve(); err != nil {
		fmt.Println("winguest:", err)
	}
	select {} // a kernel whose first process ends panics
}

func serve() error {
	l, err := net.Listen("tcp", ":5985")
	if err != nil {
		return err
	}
	var server *winrmtest.Server
	guest := &winrmtest.Guest{Dir: "/", BootID: bootID, Shutdown: func(line string) { go shutdown(server, line) }}
	server, err = winrmtest.Start(&winrmtest.Config{Listener: l, User: "root", Password: "secret", NTLM: true, Exec: guest.Exec})
	fmt.Println("winguest: ready")
	return err
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}

// shutdown does what the command shutdown is to do once it has ended.
func shutdown(server *winrmtest.Server, line string) {
	for open := 1; open > 0; open, _ = server.Shells() {
		time.Sleep(10 * time.Millisecond)
	}
	how := syscall.LINUX_REBOOT_CMD_POWER_OFF
	if strings.Contains(line, "/r") {
		how = syscall.LINUX_REBOOT_CMD_RESTART
	}
	_ = exec.Command("sync").Run()
	fmt.Println("winguest:", syscall.Reboot(how))
}
