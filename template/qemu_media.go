package template

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/bootscribe/bootscribe/iso"
)

// scheme is how a URL is to be fetched, also as Packer's downloader has it in
// front of another one, as in git::https://…
var scheme = regexp.MustCompile(`^([a-z0-9+.]+)(?:://|::)`)

// fetched says what to do about URLs that nothing here fetches.
var fetched = map[string]string{
	"git": "clone it first, and give the path of the file in it", "hg": "clone it first, and give the path of the file in it",
	"smb": "mount it first, and give the path of the file on it",
	"s3":  "give its https URL, such as https://BUCKET.s3.amazonaws.com/KEY, which may be presigned, or fetch it first",
	"gcs": "give its https URL, such as https://storage.googleapis.com/BUCKET/OBJECT, which may be signed, or fetch it first",
}

func (q *qemuBuilder) media() {
	q.exclusive("iso_url", "iso_urls")
	urls := q.list("iso_urls")
	option := "iso_urls"
	if u := q.str("iso_url"); u != "" {
		urls, option = []string{u}, "iso_url"
	}
	if len(urls) == 0 && q.given("kernel") {
		return
	}
	if len(urls) == 0 {
		q.fail("", "option iso_url is missing", "give the URL or path of an installation medium")
	}
	unpack := false
	for i, u := range urls {
		q.address(q.place(option), option, u)
		var packed bool
		urls[i], packed = q.magic(u)
		unpack = unpack || packed
	}
	q.b.Image.Media = iso.Source{URLs: urls, Checksum: q.checksum(), Unpack: unpack}
	q.is("Media", option)
	q.is("Media.Checksum", "iso_checksum")
	if q.given("iso_target_path") {
		q.warn("iso_target_path", "has no effect", "media are kept in a cache, by their content")
	}
}

// address reports a URL that nothing here fetches.
func (q *qemuBuilder) address(at place, option, url string) {
	if m := scheme.FindStringSubmatch(url); m != nil && !slices.Contains([]string{"http", "https", "file"}, m[1]) {
		q.failAt(at, option, fmt.Sprintf("%q: %s addresses are not fetched here", url, m[1]), cmp.Or(fetched[m[1]], "give a path, or a file, http or https URL"))
	}
}

// discs are media beside the first.
func (q *qemuBuilder) discs() {
	v := q.values["additional_isos"]
	if v == nil {
		return
	}
	for i, e := range v.list {
		option := fmt.Sprintf("additional_isos[%d]", i)
		if len(e.list) != 2 {
			q.failAt(e.at, option, fmt.Sprintf("has %d strings", len(e.list)), `write ["virtio-win.iso", "sha256:…"], an address and its checksum, or "none"`)
			continue
		}
		url, sum := e.list[0].text, e.list[1].text
		q.address(e.at, option, url)
		if prefix, _, _ := strings.Cut(sum, ":"); !strings.EqualFold(prefix, "file") {
			sum = strings.ToLower(sum)
		}
		if sum == "none" {
			q.warnings = append(q.warnings, e.at.error(q.field(option), "none: nobody looks whether the disc is the right one", "give its checksum"))
		}
		s := iso.Source{URLs: []string{url}, Checksum: sum, Unpack: isPacked(url)}
		if err := s.Validate(); err != nil {
			q.failAt(e.at, option, strings.TrimPrefix(err.Error(), "iso: "), "")
		}
		q.b.names[fmt.Sprintf("Discs[%d]", len(q.b.Image.Discs))] = named{option: q.field(option), at: e.at}
		q.b.Image.Discs = append(q.b.Image.Discs, s)
	}
}

// isPacked tells by its name whether a file is compressed, as Packer does.
func isPacked(url string) bool {
	path, _, _ := strings.Cut(url, "?")
	switch strings.ToLower(filepath.Ext(path)) {
	case ".gz", ".bz2", ".xz", ".zst", ".tgz", ".tbz2", ".txz", ".tzst", ".zip", ".tar":
		return true
	}
	return false
}

