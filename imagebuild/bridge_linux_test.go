package imagebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/internal/guest"
	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/internal/typeguest"
	"github.com/bootscribe/bootscribe/qemu"
	"github.com/bootscribe/bootscribe/ssh/sshtest"
	"github.com/bootscribe/bootscribe/winrm/winrmtest"
)

// A network of the test's own with a bridge, which QEMU's helper may use. /etc
// is another there, in memory, since the helper reads its rules from it.
const bridged = `set -e
work=$1 && shift
mount -t tmpfs none "$work"
mkdir "$work/upper" "$work/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$work/upper,workdir=$work/work" overlay /etc
mkdir -p /etc/qemu
echo allow br0 >/etc/qemu/bridge.conf
ip link set lo up
ip link add br0 type bridge
ip addr add 10.77.0.1/24 dev br0
ip addr add fd77::1/64 dev br0 nodad
ip link set br0 up
: >/dev/net/tun
exec "$@"`

// onBridge runs the test in a network of its own, and reports whether it is
// there.
func onBridge(t *testing.T) bool {
	t.Helper()
	const there = "IMAGEBUILD_TEST_BRIDGE"
	if os.Getenv(there) != "" {
		return true
	}
	need.Tool(t, "qemu-system-x86_64")
	unshare := need.Tool(t, "unshare")
	need.Tool(t, "ip")
	inside := func(args ...string) ([]byte, error) {
		cmd := exec.Command(unshare, append([]string{"-n", "-m", "sh", "-c", bridged, "sh", t.TempDir()}, args...)...)
		cmd.Env = append(os.Environ(), there+"=1")
		return cmd.CombinedOutput()
	}
	if out, err := inside("true"); err != nil {
		t.Skipf("needs the right to make networks in a namespace of its own, and /dev/net/tun; in CI too, where no package brings it: %s", out)
	}
	out, err := inside(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	if err != nil || !bytes.Contains(out, []byte("--- PASS")) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// fetchByIPXE makes a build whose guest, iPXE on the bridge, is typed to, takes
// an address and fetches a file.
func fetchByIPXE(t *testing.T, name, addr string, then func(context.Context, *Guest) error) *Build {
	t.Helper()
	medium, err := typeguest.IPXE()
	if err != nil {
		need.Skip(t, err.Error())
	}
	typed := TypeFunc(func(v Vars) string {
		return `<wait "initialising devices...ok"><leftCtrlOn>b<leftCtrlOff><wait "iPXE>">` +
			"ifopen net0<enter>set net0/ip " + addr + "<enter>set net0/netmask 255.255.255.0<enter>" +
			"imgfetch " + v.URL + "/" + v.Name + ".txt<enter>"
	})
	b, _ := newBuild(t, guest.Button, typed, WaitFetch("/"+name+".txt"), do("look", then))
	b.Name, b.Media.URLs = name, []string{medium}
	b.VM.NICs, b.VM.Memory = []qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0"}}, 128
	b.Templates = httpserve.Text{name + ".txt": "{{.HTTPIP}}"}
	b.SSH.User = "root"
	return b
}

// Two guests on a bridge fetch their files at the bridge's address, and are
// found by the hardware addresses that they have without being given any.
func TestBridge(t *testing.T) {
	if !onBridge(t) {
		return
	}
	failed := make(chan error, 2)
	names, addrs := []string{"first", "second"}, []string{"10.77.0.2", "10.77.0.3"}
	together := make(chan string, 2)
	for i := range names {
		b := fetchByIPXE(t, names[i], addrs[i], func(ctx context.Context, g *Guest) error {
			together <- g.run.b.bridgedMAC()
			for len(together) < cap(together) && ctx.Err() == nil {
				time.Sleep(20 * time.Millisecond) // until both are there
			}
			at, err := g.SSHAddr(ctx)
			if at != addrs[i]+":22" || g.HTTPIP != "10.77.0.1" || err != nil {
				t.Errorf("the guest is at %s and finds us at %s: %v", at, g.HTTPIP, err)
			}
			if conn, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(g.HTTPPort)), time.Second); err == nil {
				conn.Close()
				t.Error("the files are served at another address too")
			}
			return errSeen
		})
		go func() {
			_, err := b.Run(soon(t))
			failed <- err
		}()
	}
	for range names {
		if err := <-failed; !errors.Is(err, errSeen) {
			t.Error(err)
		}
	}
	if t.Failed() {
		return
	}
	if a, b := <-together, <-together; a == b {
		t.Errorf("both cards are %s", a)
	}
}

