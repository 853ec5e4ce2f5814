package ssh_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

// guest stands in for a virtual machine.
func guest(exec func(context.Context, *sshtest.Call) int) *sshtest.Server {
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Exec: exec})
	if err != nil {
		panic(err)
	}
	return server
}

func ExampleWait() {
	server := guest(func(_ context.Context, call *sshtest.Call) int {
		fmt.Fprintf(call.Stdout, "%s was asked for %q\n", call.User, call.Line)
		return 0
	})
	defer server.Close()

	ctx := context.Background()
	client, err := ssh.Wait(ctx, &ssh.Config{Addr: server.Addr, User: "root", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	if err := client.Run(ctx, &ssh.Command{Line: "uname -a", Stdout: os.Stdout}); err != nil {
		fmt.Println(err)
	}
	// Output: root was asked for "uname -a"
}

func ExampleClient_Run_failure() {
	server := guest(func(_ context.Context, call *sshtest.Call) int {
		fmt.Fprintln(call.Stderr, "no such package")
		return 100
	})
	defer server.Close()

	ctx := context.Background()
	client, err := ssh.Dial(ctx, &ssh.Config{Addr: server.Addr, User: "root", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	err = client.Run(ctx, &ssh.Command{Line: "apt-get install -y nonesuch"})
	var exit *ssh.ExitError
	var lost *ssh.LostError
	switch {
	case errors.As(err, &exit):
		fmt.Println("it ended with", exit.Status)
	case errors.As(err, &lost):
		fmt.Println("nobody knows how it ended")
	}
	fmt.Println(err)
	// Output:
	// it ended with 100
	// ssh: run "apt-get install -y nonesuch": exit status 100: no such package
}

func ExampleWaiter() {
	server := guest(nil)
	defer server.Close()

	w := &ssh.Waiter{Config: &ssh.Config{Addr: server.Addr, User: "root", Password: "wrong", MaxAuthFailures: 1}}
	_, err := w.Wait(context.Background())
	var refused *ssh.DialError
	if errors.As(err, &refused) {
		fmt.Println(refused.Reason, refused.Offered)
	}
	// Output: login refused [password]
}

func ExampleCommand_script() {
	server := guest(sshtest.Shell(""))
	defer server.Close()

	ctx := context.Background()
	client, err := ssh.Dial(ctx, &ssh.Config{Addr: server.Addr, User: "root", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	err = client.Run(ctx, &ssh.Command{
		Line:   "sh -es",
		Env:    map[string]string{"NAME": "it's me"},
		Stdin:  strings.NewReader("for i in 1 2; do\n  echo \"$i $NAME\"\ndone\n"),
		Stdout: os.Stdout,
	})
	fmt.Println(err)
	// Output:
	// 1 it's me
	// 2 it's me
	// <nil>
}

func ExampleQuote() {
	fmt.Println(ssh.Quote("mv", "it's here", "$HOME"))
	// Output: 'mv' 'it'\''s here' '$HOME'
}
