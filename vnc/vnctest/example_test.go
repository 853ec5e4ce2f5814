package vnctest_test

import (
	"context"
	"fmt"
	"image"
	"log"
	"strings"

	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

// A boot loader of a few lines: Escape leaves the menu for a prompt, which
// is a picture of another size.
func Example() {
	menu, prompt := image.NewRGBA(image.Rect(0, 0, 640, 480)), image.NewRGBA(image.Rect(0, 0, 720, 400))
	srv, err := vnctest.NewServer(&vnctest.Config{
		Screen: menu,
		OnKey: func(srv *vnctest.Server, _ vnctest.Key) {
			if strings.HasSuffix(srv.Typed(), "<esc>") {
				srv.SetScreen(prompt)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	if err := boot(context.Background(), srv.Addr()); err != nil {
		log.Fatal(err)
	}
	if err := srv.WaitTyped(context.Background(), "<esc>hi<enter>"); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.Typed())
	// Output: <esc>hi<enter>
}

// boot is the code under test.
func boot(ctx context.Context, addr string) error {
	conn, err := vnc.Dial(ctx, "tcp", addr, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	press := func(keysym uint32, code uint16) error {
		return conn.Keys(vnc.KeyEvent{Keysym: keysym, Code: code, Down: true}, vnc.KeyEvent{Keysym: keysym, Code: code})
	}
	if err := press(0xff1b, 0x01); err != nil {
		return err
	}
	for seq := uint64(0); ; {
		if w, _ := conn.Size(); w == 720 {
			break
		}
		if seq, err = conn.WaitUpdate(ctx, seq); err != nil {
			return err
		}
	}
	for _, key := range []struct {
		keysym uint32
		code   uint16
	}{{'h', 0x23}, {'i', 0x17}, {0xff0d, 0x1c}} {
		if err := press(key.keysym, key.code); err != nil {
			return err
		}
	}
	return conn.Fence(ctx)
}
