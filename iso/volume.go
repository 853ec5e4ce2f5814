package iso

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Volume names the files of a seed medium: a CD or a floppy with an answer file,
// cloud-init's user-data or drivers, that a guest reads while it is installed.
// The zero value is an empty volume without a label. A Volume is not changed by
// its methods and may be used by several goroutines.
//
// Where the same path is given more than once, Content wins over Paths and
// Paths win over FS; within Paths it is an error. Directories of the same name
// are merged.
//
// The same files give the same bytes, so that a medium can be compared or
// cached by its hash: all times are Time, the owner is root, and modes are 0755
// for directories and executable files and 0644 for others.
type Volume struct {
	// Label is the volume's name, by which a guest finds it: "cidata" for
	// cloud-init, "OEMDRV" for Anaconda. It is written as it stands, in lower
	// case as well, and is printable ASCII: up to 32 characters on a CD, of
	// which Windows shows the first 16, and up to 11 on a floppy. Empty means
	// no label.
	Label string

	// Paths are files and directories of the host. A file goes to the root
	// of the volume and so does a directory with all that it holds; of a
	// directory that is written with a slash at its end, and of ".", only what
	// it holds. Patterns are not expanded. A symbolic link in a directory is
	// followed if it leads to a file in that directory; one that leads out of
	// it or to a directory is an error, and so are devices, pipes and sockets.
	Paths []string

	// Content maps slash-separated paths in the volume to texts. Nil means none.
	Content map[string]string

	// FS is a tree whose root becomes that of the volume, such as an
	// embed.FS. Symbolic links are treated as in Paths; where they may lead is
	// up to the FS (an os.DirFS follows them anywhere, os.Root.FS does not).
	// Nil means none.
	FS fs.FS

	// Time is the time of the volume and of all files, from 1980 to 2107.
	// Zero means 1980-01-01 00:00:00 UTC.
	Time time.Time

	// FloppySize is the size of the floppy image in bytes; a CD is as large as
	// its files. Zero means 1,474,560, a floppy of 1.44 MB; 720, 1200 and 2880
	// KiB are the other formats of floppies. Any other multiple of 512
	// from 160 KiB to 2047 MiB makes a disk without partitions, to be
	// attached as a disk.
	FloppySize int64
}

// Validate checks what holds for every medium and can be known without looking
// at files. All that is wrong is reported at once, each with its field.
// [Volume.ValidateCD] and [Volume.ValidateFloppy] check everything.
func (v *Volume) Validate() error {
	return errors.Join(v.checkLabel(), v.checkTime(), v.checkPaths(), v.checkContent())
}

func (v *Volume) checkLabel() error {
	if strings.ContainsFunc(v.Label, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Errorf("iso: Volume.Label %q: use printable ASCII characters", v.Label)
	}
	if strings.TrimSpace(v.Label) != v.Label {
		return fmt.Errorf("iso: Volume.Label %q: begins or ends with a space; leave it out", v.Label)
	}
	return v.checkLabelLen(maxCDLabel, "a CD")
}

func (v *Volume) checkLabelLen(most int, medium string) error {
	if len(v.Label) > most {
		return fmt.Errorf("iso: Volume.Label %q: has %d characters; the label of %s has up to %d", v.Label, len(v.Label), medium, most)
	}
	return nil
}

func (v *Volume) checkTime() error {
	if y := v.time().Year(); y < 1980 || y > 2107 {
		return fmt.Errorf("iso: Volume.Time %v: use a time from 1980 to 2107, or zero for 1980-01-01", v.Time)
	}
	return nil
}

// time is the time of everything on the volume: FAT knows none earlier than
// the default.
func (v *Volume) time() time.Time {
	if v.Time.IsZero() {
		return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return v.Time.UTC()
}

func (v *Volume) checkPaths() error {
	var errs []error
	for i, p := range v.Paths {
		if p == "" {
			errs = append(errs, fmt.Errorf(`iso: Volume.Paths[%d]: is empty; leave it out, or write "." for the working directory`, i))
		}
	}
	return errors.Join(errs...)
}

func (v *Volume) checkContent() error {
	var errs []error
	for _, name := range v.contentNames() {
		if problem := pathProblem(name); problem != "" {
			errs = append(errs, fmt.Errorf("iso: Volume.Content[%q]: %s", name, problem))
		}
	}
	return errors.Join(errs...)
}

func (v *Volume) contentNames() []string {
	names := make([]string, 0, len(v.Content))
	for name := range v.Content {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// pathProblem says why name is not the path of a file in a volume, or nothing.
func pathProblem(name string) string {
	if fs.ValidPath(name) && name != "." && !strings.Contains(name, "\x00") {
		return ""
	}
	clean := strings.TrimPrefix(path.Clean("/"+strings.ToValidUTF8(name, "_")), "/")
	if clean == "" || strings.Contains(clean, "\x00") {
		return "is not a file's name in the volume"
	}
	return fmt.Sprintf("is not a slash-separated path from the volume's root; write %q", clean)
}
