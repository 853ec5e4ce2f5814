// Package sshtest runs an SSH server on the loopback interface, for testing
// programs that wait for a guest, run commands in it and copy files, without a
// guest. It speaks the real protocol, and misbehaves on request: it is late,
// silent, forgetful or gone.
//
//	server, err := sshtest.Start(&sshtest.Config{
//		Password: "secret",
//		Exec: func(ctx context.Context, call *sshtest.Call) int {
//			fmt.Fprintln(call.Stdout, "hello from", call.Line)
//			return 0
//		},
//	})
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	client, err := ssh.Dial(ctx, &ssh.Config{Addr: server.Addr, User: "root", Password: "secret"})
package sshtest