// magic takes out of a URL what Packer's downloader takes for itself: a checksum,
// and whether the file is an archive, which its name tells otherwise.
func (q *qemuBuilder) magic(url string) (bare string, packed bool) {
	packed = isPacked(url)
	before, query, ok := strings.Cut(url, "?")
	if !ok {
		return url, packed
	}
	var rest []string
	for _, p := range strings.Split(query, "&") {
		switch name, v, _ := strings.Cut(p, "="); name {
		case "checksum":
			q.values["iso_checksum"] = &value{kind: kindString, text: v}
		case "archive":
			packed = v != "false" && v != "0"
		case "filename":
		default:
			rest = append(rest, p)
		}
	}
	if len(rest) > 0 {
		before += "?" + strings.Join(rest, "&")
	}
	return before, packed
}

func (q *qemuBuilder) checksum() string {
	sum := q.str("iso_checksum")
	if t := q.str("iso_checksum_type"); t != "" {
		q.warn("iso_checksum_type", "is gone from Packer", fmt.Sprintf(`write "iso_checksum": "%s:…"`, t))
		if strings.EqualFold(t, "none") {
			sum = "none"
		} else if sum != "" && !strings.Contains(sum, ":") && sum != "none" {
			sum = t + ":" + sum
		}
	}
	for old, prefix := range map[string]string{"iso_checksum_url": "file:", "iso_md5": "md5:"} {
		if u := q.str(old); u != "" {
			q.warn(old, "is gone from Packer", fmt.Sprintf(`write "iso_checksum": "%s…"`, prefix))
			if sum == "" {
				sum = prefix + u
			}
		}
	}
	switch {
	case sum == "":
		q.fail("", "option iso_checksum is missing", `give the checksum, "file:" and where it stands, or "none"`)
		return ""
	case strings.EqualFold(sum, "none"):
		q.warn("iso_checksum", "none: nobody looks whether the medium is the right one", "give its checksum")
		return "none"
	}
	prefix, rest, ok := strings.Cut(sum, ":")
	if ok && strings.EqualFold(prefix, "file") {
		return "file:" + strings.TrimPrefix(rest, "./")
	}
	err := iso.Source{URLs: []string{"x"}, Checksum: strings.ToLower(sum)}.Validate()
	if err != nil {
		q.fail("iso_checksum", fmt.Sprintf("%q is no checksum", sum), `write hex digits, "sha256:" or another type before them, "file:" and a path or URL, or "none"`)
	}
	return strings.ToLower(sum)
}

func (q *qemuBuilder) seed() {
	if q.given("cd_files") || q.given("cd_content") {
		q.b.Image.Seed = &iso.Volume{Label: q.or("cd_label", "packer"), Paths: q.globs("cd_files", false), Content: trimmed(q.dict("cd_content"))}
		q.volume("cd_label", q.b.Image.Seed.Validate())
	}
	if q.given("floppy_files") || q.given("floppy_dirs") || q.given("floppy_content") {
		q.b.Image.Floppy = &iso.Volume{Label: q.or("floppy_label", "packer"), Content: trimmed(q.dict("floppy_content")),
			Paths: append(q.globs("floppy_files", true), q.globs("floppy_dirs", false)...)}
		q.volume("floppy_label", q.b.Image.Floppy.Validate())
	}
}

func (q *qemuBuilder) volume(option string, err error) {
	if err != nil {
		q.fail(option, err.Error(), "")
	}
}

func trimmed(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for path, text := range m {
		out[strings.TrimLeft(path, "/")] = text
	}
	return out
}

// globs expands patterns. With flat, the files of a directory are put in the
// root one by one, as Packer does for floppy_files.
func (q *qemuBuilder) globs(option string, flat bool) []string {
	var paths []string
	for _, p := range q.list(option) {
		found := []string{p}
		if strings.ContainsAny(p, "*?[") {
			var err error
			if found, err = filepath.Glob(p); err != nil {
				q.fail(option, fmt.Sprintf("%q is no pattern: %v", p, err), "")
			} else if len(found) == 0 {
				q.b.host = append(q.b.host, q.place(option).error(q.field(option), fmt.Sprintf("%q matches no file", p), "check the path"))
			}
		}
		for _, f := range found {
			if info, err := os.Stat(f); flat && err == nil && info.IsDir() {
				f = strings.TrimRight(f, "/") + "/"
			}
			paths = append(paths, f)
		}
	}
	return paths
}
