package iso

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Source says where an installation medium is and how it is recognised. It
// is plain data: copying it and using it from several goroutines is fine.
type Source struct {
	// URLs are the places of one and the same file, tried in order: http and
	// https URLs, file URLs, and paths. At least one is needed. A path is
	// anything without "://"; a relative one starts at the working directory.
	// A user name and password in an http URL are sent to that host only.
	URLs []string

	// Checksum is what the file must hash to; "" is an error. It is one of
	//
	//	d2a0…             hex digits; the algorithm follows from how many
	//	sha256:d2a0…      md5, sha1, sha224, sha256, sha384 or sha512
	//	file:SHA256SUMS   a checksum file: a path, a file URL or an http(s) URL
	//	none              any bytes will do; the digest is still computed
	//
	// A path after "file:" starts at the working directory and is never taken
	// relative to URLs. In a checksum file the lines whose name is the last
	// element of one of the URLs count. Its signature, if any, is not checked.
	Checksum string

	// Unpack is for a file that may be compressed, which its first bytes tell:
	// Fetch then returns what is in it, which it has unpacked into the cache.
	// Checksum is still that of the file at URLs. gzip and bzip2 are read here,
	// xz, zstd and lz4 by the programs of these names. Of a zip or tar archive,
	// compressed or not, the one file in it is taken, and an archive of several
	// is an error. What is not packed is taken as it is. False takes every file
	// as it is.
	Unpack bool
}

// Validate reports everything that is wrong with s, each problem with its
// field and a remedy, joined by [errors.Join]. It touches neither disk nor
// network.
func (s Source) Validate() error {
	var errs []error
	if len(s.URLs) == 0 {
		errs = append(errs, errors.New("iso: Source.URLs is empty; give at least one URL or path"))
	}
	for i, u := range s.URLs {
		if _, err := parseLocation(u); err != nil {
			errs = append(errs, fmt.Errorf("iso: Source.URLs[%d]: %w", i, err))
		}
	}
	if _, err := parseChecksum(s.Checksum); err != nil {
		errs = append(errs, fmt.Errorf("iso: Source.Checksum: %w", err))
	}
	return errors.Join(errs...)
}

// A location is one place of a file: a path in the file system or an http URL.
type location struct {
	path string   // of a local file, "" for a URL
	url  *url.URL // without credentials, nil for a path
	user *url.Userinfo
}

// parseLocation reads an entry of Source.URLs or what follows "file:" in
// Source.Checksum. Its errors never repeat s, which may hold a password.
func parseLocation(s string) (location, error) {
	if s == "" {
		return location{}, errors.New("is empty; give a URL or a path")
	}
	if strings.ContainsRune(s, 0) {
		return location{}, errors.New("holds a NUL byte")
	}
	if !strings.Contains(s, "://") {
		return location{path: strings.TrimPrefix(s, "file:")}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		if ue := (*url.Error)(nil); errors.As(err, &ue) {
			err = ue.Err
		}
		return location{}, fmt.Errorf("is no URL: %w", err)
	}
	switch strings.ToLower(u.Scheme) {
	case "file":
		return fileLocation(u)
	case "http", "https":
		return httpLocation(u)
	}
	return location{}, fmt.Errorf("unknown scheme %q in %s; use http, https, file or a path", u.Scheme, redact(u))
}

func fileLocation(u *url.URL) (location, error) {
	if u.Host != "" && u.Host != "localhost" {
		return location{}, fmt.Errorf("file URL names the host %q; write file:///absolute/path, or the path alone", u.Host)
	}
	p := u.Path
	if runtime.GOOS == "windows" && len(p) > 2 && p[0] == '/' && p[2] == ':' {
		p = p[1:] // file:///C:/x
	}
	if p == "" {
		return location{}, errors.New("file URL has no path; write file:///absolute/path, or the path alone")
	}
	return location{path: filepath.FromSlash(p)}, nil
}

func httpLocation(u *url.URL) (location, error) {
	if u.Hostname() == "" {
		return location{}, fmt.Errorf("%s names no host", redact(u))
	}
	if strings.HasSuffix(u.Path, "/") || u.Path == "" {
		return location{}, fmt.Errorf("%s names no file; end it with the name of the file", redact(u))
	}
	bare := *u
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	bare.Scheme = strings.ToLower(u.Scheme)
	return location{url: &bare, user: u.User}, nil
}

// String is the location as events and errors show it.
func (l location) String() string {
	if l.url == nil {
		return l.path
	}
	return redact(l.url)
}

// filePath is the location's path with slashes, for finding its checksum.
func (l location) filePath() string {
	if l.url != nil {
		return path.Clean(l.url.Path)
	}
	return path.Clean(filepath.ToSlash(l.path))
}

// redact prints u without its password and without its query, which is the
// secret of a signed URL.
func redact(u *url.URL) string {
	shown := *u
	if shown.User != nil {
		shown.User = url.User("xxxxx")
	}
	if shown.RawQuery != "" {
		shown.RawQuery = "xxxxx"
	}
	shown.Fragment, shown.RawFragment = "", ""
	return shown.String()
}
