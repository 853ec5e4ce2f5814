package iso

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A cache is a directory of verified files:
//
//	sha256/HEX        a file whose SHA-256 is HEX: the only final name
//	index/KEY         a record of which HEX a key stands for
//	part/KEY          what has been downloaded of it, and part/KEY.json
//	lock/KEY          held by the one that downloads it
//	quarantine/HEX    downloaded, but not what was asked for
//
// A key is "md5-…", "sha256-…" and so on for a pinned digest, "url-…" for a
// URL without one. The index is a hint only: whatever it leads to is hashed.
type cache struct{ dir string }

// openCache finds the directory, which need not exist yet.
func openCache(dir string) (cache, error) {
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return cache{}, fmt.Errorf("iso: no cache directory: %w; set Fetcher.Dir", err)
		}
		dir = filepath.Join(user, "bootscribe", "iso")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return cache{}, fmt.Errorf("iso: Fetcher.Dir: %w", err)
	}
	return cache{dir}, checkCacheDir(dir)
}

func checkCacheDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("iso: Fetcher.Dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("iso: Fetcher.Dir %q is not a directory; name another", dir)
	case anyoneMayReplace(info):
		return fmt.Errorf("iso: Fetcher.Dir %q is writable by everyone, who could swap a verified file; chmod it to 0700 or name another", dir)
	}
	return nil
}

// prepare makes the directories in which a download needs to write.
func (c cache) prepare() error {
	for _, sub := range []string{"sha256", "index", "part", "lock", "quarantine"} {
		if err := os.MkdirAll(filepath.Join(c.dir, sub), 0o700); err != nil {
			return fmt.Errorf("cannot write to the cache: %w; set Fetcher.Dir to a directory of yours", err)
		}
	}
	return nil
}

func (c cache) content(sha string) string     { return filepath.Join(c.dir, "sha256", sha) }
func (c cache) partPath(key string) string    { return filepath.Join(c.dir, "part", key) }
func (c cache) lockPath(key string) string    { return filepath.Join(c.dir, "lock", key) }
func (c cache) indexPath(key string) string   { return filepath.Join(c.dir, "index", key) }
func (c cache) quarantined(sha string) string { return filepath.Join(c.dir, "quarantine", sha) }

// keyOf is what a download is filed under: its pinned digest, or its URL
// where there is none.
func keyOf(p pin, loc location) string {
	if !p.isNone() {
		return p.alg.name + "-" + p.hex
	}
	sum := sha256.Sum256([]byte(loc.url.String()))
	return "url-" + hex.EncodeToString(sum[:])
}

// A record is what the index knows about a key.
type record struct {
	SHA256   string `json:"sha256"`
	ETag     string `json:"etag,omitempty"`          // strong, or ""
	Modified string `json:"last-modified,omitempty"` // strong, or ""
}

// record looks a key up. Whatever is wrong with the index counts as unknown.
func (c cache) record(key string) (record, bool) {
	if sha, ok := strings.CutPrefix(key, "sha256-"); ok {
		return record{SHA256: sha}, true
	}
	var r record
	if !readJSON(c.indexPath(key), &r) {
		return record{}, false
	}
	p, err := pinByName("sha256", r.SHA256)
	r.SHA256 = p.hex
	return r, err == nil
}

func (c cache) setRecord(key string, r record) error {
	if strings.HasPrefix(key, "sha256-") {
		return nil
	}
	return writeJSON(c.indexPath(key), r)
}

// errAbsent says that the cache does not have what was looked for.
var errAbsent = errors.New("not in the cache")

// lookup finds the file for a key and hashes it: every time, since a file of
// the right size proves nothing. Whatever is not that very file is errAbsent.
func (c cache) lookup(ctx context.Context, key string, p pin, observe func(Event)) (*Medium, error) {
	r, ok := c.record(key)
	if !ok {
		return nil, errAbsent
	}
	return c.verified(ctx, c.content(r.SHA256), r.SHA256, p, observe)
}

// verified hashes a file that should have the given SHA-256 and match p.
func (c cache) verified(ctx context.Context, path, sha string, p pin, observe func(Event)) (*Medium, error) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, errAbsent
	}
	sums := newDigests(p)
	info, err := hashFile(ctx, path, sums, observe)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errAbsent, err)
	case sums.sum() != sha || !sums.match():
		return nil, fmt.Errorf("%w: %q is damaged", errAbsent, path)
	}
	return mediumOf(path, info, sums), nil
}

func mediumOf(path string, info fs.FileInfo, sums *digests) *Medium {
	return &Medium{
		Path: path, Size: info.Size(), Digest: "sha256:" + sums.sum(), Checksum: sums.pin.String(),
		info: info,
	}
}

// adopt is lookup for one who holds the key's lock: a quarantined file that
// turns out to be the right one gets its final name, and what stands in the
// place of a file without being it is cleared away.
func (c cache) adopt(ctx context.Context, key string, p pin, observe func(Event)) (*Medium, error) {
	m, err := c.lookup(ctx, key, p, observe)
	if !errors.Is(err, errAbsent) {
		return m, err
	}
	r, ok := c.record(key)
	if !ok {
		return nil, errAbsent
	}
	if err := c.clear(c.content(r.SHA256)); err != nil {
		return nil, err
	}
	if _, err := c.verified(ctx, c.quarantined(r.SHA256), r.SHA256, p, observe); err != nil {
		return nil, err
	}
	if err := publish(c.quarantined(r.SHA256), c.content(r.SHA256)); err != nil {
		return nil, err
	}
	return c.lookup(ctx, key, p, observe)
}

// clear removes what stands at the name of a file. A directory is not ours:
// it is moved aside with all that is in it.
func (c cache) clear(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		aside, err := os.MkdirTemp(filepath.Join(c.dir, "quarantine"), "not-a-file-")
		if err != nil {
			return err
		}
		return os.Rename(path, filepath.Join(aside, filepath.Base(path)))
	}
	return os.Remove(path)
}

// commit gives a verified part its final name, durably.
func (c cache) commit(key string, p *part) (string, error) {
	sha := p.sums.sum()
	final := c.content(sha)
	if err := p.seal(); err != nil {
		return "", err
	}
	if info, err := os.Lstat(final); err == nil && !info.Mode().IsRegular() {
		if err := c.clear(final); err != nil {
			return "", err
		}
	}
	if err := publish(p.path, final); err != nil {
		return "", err
	}
	r := record{SHA256: sha, ETag: p.meta.ETag, Modified: p.meta.Modified}
	return final, errors.Join(c.setRecord(key, r), p.forget())
}

// quarantine files a part that is not what was asked for under its real
// digest, where a corrected checksum finds it. It returns where that is, or
// the final name of the same bytes if the cache has them already.
func (c cache) quarantine(p *part) (string, error) {
	sha := p.sums.sum()
	if info, err := os.Lstat(c.content(sha)); err == nil && info.Mode().IsRegular() && info.Size() == p.size {
		return c.content(sha), p.remove()
	}
	if err := p.seal(); err != nil {
		return "", err
	}
	to := c.quarantined(sha)
	if err := publish(p.path, to); err != nil {
		return "", err
	}
	got := p.sums.pinned()
	key := got.alg.name + "-" + got.hex
	return to, errors.Join(c.setRecord(key, record{SHA256: sha}), p.forget())
}

// publish renames a file whose content is on disk, so that the new name is on
// disk as well when it returns.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func readJSON(path string, v any) bool {
	text, err := os.ReadFile(path)
	return err == nil && json.Unmarshal(text, v) == nil
}

// writeJSON replaces the file at path as a whole.
func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}
