package iso_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
)

// BenchmarkFetchBesideCurl times a fetch and `curl | sha256sum` in turn, so that
// both meet the same moods of the machine, and reports how they compare: above 1
// the fetch, which also stores and syncs the file, takes longer.
func BenchmarkFetchBesideCurl(b *testing.B) {
	need.Tool(b, "curl")
	need.Tool(b, "sha256sum")
	url := benchServer(b)
	var fetch, curl []time.Duration
	for b.Loop() {
		for range 3 {
			fetch = append(fetch, timed(b, func() (string, error) {
				f := iso.Fetcher{Dir: b.TempDir()}
				m, err := f.Fetch(b.Context(), iso.Source{URLs: []string{url}, Checksum: zeros})
				if err != nil {
					return "", err
				}
				return strings.TrimPrefix(m.Digest, "sha256:"), os.Remove(m.Path)
			}))
			curl = append(curl, timed(b, func() (string, error) {
				out, err := exec.Command("sh", "-c", "curl -sf "+url+" | sha256sum").Output()
				return string(out), err
			}))
		}
	}
	b.ReportMetric(fastest(fetch).Seconds(), "s-fetch")
	b.ReportMetric(fastest(curl).Seconds(), "s-curl")
	b.ReportMetric(fastest(fetch).Seconds()/fastest(curl).Seconds(), "fetch/curl")
}

func timed(b *testing.B, f func() (digest string, err error)) time.Duration {
	b.Helper()
	began := time.Now()
	digest, err := f()
	took := time.Since(began)
	if err != nil || !strings.HasPrefix(digest, zeros) {
		b.Fatalf("%v: %q", err, digest)
	}
	return took
}

// fastest is the time least disturbed by what else the machine does.
func fastest(all []time.Duration) time.Duration {
	best := all[0]
	for _, d := range all {
		best = min(best, d)
	}
	return best
}
