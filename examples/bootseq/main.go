// Bootseq starts an unattended installation on a machine that something else
// runs, such as another hypervisor or a server's remote console: all it has is
// the address of the machine's VNC server. It waits for the boot menu, types
// the boot command, and serves the answer file until it was fetched.
//
//	bootseq -vnc 192.0.2.7:5900 -listen 192.0.2.1:8000 -answers preseed.cfg
//
// What it is an example of is its test: the sequence is tried against a VNC
// server of package vnctest that plays the machine, in milliseconds and without
// a virtual machine, as a program's own CI would do it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/vnc"
)

func main() {
	addr := flag.String("vnc", "127.0.0.1:5900", "the machine's VNC server")
	password := flag.String("password", os.Getenv("VNC_PASSWORD"), "its password (default: $VNC_PASSWORD)")
	listen := flag.String("listen", "", "the address and port to serve the answer file on, which the machine can reach (default: loopback)")
	host := flag.String("host", "", "what the machine calls this host (default: the address of -listen)")
	answers := flag.String("answers", "preseed.cfg", "the answer file")
	interval := flag.Duration("interval", 20*time.Millisecond, "a pause after each key event")
	timeout := flag.Duration("timeout", 10*time.Minute, "how long it may take")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bootseq: unknown argument %q; all is said by flags, see -h\n", flag.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	if err := run(ctx, *addr, *password, *listen, *host, *answers, *interval); err != nil {
		fmt.Fprintln(os.Stderr, "bootseq:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, password, listen, host, answers string, interval time.Duration) error {
	text, err := os.ReadFile(answers)
	if err != nil {
		return err
	}
	files, err := httpserve.Start(ctx, listen, &httpserve.Config{
		Files:         httpserve.Text{answerFile: string(text)},
		AllowRoutable: listen != "",
		Observe:       func(r httpserve.Request) { fmt.Println("the machine:", r) },
	})
	if err != nil {
		return err
	}
	defer files.Close()
	conn, err := vnc.Dial(ctx, "tcp", addr, &vnc.Config{Password: password})
	if err != nil {
		return err
	}
	defer conn.Close()
	url := files.URL()
	if host != "" {
		url = files.URLFor(host)
	}
	s := sequence{Conn: conn, Files: files, URL: url, Interval: interval, Say: say}
	return s.Run(ctx)
}

func say(what string) { fmt.Println(time.Now().Format(time.TimeOnly), what) }
