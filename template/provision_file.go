package template

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
)

var fileOptions = []option{
	{name: "source", def: "none"},
	{name: "sources", kind: isList, def: "none"},
	{name: "content", def: "none"},
	{name: "destination", def: "required", need: true},
	{name: "direction", def: "upload"},
	{name: "generated", kind: isBool, def: "false"},
}

// file copies files to the guest or from it.
func (p *provisioner) file() work {
	sources := p.list("sources")
	if s := p.str("source"); s != "" {
		sources = append(sources, s)
	}
	if (len(sources) > 0) == p.has("content") {
		p.fail("", "one of source, sources and content must be given", "give exactly one")
	}
	p.needsSSH()
	p.oneOf("direction", "upload", "download")
	down := p.str("direction") == "download"
	if down && p.has("content") {
		p.fail("content", "cannot be downloaded", `write "direction": "upload"`)
	}
	if !down && !p.yes("generated") {
		for _, s := range sources {
			if _, err := os.Stat(s); err != nil && !strings.Contains(s, "\x00") {
				p.build.host = append(p.build.host, p.place("source").error(p.field("source"), err.Error(), "check the path, or set generated if it is made by an earlier provisioner"))
			}
		}
	}
	return func(ctx context.Context, guest *imagebuild.Guest) error {
		client, err := p.remote(ctx, guest)
		if err != nil {
			return err
		}
		destination, err := p.fill(ctx, guest, p.str("destination"))
		if err != nil {
			return err
		}
		if p.has("content") {
			return p.uploadContent(ctx, guest, client, destination)
		}
		for _, s := range sources {
			if s, err = p.fill(ctx, guest, s); err != nil {
				return err
			}
			if down {
				err = p.download(ctx, guest, client, s, destination)
			} else {
				err = p.upload(ctx, guest, client, s, destination)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (p *provisioner) uploadContent(ctx context.Context, guest *imagebuild.Guest, client remote, destination string) error {
	text, err := p.fill(ctx, guest, p.str("content"))
	if err != nil {
		return err
	}
	if p.isDir(destination) {
		return fmt.Errorf("destination %q is a directory; add the name of the file", destination)
	}
	return client.put(ctx, []byte(text), destination)
}

func (p *provisioner) upload(ctx context.Context, guest *imagebuild.Guest, client remote, source, destination string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	moved := func(done, total int64) { guest.Report("uploading "+source, done, total) }
	if info.IsDir() {
		if !strings.HasSuffix(source, "/") {
			destination = path.Join(destination, filepath.Base(source))
		}
		return client.uploadTree(ctx, source, destination, moved)
	}
	if p.isDir(destination) {
		destination += filepath.Base(source)
	}
	return client.upload(ctx, source, destination, moved)
}

func (p *provisioner) download(ctx context.Context, guest *imagebuild.Guest, client remote, source, destination string) error {
	moved := func(done, total int64) { guest.Report("downloading "+source, done, total) }
	if p.isDir(source) {
		return client.downloadTree(ctx, source, destination, moved)
	}
	if strings.HasSuffix(destination, "/") {
		destination = filepath.Join(destination, p.base(source))
	}
	if err := os.MkdirAll(filepath.Dir(destination), 0o777); err != nil {
		return err
	}
	return client.download(ctx, source, destination, moved)
}
