package winrm

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Transfer holds the settings of an upload or a download. A nil *Transfer means
// the zero value.
type Transfer struct {
	// Overwrite lets a download replace files that exist here. An upload
	// always replaces files in the guest.
	Overwrite bool

	// MaxBytes limits what a download writes, since a guest may send without
	// end. Zero means 8 GiB, negative means no limit.
	MaxBytes int64

	// MaxFiles limits the files and directories of a download. Zero means
	// 100 000, negative means no limit.
	MaxFiles int

	// Progress is told how many bytes have been moved and how many there are,
	// -1 where that is not known. Calls come one at a time, from a goroutine
	// of the transfer. Nil means nobody.
	Progress func(done, total int64)
}

const (
	defaultMaxBytes = 8 << 30
	defaultMaxFiles = 100_000
	// pieceSize is how much of a file goes on a line.
	pieceSize = 48 << 10
	// maxDownloadLine is how long a line of the guest's may be.
	maxDownloadLine = 256 << 10
)

func (t *Transfer) withDefaults() *Transfer {
	var d Transfer
	if t != nil {
		d = *t
	}
	if d.MaxBytes == 0 {
		d.MaxBytes = defaultMaxBytes
	}
	if d.MaxFiles == 0 {
		d.MaxFiles = defaultMaxFiles
	}
	return &d
}

// checkPath finds what is wrong with a path in the guest.
func checkPath(remote string) error {
	switch {
	case remote == "":
		return errors.New("the path in the guest is empty; give one")
	case strings.ContainsAny(remote, "\x00\r\n"):
		return fmt.Errorf("the path in the guest, %q, holds what no path can", remote)
	}
	return nil
}

// forbidden are characters that no name of a file in Windows has.
const forbidden = `<>:"|?*\`

// checkName finds what is wrong with the name of a file below a path in the
// guest.
func checkName(name string) error {
	if strings.ContainsAny(name, forbidden) || path.Clean(name) != name {
		return fmt.Errorf("%q cannot be the name of a file in Windows; rename it", name)
	}
	return nil
}
