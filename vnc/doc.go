// Package vnc is a machine's screen and keyboard over RFB, the protocol of
// VNC (RFC 6143), with the extensions that QEMU adds to it.
//
// [Dial] connects to a server and keeps a copy of its screen, which can be
// read at any time from any goroutine. Keys go out as QEMU's extended key
// events, which carry the physical key, where the server offers them, and as
// keysyms where it does not:
//
//	conn, err := vnc.Dial(ctx, "unix", "/run/vm/vnc.sock", nil)
//	if err != nil {
//		return err
//	}
//	defer conn.Close()
//
//	// The key marked A of a US keyboard, pressed and released in one write.
//	err = conn.Keys(
//		vnc.KeyEvent{Keysym: 'a', Code: 0x1e, Down: true},
//		vnc.KeyEvent{Keysym: 'a', Code: 0x1e},
//	)
//	if err != nil {
//		return err
//	}
//	if err := conn.Fence(ctx); err != nil { // the server has read them
//		return err
//	}
//
//	seq := conn.Seq()
//	for !bytes.Contains(look(conn.Screen()), []byte("login:")) {
//		if seq, err = conn.WaitUpdate(ctx, seq); err != nil {
//			return err
//		}
//	}
//
// A server is not trusted: whatever it says is checked and capped, and it
// can end the connection, which [Conn.Err] explains, but nothing else.
// A connection uses one goroutine and two frames of memory. It calls nothing
// back, logs nothing, and keeps no queue, so that a caller who never looks at
// the screen costs no memory.
//
// Package vnctest is a server for tests.
package vnc
