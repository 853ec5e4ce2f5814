package httpserve_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/bootscribe/bootscribe/httpserve"
)

// An answer file is rendered before the machine starts, and its fetch is
// something to wait for.
func Example() {
	ctx := context.Background()
	srv, err := httpserve.Start(ctx, "", &httpserve.Config{
		Templates: httpserve.Text{"preseed.cfg": "d-i passwd/username string {{.User}}\n"},
		Data:      map[string]string{"User": "builder"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	resp, err := http.Get(srv.URL() + "/preseed.cfg") // the guest does this
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Print(string(body))

	request, err := srv.WaitFetch(ctx, "/preseed.cfg")
	fmt.Println(request, err)
	// Output:
	// d-i passwd/username string builder
	// "GET" "/preseed.cfg": 200, 35 bytes <nil>
}

// A template that names the server's own address needs the listener first.
func ExampleServe() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	token := rand.Text()
	url := fmt.Sprintf("http://10.0.2.2:%d/%s", ln.Addr().(*net.TCPAddr).Port, token)
	srv, err := httpserve.Serve(ln, &httpserve.Config{
		Prefix:    token,
		Templates: httpserve.Text{"boot.ipxe": "#!ipxe\nkernel {{.URL}}/linux\n"},
		Data:      map[string]string{"URL": url},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	fmt.Println(srv.URLFor("10.0.2.2") == url)
	// Output: true
}

// A wrong template is found when the server starts, with its place.
func ExampleStart_templateError() {
	_, err := httpserve.Start(context.Background(), "", &httpserve.Config{
		Templates: httpserve.Text{"ks.cfg": "lang en_US\nrootpw {{.Pasword}}\n"},
		Data:      map[string]string{"Password": "secret"},
	})
	fmt.Println(err)
	// Output: httpserve: Templates: "ks.cfg": template: ks.cfg:2:9: executing "ks.cfg" at <.Pasword>: map has no entry for key "Pasword"
}
