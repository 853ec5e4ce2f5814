package iso9660

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Linux takes a record or a continuation that crosses the end of a block for
// a corrupted directory (fs/isofs/rock.c, rock_continue); xorriso and isoinfo
// do not mind, so that their reading it is no proof.
func TestNothingCrossesABlock(t *testing.T) {
	names := make([]string, 200)
	for i := range names {
		names[i] = fmt.Sprintf("%s%03d", strings.Repeat("n", i), i)
	}
	root := treeOf(t, names...)
	for what, h := range map[string]*hierarchy{
		"primary": newHierarchy(root, rockRidge{time.Unix(0, 0)}), "Joliet": newHierarchy(root, joliet{}),
	} {
		pos, contPos := 0, 0
		for i, r := range h.dirs[0].records {
			pos = fit(pos, r.length())
			if end := pos%blockSize + r.length(); end > blockSize || r.length() > maxRecord {
				t.Errorf("%s: record %d of %d bytes ends at %d of its block", what, i, r.length(), end)
			}
			pos += r.length()
			if end := r.contOffset%blockSize + len(r.continued); end > blockSize {
				t.Errorf("%s: continuation of record %d ends at %d of its block", what, i, end)
			}
			if r.contOffset < contPos {
				t.Errorf("%s: continuation of record %d overlaps the one before", what, i)
			}
			contPos = r.contOffset + len(r.continued)
		}
		if d := h.dirs[0]; d.size < pos || d.contSize < contPos {
			t.Errorf("%s: directory of %d and %d bytes has room for %d and %d", what, pos, contPos, d.size, d.contSize)
		}
	}
}
