package imagebuild

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
)

// errSeen ends a build that has shown what was to be seen.
var errSeen = errors.New("seen")

// The last port of a range counts, and one that is not free is passed over.
func TestHTTPPorts(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := busy.Addr().(*net.TCPAddr).Port
	b := &Build{Files: fstest.MapFS{}, HTTP: HTTP{PortMin: port, PortMax: port}}
	if _, _, err := b.listen(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Error(err)
	}
	for b.HTTP.PortMax++; b.HTTP.PortMax < port+20; b.HTTP.PortMax++ {
		listener, host, err := b.listen()
		if err != nil {
			continue // another program has it
		}
		defer listener.Close()
		if got := listener.Addr().(*net.TCPAddr).Port; got != b.HTTP.PortMax || host != "10.0.2.2" {
			t.Errorf("%s:%d with ports from %d to %d", host, got, port, b.HTTP.PortMax)
		}
		// Now none of them is free.
		if _, _, err := b.listen(); err == nil || !strings.Contains(err.Error(), "none of the ports from ") {
			t.Error(err)
		}
		return
	}
	t.Skip("20 ports in a row are in use")
}

// A guest on the user network fetches a file by IPv6, and by an address of this
// host.
func TestHTTPAddresses(t *testing.T) {
	t.Parallel()
	medium, err := typeguest.IPXE()
	if err != nil {
		need.Skip(t, err.Error())
	}
	for name, tt := range map[string]struct {
		http HTTP
		host string
	}{
		"by IPv6":       {HTTP{IPv6: true}, "fec0::2"},
		"all addresses": {HTTP{Addr: "0.0.0.0"}, "10.0.2.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fetch := TypeFunc(func(v Vars) string {
				return `<wait "initialising devices...ok"><leftCtrlOn>b<leftCtrlOff><wait "iPXE>">ifconf net0<enter><wait "Configuring[^>]*iPXE>">imgfetch ` + v.URL + "/file<enter>"
			})
			b, _ := newBuild(t, guest.Button, fetch, WaitFetch("/file"), do("look", func(_ context.Context, g *Guest) error {
				if g.HTTPIP != tt.host {
					t.Errorf("the guest finds us at %s", g.HTTPIP)
				}
				return errSeen
			}))
			b.Media.URLs, b.VM.Memory, b.HTTP = []string{medium}, 128, tt.http
			b.Templates = httpserve.Text{"file": "{{.URL}}"}
			if _, err := b.Run(soon(t)); !errors.Is(err, errSeen) {
				t.Error(err)
			}
		})
	}
}
