package vnc_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/bootscribe/bootscribe/vnc"
	"github.com/bootscribe/bootscribe/vnc/vnctest"
)

func ExampleDial() {
	srv, err := vnctest.NewServer(nil) // or QEMU, with -vnc unix:/run/vm/vnc.sock,key-delay-ms=0
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	ctx := context.Background()

	conn, err := vnc.Dial(ctx, srv.Network(), srv.Addr(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	err = conn.Keys(
		vnc.KeyEvent{Keysym: 0xffe1, Code: 0x2a, Down: true}, // Shift
		vnc.KeyEvent{Keysym: 'A', Code: 0x1e, Down: true},
		vnc.KeyEvent{Keysym: 'A', Code: 0x1e},
		vnc.KeyEvent{Keysym: 0xffe1, Code: 0x2a},
	)
	if err != nil {
		log.Fatal(err)
	}
	if err := conn.Fence(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := conn.WaitUpdate(ctx, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(srv.Typed(), conn.Screen().Bounds().Size())
	// Output: A (640,480)
}

func ExampleAuthError() {
	srv, err := vnctest.NewServer(&vnctest.Config{Password: "sesame"})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	_, err = vnc.Dial(context.Background(), "tcp", srv.Addr(), &vnc.Config{Password: "please"})
	var auth *vnc.AuthError
	if errors.As(err, &auth) {
		fmt.Println(auth)
	}
	// Output: the server refused the password: "Authentication failed": check Config.Password
}

func ExampleConn_WaitLEDs() {
	srv, err := vnctest.NewServer(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	ctx := context.Background()
	conn, err := vnc.Dial(ctx, "tcp", srv.Addr(), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	leds, changes, err := conn.WaitLEDs(ctx, 0) // the state at first
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(leds)
	srv.SetLEDs(uint8(vnc.NumLock)) // what a guest does when it reads the key
	if leds, _, err = conn.WaitLEDs(ctx, changes); err != nil {
		log.Fatal(err)
	}
	fmt.Println(leds)
	// Output:
	// none
	// NumLock
}
