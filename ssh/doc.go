// Package ssh reaches a guest that is still booting: it waits until the guest's
// sshd really answers and lets us in, runs commands, copies files, and finds
// the guest again after a reboot.
//
//	key, err := ssh.NewKey() // its AuthorizedKey goes into the answer file
//	if err != nil {
//		return err
//	}
//	client, err := ssh.Wait(ctx, &ssh.Config{Addr: "127.0.0.1:2222", User: "root", Keys: []*ssh.Key{key}})
//	if err != nil {
//		return err // says what was met on the way: refused, silent, login refused…
//	}
//	defer client.Close()
//	if err := client.Upload(ctx, "setup.sh", "/tmp/setup.sh", nil); err != nil {
//		return err
//	}
//	return client.Run(ctx, &ssh.Command{Line: "sh /tmp/setup.sh", Stdout: os.Stdout, Stderr: os.Stderr})
//
// That a port accepts connections means nothing: a port forward of QEMU accepts
// them before there is a guest. So every attempt has one deadline from the
// first packet to the login, is made alone, and its failure is classified by
// how far it came (a [Reason]). A [Waiter] says at any time what it has met.
//
// The guest is not trusted. It cannot hang a call beyond its context, end a
// command with success that did not report status 0, write outside the
// directory of a download, or send without end. The user's ssh agent is neither
// asked nor forwarded unless Config.UseAgent is set, and then only asked.
//
// A context bounds the call that it is passed to. A [Client] lives until
// [Client.Close], which waits for its goroutines.
//
// Package sshtest has a server for tests.
package ssh
