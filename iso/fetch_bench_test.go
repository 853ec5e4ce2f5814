package iso_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
)

// benchSize is how much the benchmarks fetch.
const benchSize = 1 << 30

// benchServer serves a sparse file of benchSize zero bytes, as a kernel does:
// with sendfile.
func benchServer(b *testing.B) string {
	b.Helper()
	file, err := os.Create(b.TempDir() + "/disc.iso")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if err := file.Truncate(benchSize); err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, file.Name())
	}))
	b.Cleanup(s.Close)
	return s.URL + "/disc.iso"
}

// zeros is the SHA-256 of benchSize zero bytes.
const zeros = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"

// BenchmarkFetchVerify downloads, hashes, stores and syncs a file.
func BenchmarkFetchVerify(b *testing.B) {
	url := benchServer(b)
	b.SetBytes(benchSize)
	for b.Loop() {
		f := iso.Fetcher{Dir: b.TempDir()}
		m, err := f.Fetch(b.Context(), iso.Source{URLs: []string{url}, Checksum: zeros})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.Remove(m.Path)
		b.StartTimer()
	}
}

// BenchmarkCurlSha256sum is what BenchmarkFetchVerify is measured by. It
// stores nothing.
func BenchmarkCurlSha256sum(b *testing.B) {
	need.Tool(b, "curl")
	need.Tool(b, "sha256sum")
	url := benchServer(b)
	b.SetBytes(benchSize)
	for b.Loop() {
		out, err := exec.Command("sh", "-c", "curl -sf "+url+" | sha256sum").Output()
		if err != nil || !strings.HasPrefix(string(out), zeros) {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

// BenchmarkVerifyCached is the second use of a file.
func BenchmarkVerifyCached(b *testing.B) {
	f := iso.Fetcher{Dir: b.TempDir()}
	src := iso.Source{URLs: []string{benchServer(b)}, Checksum: zeros}
	if _, err := f.Fetch(b.Context(), src); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		if m, err := f.Fetch(b.Context(), src); err != nil || !m.Cached {
			b.Fatal(m, err)
		}
	}
}
