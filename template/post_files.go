package template

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
)

var checksumOptions = []option{
	{name: "checksum_types", kind: isList, def: "[md5]"},
	{name: "output", def: "packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum", late: true, status: differs, here: "lines are as sha256sum and its like read them; one about the same file is replaced, and not added again"},
}

var hashes = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// checksum writes files with the checksums of the artifact's files.
func (p *post) checksum() func(context.Context, *Artifact) (*Artifact, error) {
	types := p.list("checksum_types")
	if len(types) == 0 {
		types = []string{"md5"}
	}
	for _, t := range types {
		if hashes[t] == nil {
			p.fail("checksum_types", fmt.Sprintf("there is no checksum %q", t), "write md5, sha1, sha224, sha256, sha384 or sha512")
		}
	}
	p.tryOutput("output", map[string]any{"ChecksumType": ""})
	return func(ctx context.Context, a *Artifact) (*Artifact, error) {
		out := &Artifact{Build: a.Build, Type: "checksum", Files: append([]string(nil), a.Files...), Image: a.Image}
		for _, t := range types {
			path, err := p.output("output", "packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum", map[string]any{"ChecksumType": t})
			if err != nil {
				return a, err
			}
			if err := sums(ctx, path, a.Files, hashes[t]()); err != nil {
				return a, err
			}
			out.Files = append(out.Files, path)
		}
		return out, nil
	}
}

// tryOutput reports a name of a file that cannot be rendered.
func (p *post) tryOutput(option string, data map[string]any) {
	all := map[string]any{"BuildName": "b", "BuilderType": "t"}
	for k, v := range data {
		all[k] = v
	}
	if _, err := p.engine.render(p.str(option), all); err != nil {
		p.fail(option, err.Error(), "")
	}
}

// sums writes a line for each file to a checksum file, whose lines about other
// files stay.
func sums(ctx context.Context, path string, files []string, h hash.Hash) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var lines []string
	ours := map[string]bool{}
	for _, f := range files {
		ours[filepath.Base(f)] = true
	}
	for line := range strings.Lines(string(old)) {
		if _, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && !ours[name] {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	for _, f := range files {
		h.Reset()
		if err := readInto(ctx, h, f); err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s", h.Sum(nil), filepath.Base(f)))
	}
	return replace(path, []byte(strings.Join(lines, "\n")+"\n"))
}

// readInto copies a file to w, until ctx ends.
func readInto(ctx context.Context, w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, reader{ctx, f})
	return err
}

// reader is a Reader that ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}

// replace writes a file under another name and then gives it its own.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".bootscribe-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

var manifestOptions = []option{
	{name: "output", def: "packer-manifest.json"},
	{name: "strip_path", kind: isBool, def: "false"},
	{name: "strip_time", kind: isBool, def: "false"},
	{name: "custom_data", kind: isMap, def: "none"},
}

// manifestFile is the file that manifest appends to.
type manifestFile struct {
	Builds      []manifestBuild `json:"builds"`
	LastRunUUID string          `json:"last_run_uuid"`
}

type manifestBuild struct {
	Name        string            `json:"name"`
	BuilderType string            `json:"builder_type"`
	BuildTime   int64             `json:"build_time,omitempty"`
	Files       []manifestEntry   `json:"files"`
	ArtifactID  string            `json:"artifact_id"`
	RunUUID     string            `json:"packer_run_uuid"`
	CustomData  map[string]string `json:"custom_data"`
}

type manifestEntry struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// manifest appends what was made to a JSON file.
func (p *post) manifest() func(context.Context, *Artifact) (*Artifact, error) {
	return func(_ context.Context, a *Artifact) (*Artifact, error) {
		path := p.or("output", "packer-manifest.json")
		var m manifestFile
		text, err := os.ReadFile(path)
		if err == nil && !p.build.force {
			if err := json.Unmarshal(text, &m); err != nil {
				return a, fmt.Errorf("output %q is no manifest: %w; remove it", path, err)
			}
		}
		entry := manifestBuild{Name: a.Build, BuilderType: p.build.Type, ArtifactID: "VM", RunUUID: p.run, CustomData: p.dict("custom_data")}
		if !p.yes("strip_time") {
			entry.BuildTime = p.engine.now.Unix()
		}
		for _, f := range a.Files {
			info, err := os.Stat(f)
			if err != nil {
				return a, err
			}
			if p.yes("strip_path") {
				f = filepath.Base(f)
			}
			entry.Files = append(entry.Files, manifestEntry{f, info.Size()})
		}
		m.Builds, m.LastRunUUID = append(m.Builds, entry), p.run
		if text, err = json.MarshalIndent(m, "", "  "); err != nil {
			return a, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return a, err
		}
		return a, replace(path, append(text, '\n'))
	}
}
