// Package vnctest is a VNC server for tests: a boot sequence can be tried
// against it without a virtual machine. It speaks RFB 3.8 on a real socket
// or a pipe, records the keys and the pointer, and shows the pictures that
// the test gives it:
//
//	srv, err := vnctest.NewServer(&vnctest.Config{Screen: menu})
//	if err != nil {
//		t.Fatal(err)
//	}
//	defer srv.Close()
//
//	go boot(ctx, srv.Addr()) // the code under test
//	if err := srv.WaitTyped(ctx, "<esc>"); err != nil {
//		t.Fatal(err)
//	}
//	srv.SetScreen(prompt)
//	if err := srv.WaitTyped(ctx, "<esc>install<enter>"); err != nil {
//		t.Fatal(err)
//	}
//
// It behaves as QEMU does: extended key events, a LED state, and an
// acknowledgement of every SetEncodings, each of which can be left out.
package vnctest