// The test binary plays another computer.
func init() {
	if addr := os.Getenv("IMAGEBUILD_TEST_PEER"); addr != "" {
		os.Exit(playPeer(addr))
	}
}

// playPeer is a computer on the bridge, whose sshd lets everybody in. Its
// network card is v1 when it comes.
func playPeer(addr string) int {
	fail := func(err error) int {
		fmt.Println(err)
		return 1
	}
	for {
		if _, err := net.InterfaceByName("v1"); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	setup := "set -e; ip link set lo up; ip addr add " + addr + "/24 dev v1; ip link set v1 up"
	if out, err := exec.Command("sh", "-c", setup).CombinedOutput(); err != nil {
		return fail(fmt.Errorf("%w: %s", err, out))
	}
	server, err := sshtest.Start(&sshtest.Config{Exec: sshtest.Shell("/")})
	if err != nil {
		return fail(err)
	}
	if err := playWindows(); err != nil {
		return fail(err)
	}
	l, err := net.Listen("tcp", ":2022")
	if err != nil {
		return fail(err)
	}
	if conn, err := net.DialTimeout("tcp", "10.77.0.1:9", time.Minute); err == nil {
		conn.Close() // that it is refused is good enough: it was heard
	}
	fmt.Println("ready")
	for {
		conn, err := l.Accept()
		if err != nil {
			return fail(err)
		}
		to, err := net.Dial("tcp", server.Addr)
		if err != nil {
			return fail(err)
		}
		go func() { io.Copy(to, conn); to.Close() }()
		go func() { io.Copy(conn, to); conn.Close() }()
	}
}

// playWindows lets everybody in by WinRM, too.
func playWindows() error {
	l, err := net.Listen("tcp", ":5985")
	if err != nil {
		return err
	}
	_, err = winrmtest.Start(&winrmtest.Config{Listener: l, Exec: (&winrmtest.Guest{Dir: "/"}).Exec})
	return err
}

// peer starts a computer on the bridge with that hardware address.
func peer(t *testing.T, mac, addr string) {
	t.Helper()
	sh := func(script string) {
		t.Helper()
		if out, err := exec.Command("sh", "-ec", script).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", script, err, out)
		}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "IMAGEBUILD_TEST_PEER="+addr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	sh("ip link add v0 master br0 type veth peer name v1 address " + mac + "; ip link set v0 up; ip link set v1 netns " + strconv.Itoa(cmd.Process.Pid))
	said := make([]byte, 100)
	n, _ := out.Read(said)
	if string(said[:n]) != "ready\n" {
		t.Fatalf("the other computer says %q", said[:n])
	}
}

// The guest's sshd is found on the bridge, though the card once had another
// address, and is another's beside it.
func TestBridgeSSH(t *testing.T) {
	if !onBridge(t) {
		return
	}
	var said string
	b, _ := newBuild(t, guest.Button, ready(), WaitSSH(), do("run", func(ctx context.Context, g *Guest) error {
		client, err := g.SSH(ctx)
		if err != nil {
			return err
		}
		out, err := client.Output(ctx, "ip -o -4 addr show dev v1")
		said = string(out)
		if at, err := g.SSHAddr(ctx); at != "10.77.0.9:2022" || err != nil {
			t.Errorf("the guest is at %s: %v", at, err)
		}
		return err
	}))
	const mac = "52:54:00:aa:bb:cc"
	// The machine has the card, and does nothing with it; the other computer
	// stands for the system that would.
	b.VM.NICs = []qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0", MAC: strings.ToUpper(mac)}}
	b.SSH.User, b.SSHPort = "root", 2022
	old := "ip neigh add 10.77.0.5 lladdr " + mac + " dev br0 nud stale; ip neigh add 10.77.0.6 lladdr 52:54:00:aa:bb:cd dev br0 nud stale"
	if out, err := exec.Command("sh", "-ec", old).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	peer(t, mac, "10.77.0.9")
	if _, err := b.Run(soon(t)); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said, "10.77.0.9") {
		t.Errorf("the commands ran where the addresses are %q", said)
	}
}

