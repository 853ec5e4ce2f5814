package iso_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bootscribe/bootscribe/internal/need"
	"github.com/bootscribe/bootscribe/iso"
)

// compressed returns what a program makes of b.
func compressed(t *testing.T, b []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(need.Tool(t, name), args...)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Images that are compressed in each of the ways are unpacked once, into the
// cache, and taken from there after that.
func TestUnpack(t *testing.T) {
	image := append(append(noise(256<<10, 50), make([]byte, 3<<20)...), noise(100, 51)...)
	for _, tool := range []string{"gzip", "bzip2", "xz", "zstd", "lz4"} {
		t.Run(tool, func(t *testing.T) {
			packed := compressed(t, image, tool, "-c")
			requests := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				w.Write(packed)
			}))
			defer s.Close()
			f := quick(t)
			var told, last int64
			f.Observe = func(e iso.Event) {
				if u, ok := e.(iso.Unpacking); ok {
					told, last = told+1, u.Total-u.Done
				}
			}
			source := iso.Source{URLs: []string{s.URL + "/disk.img"}, Checksum: "sha256:" + sha(packed), Unpack: true}
			m, err := f.Fetch(t.Context(), source)
			wantFile(t, m, err, image)
			if m.Checksum != source.Checksum || m.Cached || told == 0 || last != 0 {
				t.Errorf("%+v, %d events, %d bytes to go", m, told, last)
			}
			told = 0
			if m, err = f.Fetch(t.Context(), source); told != 0 || !m.Cached || requests != 1 {
				t.Errorf("unpacked again: %d events, %d requests", told, requests)
			}
			wantFile(t, m, err, image)
			soundCache(t, f.Dir)
			if parts, _ := filepath.Glob(filepath.Join(f.Dir, "part", "*")); len(parts) > 0 {
				t.Errorf("left behind: %v", parts)
			}
			// A copy in the cache that has been damaged is not used.
			if err := errors.Join(os.Chmod(m.Path, 0o600), os.WriteFile(m.Path, image[1:], 0o600)); err != nil {
				t.Fatal(err)
			}
			m, err = f.Fetch(t.Context(), source)
			wantFile(t, m, err, image)
		})
	}
}

// A local file is not written to, and what is in it has holes where it is empty.
func TestUnpackLocal(t *testing.T) {
	image := make([]byte, 16<<20)
	copy(image[10<<20:], "in the middle")
	packed := compressed(t, image, "gzip", "-c")
	path := filepath.Join(t.TempDir(), "disk.img.gz")
	if err := os.WriteFile(path, packed, 0o400); err != nil {
		t.Fatal(err)
	}
	f := quick(t)
	f.Dir = filepath.Join(t.TempDir(), "cache")
	m, err := f.Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true})
	wantFile(t, m, err, image)
	out, err := exec.Command("du", "-k", m.Path).Output()
	if err != nil || len(strings.Fields(string(out))[0]) > 3 {
		t.Errorf("the file takes %s KiB, %v", out, err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, packed) {
		t.Error("the file has changed", err)
	}
	// What is not compressed is taken where it is.
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, image, 0o400); err != nil {
		t.Fatal(err)
	}
	if m, err = f.Fetch(t.Context(), iso.Source{URLs: []string{plain}, Checksum: "none", Unpack: true}); err != nil || m.Path != plain {
		t.Errorf("%+v, %v", m, err)
	}
}

// zipOf makes a zip archive of files with the same content, which are not
// compressed. Names with a slash at the end are directories.
func zipOf(t *testing.T, content []byte, names []string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil && !strings.HasSuffix(name, "/") {
			_, err = entry.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tarOf is zipOf for a tar archive.
func tarOf(t *testing.T, content []byte, names []string) []byte {
	t.Helper()
	var b bytes.Buffer
	a := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeDir}
		if !strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(content))
		}
		err := a.WriteHeader(h)
		if err == nil && h.Size > 0 {
			_, err = a.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// damagedTarball is a tar archive, compressed, whose checksum is wrong.
func damagedTarball(t *testing.T, content []byte) []byte {
	b := compressed(t, tarOf(t, content, []string{"disk.raw"}), "gzip", "-c")
	b[len(b)-8]++
	return b
}

// The one file of an archive is taken, however the archive is compressed, and
// unpacked once.
func TestUnpackArchive(t *testing.T) {
	image := append(append(noise(256<<10, 54), make([]byte, 3<<20)...), noise(100, 55)...)
	names := []string{"dir/", "dir/disk.img"}
	var inZip bytes.Buffer
	z := zip.NewWriter(&inZip)
	entry, err := z.Create(names[1])
	if err == nil {
		_, err = entry.Write(image)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{
		"zip": zipOf(t, image, names), "zip, deflated": inZip.Bytes(), "tar": tarOf(t, image, names),
		"tar.gz": compressed(t, tarOf(t, image, names), "gzip", "-c"), "tar.xz": compressed(t, tarOf(t, image, names), "xz", "-c"),
		"tar.zst": compressed(t, tarOf(t, image, names), "zstd", "-c"), "tar.bz2": compressed(t, tarOf(t, image, names), "bzip2", "-c"),
		"program tar": compressed(t, nil, "tar", "-C", directoryWith(t, "disk.img", image), "-czf", "-", "."),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, packed, 0o400); err != nil {
				t.Fatal(err)
			}
			f := quick(t)
			source := iso.Source{URLs: []string{path}, Checksum: "sha256:" + sha(packed), Unpack: true}
			m, err := f.Fetch(t.Context(), source)
			wantFile(t, m, err, image)
			soundCache(t, f.Dir)
			told := 0
			f.Observe = func(e iso.Event) {
				if _, ok := e.(iso.Unpacking); ok {
					told++
				}
			}
			m, err = f.Fetch(t.Context(), source)
			if wantFile(t, m, err, image); told > 0 {
				t.Error("unpacked again")
			}
		})
	}
}

