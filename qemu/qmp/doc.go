// Package qmp speaks the QEMU Machine Protocol, the JSON monitor of a running
// QEMU, over any [net.Conn].
//
//	conn, err := qmp.Dial(ctx, "unix", "/run/vm/qmp.sock")
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//
//	events := conn.Subscribe()
//	if err := conn.Execute(ctx, "cont", nil, nil); err != nil {
//		return err
//	}
//	for e := range events.C { // ends with the connection
//		if e.Name == "SHUTDOWN" {
//			break
//		}
//	}
//
// Every command carries an id and every reply is given to the command that it
// belongs to, so any number of goroutines may call Execute at once, and a
// reply that comes after its caller has gone is dropped. Events never wait for
// a reader: they queue per [Subscription], and the queue is bounded.
//
// What a server must not say (text that is not JSON, a reply to a command that
// was never sent) ends the connection with an error that quotes it: the state
// of such a peer is unknown and a caller should hear of it at once.
//
// Out-of-band execution is offered by QEMU and deliberately not enabled. With
// it QEMU reads commands ahead of the running one, which would part a file
// descriptor from the command that it was sent with.
package qmp
