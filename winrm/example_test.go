package winrm_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/bootscribe/bootscribe/winrm"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

func Example() {
	// A server of this host stands for the guest.
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	server, err := winrmtest.Start(&winrmtest.Config{Password: "secret", NTLM: true, Exec: (&winrmtest.Guest{Dir: dir}).Exec})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := winrm.Wait(ctx, &winrm.Config{Addr: server.Addr, User: "root", Password: "secret", NTLM: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = client.Run(ctx, &winrm.Command{Line: "echo hello", Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		fmt.Println(err)
	}
	// Output: hello
}
