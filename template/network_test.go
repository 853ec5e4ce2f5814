package template_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
	"github.com/bootscribe/bootscribe/template"
)

// ownAddress returns an address of this host that is not loopback's, or loopback's
// where there is none.
func ownAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, ok := a.(*net.IPNet); ok && p.IP.To4() != nil && !p.IP.IsLoopback() {
			return p.IP.String()
		}
	}
	return "127.0.0.1"
}

// TestNetwork goes through a tunnel of a template's machine, and fetches a file
// from where the template has it served: the first port of its range is in use.
func TestNetwork(t *testing.T) {
	t.Parallel()
	server, err := sshtest.Start(&sshtest.Config{Password: "secret", Exec: sshtest.Shell(t.TempDir()), Forward: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	_, port, _ := net.SplitHostPort(server.Addr)
	busy, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	first, tunnel := busy.Addr().(*net.TCPAddr).Port, freePort(t)
	own := ownAddress(t)
	seen := own // in the guest
	if own == "127.0.0.1" {
		seen = "10.0.2.2"
	}
	var c template.Config
	look(t, &c, func(ctx context.Context, g *imagebuild.Guest) error {
		if g.HTTPPort <= first || g.HTTPPort > first+50 {
			t.Errorf("the port is %d, with %d in use", g.HTTPPort, first)
		}
		for name, at := range map[string]string{"the address": net.JoinHostPort(own, strconv.Itoa(g.HTTPPort)), "the tunnel": fmt.Sprint("127.0.0.1:", tunnel)} {
			res, err := http.Get("http://" + at + "/a")
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if want := map[string]string{"the address": "from " + seen, "the tunnel": "through"}[name]; string(text) != want {
				t.Errorf("%s: %q, want %q", name, text, want)
			}
		}
		return nil
	})
	behind := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "through") })}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go behind.Serve(l)
	t.Cleanup(func() { behind.Close() })
	_, _, err = run(t, map[string]any{
		"iso_url": guest.CD(t, guest.Button), "output_directory": filepath.Join(t.TempDir(), "out"),
		"ssh_username": "root", "ssh_password": "secret", "ssh_port": port, "skip_nat_mapping": true,
		"ssh_ciphers": []string{"aes256-ctr"}, "ssh_key_exchange_algorithms": "curve25519-sha256",
		"ssh_local_tunnels": []string{fmt.Sprintf("%d:%s", tunnel, l.Addr())},
		"http_bind_address": own, "http_port_min": first, "http_port_max": min(first+50, 65535),
		"http_content": map[string]string{"/a": "from {{.HTTPIP}}"},
	}, map[string]any{"provisioners": []any{map[string]any{"type": "look"}}}, &c)
	if err != nil {
		t.Fatal(err)
	}
}
