package iso_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
)

// A medium is downloaded once; after that it is verified in the cache.
func ExampleFetcher() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/disc.iso":
			fmt.Fprint(w, "not much of a disc\n")
		case "/SHA256SUMS":
			fmt.Fprintln(w, "0c4a8b81db9afdb87ed07fd39a4a9ccc3a0d80ffcdf1b2d4c5f5ce1ebd5e6c67  other.iso")
			fmt.Fprintln(w, "2599a6f77db8de51a697c160933a01e4a91657da8eac7ed56bc3df0b4161ad4a  disc.iso")
		}
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	f := iso.Fetcher{Dir: dir, Observe: func(e iso.Event) {
		if p, ok := e.(iso.Progress); ok {
			fmt.Printf("%d of %d bytes\n", p.Done, p.Total)
		}
	}}
	source := iso.Source{
		URLs:     []string{"/nowhere/disc.iso", server.URL + "/disc.iso"},
		Checksum: "file:" + server.URL + "/SHA256SUMS",
	}
	for range 2 {
		m, err := f.Fetch(context.Background(), source)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.Size, m.Checksum[:15], m.Cached)
	}
	// Output:
	// 19 of 19 bytes
	// 19 sha256:2599a6f7 false
	// 19 sha256:2599a6f7 true
}

// All that is wrong with a source is said at once.
func ExampleSource_Validate() {
	err := iso.Source{
		URLs:     []string{"ftp://example.org/disc.iso"},
		Checksum: "2599a6f7",
	}.Validate()
	fmt.Println(err)
	// Output:
	// iso: Source.URLs[0]: unknown scheme "ftp" in ftp://example.org/disc.iso; use http, https, file or a path
	// iso: Source.Checksum: 8 hex digits are no known checksum; md5 has 32
}

// The bytes of a new version are kept: correcting the checksum is enough.
func ExampleChecksumError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "a new version\n")
	}))
	defer server.Close()
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	f := iso.Fetcher{Dir: dir}
	source := iso.Source{URLs: []string{server.URL + "/disc.iso"}, Checksum: strings.Repeat("0", 64)}
	_, err = f.Fetch(context.Background(), source)
	var wrong *iso.ChecksumError
	if errors.As(err, &wrong) {
		source.Checksum = wrong.Got
		m, err := f.Fetch(context.Background(), source)
		fmt.Println(m.Cached, err)
	}
	// Output: true <nil>
}
