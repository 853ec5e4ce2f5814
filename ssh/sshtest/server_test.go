package sshtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/ssh"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
)

func Example() {
	server, err := sshtest.Start(&sshtest.Config{
		Password: "secret",
		Exec: func(_ context.Context, call *sshtest.Call) int {
			fmt.Fprintln(call.Stdout, "ran", call.Line)
			return 3
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	ctx := context.Background()
	client, err := ssh.Dial(ctx, &ssh.Config{Addr: server.Addr, User: "root", Password: "secret"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	out, err := client.Output(ctx, "reboot")
	fmt.Printf("%s%v\n", out, err)
	// Output:
	// ran reboot
	// ssh: run "reboot": exit status 3
}

// A guest whose sshd comes up late: the port answers, but nobody is there yet.
func ExampleServer_SetFault() {
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Fault: sshtest.CloseAtOnce})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	client, err := ssh.Wait(context.Background(), &ssh.Config{
		Addr: server.Addr, User: "root", Password: "secret", RetryInterval: time.Millisecond,
		Observe: func(e ssh.Event) {
			if failed, ok := e.(ssh.AttemptFailed); ok && failed.Attempt == 1 {
				fmt.Println("at first:", errors.Is(failed.Err, context.Canceled), server.Logins())
				server.SetFault(sshtest.None)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println("then:", server.Logins())
	// Output:
	// at first: false 0
	// then: 1
}

// TestDirIsAll: nothing outside Dir can be reached by SFTP.
func TestDirIsAll(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "dir")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(outer, "secret"), []byte("x"), 0o600), os.Symlink("../secret", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	server, err := sshtest.Start(&sshtest.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := ssh.Dial(t.Context(), &ssh.Config{Addr: server.Addr, User: "u", Password: "any"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, name := range []string{"../secret", "/../secret", "link", filepath.Join(outer, "secret")} {
		if err := client.Download(t.Context(), name, filepath.Join(t.TempDir(), "x"), nil); err == nil {
			t.Errorf("%s was served", name)
		}
	}
}

// TestRunWritten: what a client has written can be run at once, whatever else this
// program starts meanwhile.
func TestRunWritten(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	for range 4 {
		others.Go(func() {
			for ctx.Err() == nil {
				_ = exec.Command("true").Run()
			}
		})
	}
	defer others.Wait()
	defer cancel()
	dir := t.TempDir()
	server, err := sshtest.Start(&sshtest.Config{Dir: dir, Exec: sshtest.Shell(dir)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := ssh.Dial(t.Context(), &ssh.Config{Addr: server.Addr, User: "u", Password: "any"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	script := filepath.Join(t.TempDir(), "s.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 40 {
		if err := client.Upload(t.Context(), script, "s.sh", nil); err != nil {
			t.Fatal(err)
		}
		if err := client.Run(t.Context(), &ssh.Command{Line: "chmod +x s.sh && ./s.sh"}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseWithClients: Close ends clients in every state, twice.
func TestCloseWithClients(t *testing.T) {
	for _, fault := range []sshtest.Fault{sshtest.None, sshtest.Silent, sshtest.Drip, sshtest.VersionOnly, sshtest.Flood, sshtest.BlackHole} {
		server, err := sshtest.Start(&sshtest.Config{Fault: fault})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", server.Addr)
		if err != nil {
			t.Fatal(err)
		}
		for server.Accepted() == 0 {
			time.Sleep(time.Millisecond)
		}
		ended := make(chan struct{})
		go func() {
			server.Close()
			server.Close()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Errorf("fault %d: Close hangs", fault)
		}
		conn.Close()
	}
}

func TestStartBadKey(t *testing.T) {
	if _, err := sshtest.Start(&sshtest.Config{AuthorizedKeys: []string{"no key"}}); err == nil {
		t.Error("no error")
	}
}
