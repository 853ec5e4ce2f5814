package need_test

import (
	"flag"
	"testing"

	"github.com/bootscribe/bootscribe/internal/need"
)

// With -short no machine is started, whether there is a QEMU or not, and that
// is no failure in CI either.
func TestShort(t *testing.T) {
	short := flag.Lookup("test.short").Value.String()
	defer flag.Set("test.short", short)
	flag.Set("test.short", "true")
	t.Setenv("CI", "true")
	skipped := false
	t.Run("machine", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		need.Tool(t, "qemu-system-none")
	})
	if !skipped {
		t.Error("not skipped")
	}
}