// directoryWith makes a directory with a file.
func directoryWith(t *testing.T, name string, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What cannot be unpacked is named, and leaves nothing.
func TestUnpackFails(t *testing.T) {
	image := noise(1<<20, 52)
	whole := compressed(t, image, "gzip", "-c")
	wrong := bytes.Clone(whole)
	wrong[len(wrong)-8]++ // the checksum
	several := []string{"disk.raw", "README"}
	noFile := []string{"dir/"}
	for name, tt := range map[string]struct {
		packed []byte
		most   int64
		words  []string
	}{
		"cut off":               {whole[:len(whole)-100], 0, []string{"unpack", "gzip", "unexpected EOF"}},
		"xz cut off":            {compressed(t, image, "xz", "-c")[:1000], 0, []string{"unpack", "xz", "end of input"}},
		"wrong":                 {wrong, 0, []string{"invalid checksum"}},
		"too big":               {whole, int64(len(image) - 1), []string{"MaxBytes"}},
		"xz too big":            {compressed(t, make([]byte, 8<<20), "xz", "-c"), 1 << 20, []string{"MaxBytes"}},
		"zip":                   {zipOf(t, image, several), 0, []string{"zip archive", "several files", "disk.raw", "README", "unpack it"}},
		"tar":                   {tarOf(t, image, several), 0, []string{"tar archive", "several files", "disk.raw", "README"}},
		"tar, gzipped":          {compressed(t, tarOf(t, image, several), "gzip", "-c"), 0, []string{"gzip", "several files"}},
		"empty zip":             {zipOf(t, image, noFile), 0, []string{"no file"}},
		"empty tar":             {tarOf(t, image, noFile), 0, []string{"no file"}},
		"tar cut off":           {tarOf(t, image, several[:1])[:1<<20], 0, []string{"unexpected EOF"}},
		"zip damaged":           {bytes.Replace(zipOf(t, image, several[:1]), image[5000:5008], []byte("damaged!"), 1), 0, []string{"checksum"}},
		"tar, gzipped, damaged": {damagedTarball(t, image), 0, []string{"checksum"}},
		"twice":                 {compressed(t, whole, "gzip", "-c"), 0, []string{"packed again (gzip)"}},
		"7z":                    {[]byte("7z\xbc\xaf\x27\x1c\x00\x04"), 0, []string{"7z archive", "unpack it"}},
		"tar too big":           {tarOf(t, image, several[:1]), int64(len(image) - 1), []string{"MaxBytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(path, tt.packed, 0o400); err != nil {
				t.Fatal(err)
			}
			f := quick(t)
			f.MaxBytes = tt.most
			_, err := f.Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true})
			wantError(t, err, tt.words...)
			for _, sub := range []string{"part", "sha256"} {
				if left, _ := filepath.Glob(filepath.Join(f.Dir, sub, "*")); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}

// Without the program the error says what to install.
func TestUnpackNoProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, []byte("\xfd7zXZ\x00…"), 0o400); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	_, err := quick(t).Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true})
	wantError(t, err, `"xz"`, "install xz")
}

// The end of the context ends the program that unpacks.
func TestUnpackCancel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, compressed(t, noise(2<<20, 53), "xz", "-0c"), 0o400); err != nil {
		t.Fatal(err)
	}
	why := errors.New("no more interest")
	ctx, cancel := context.WithCancelCause(t.Context())
	f := quick(t)
	f.Observe = func(e iso.Event) {
		if _, ok := e.(iso.Unpacking); ok {
			cancel(why)
		}
	}
	if _, err := f.Fetch(ctx, iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true}); !errors.Is(err, why) {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(f.Dir, "part", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What only skips through an archive is given up too: behind the file are zeros
// for seconds.
func TestUnpackCancelSkipping(t *testing.T) {
	packed := compressed(t, tarOf(t, noise(100, 56), []string{"a"}), "gzip", "-1c")
	zeros := compressed(t, make([]byte, 64<<20), "gzip", "-1c")
	path := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(path, append(packed, bytes.Repeat(zeros, 64)...), 0o400); err != nil {
		t.Fatal(err)
	}
	why := errors.New("no more interest")
	ctx, cancel := context.WithCancelCause(t.Context())
	f := quick(t)
	var begin sync.Once
	var last iso.Unpacking
	f.Observe = func(e iso.Event) {
		if u, ok := e.(iso.Unpacking); ok {
			last = u
			begin.Do(func() { time.AfterFunc(50*time.Millisecond, func() { cancel(why) }) })
		}
	}
	if _, err := f.Fetch(ctx, iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true}); !errors.Is(err, why) {
		t.Error(err)
	}
	if last.Total == 0 || last.Done == last.Total {
		t.Errorf("it went on to the end: %+v", last)
	}
}

// A file that needs a password is named as one.
func TestUnpackEncrypted(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "a.iso", Flags: 1, CompressedSize64: 12, UncompressedSize64: 0})
	if err == nil {
		_, err = w.Write(make([]byte, 12))
	}
	path := filepath.Join(t.TempDir(), "x")
	if err := errors.Join(err, z.Close(), os.WriteFile(path, b.Bytes(), 0o400)); err != nil {
		t.Fatal(err)
	}
	_, err = quick(t).Fetch(t.Context(), iso.Source{URLs: []string{path}, Checksum: "none", Unpack: true})
	if err == nil || !strings.Contains(err.Error(), `"a.iso" in the archive is encrypted`) {
		t.Error(err)
	}
}