// A guest's WinRM is found on the bridge as its sshd is.
func TestBridgeWinRM(t *testing.T) {
	if !onBridge(t) {
		return
	}
	const mac = "52:54:00:aa:bb:cd"
	b, r := newBuild(t, guest.Button, ready(), WaitWinRM(), CommandLine("ip -o -4 addr show dev v1"), do("look", func(ctx context.Context, g *Guest) error {
		if at, err := g.WinRMAddr(ctx); at != "10.77.0.8:5985" || err != nil {
			t.Errorf("the guest is at %s: %v", at, err)
		}
		return nil
	}))
	b.VM.NICs = []qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0", MAC: mac}}
	b.WinRM.User, b.WinRM.Password = "root", "secret"
	peer(t, mac, "10.77.0.8")
	if _, err := b.Run(soon(t)); err != nil {
		t.Error(err)
	}
	if said := outputs(r); !strings.Contains(said, "10.77.0.8") {
		t.Errorf("the command ran where the addresses are %q", said)
	}
}

// Where files are served, and what that is called in the guest.
func TestBridgeHTTP(t *testing.T) {
	if !onBridge(t) {
		return
	}
	on := []qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br0"}}
	type want struct{ Addr, Host, Err string }
	for name, tt := range map[string]struct {
		nics []qemu.NIC
		http HTTP
		want want
	}{
		"a bridge":          {on, HTTP{}, want{"10.77.0.1", "10.77.0.1", ""}},
		"by IPv6":           {on, HTTP{IPv6: true}, want{"fd77::1", "fd77::1", ""}},
		"all addresses":     {on, HTTP{Addr: "0.0.0.0"}, want{"0.0.0.0", "10.77.0.1", ""}},
		"all, by IPv6":      {on, HTTP{Addr: "::", IPv6: true}, want{"::", "fd77::1", ""}},
		"loopback":          {on, HTTP{Addr: "127.0.0.1"}, want{"", "", "no guest on the bridge br0 can reach 127.0.0.1"}},
		"another name":      {on, HTTP{Addr: "127.0.0.1", Host: "proxy"}, want{"127.0.0.1", "proxy", ""}},
		"no bridge":         {[]qemu.NIC{{Mode: qemu.NetBridge, Bridge: "br9"}}, HTTP{}, want{"", "", `no network interface "br9"`}},
		"an interface":      {nil, HTTP{Interface: "br0"}, want{"10.77.0.1", "10.77.0.1", ""}},
		"without addresses": {nil, HTTP{Interface: "v9"}, want{"", "", `"v9" has no IPv4 address`}},
	} {
		if name == "without addresses" {
			if out, err := exec.Command("ip", "link", "add", "v9", "type", "bridge").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		b := &Build{VM: qemu.Config{NICs: tt.nics}, HTTP: tt.http, Files: fstest.MapFS{}}
		var got want
		listener, host, err := b.listen()
		if err == nil {
			got = want{listener.Addr().(*net.TCPAddr).IP.String(), host, ""}
			listener.Close()
		}
		if invalid := b.validateHTTP(); (invalid == nil) != (err == nil) {
			t.Errorf("%s: %v is not %v", name, invalid, err)
		}
		if err != nil && tt.want.Err != "" && strings.Contains(err.Error(), tt.want.Err) {
			got.Err = tt.want.Err
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// A card that has had several addresses has the one that was heard of last.
func TestInOrder(t *testing.T) {
	old, stale, now := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1%br0"), netip.MustParseAddr("10.0.0.2")
	got := inOrder([]neighbour{{old, time.Hour}, {now, time.Second}, {stale, time.Minute}})
	if !slices.Equal(got, []netip.Addr{now, stale, old}) {
		t.Error(got)
	}
}
