package template

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/ssh"
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
		client, err := guest.SSH(ctx)
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

func (p *provisioner) uploadContent(ctx context.Context, guest *imagebuild.Guest, client *ssh.Client, destination string) error {
	text, err := p.fill(ctx, guest, p.str("content"))
	if err != nil {
		return err
	}
	if strings.HasSuffix(destination, "/") {
		return fmt.Errorf("destination %q is a directory; add the name of the file", destination)
	}
	return client.UploadReader(ctx, strings.NewReader(text), int64(len(text)), destination, nil)
}

func (p *provisioner) upload(ctx context.Context, guest *imagebuild.Guest, client *ssh.Client, source, destination string) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	t := &ssh.Transfer{Progress: func(done, total int64) { guest.Report("uploading "+source, done, total) }}
	if info.IsDir() {
		if !strings.HasSuffix(source, "/") {
			destination = path.Join(destination, filepath.Base(source))
		}
		return client.UploadTree(ctx, os.DirFS(source), destination, t)
	}
	if strings.HasSuffix(destination, "/") {
		destination += filepath.Base(source)
	}
	return client.Upload(ctx, source, destination, t)
}

func (p *provisioner) download(ctx context.Context, guest *imagebuild.Guest, client *ssh.Client, source, destination string) error {
	t := &ssh.Transfer{Overwrite: true, Progress: func(done, total int64) { guest.Report("downloading "+source, done, total) }}
	if strings.HasSuffix(source, "/") {
		return client.DownloadTree(ctx, source, destination, t)
	}
	if strings.HasSuffix(destination, "/") {
		destination = filepath.Join(destination, path.Base(source))
	}
	if err := os.MkdirAll(filepath.Dir(destination), 0o777); err != nil {
		return err
	}
	return client.Download(ctx, source, destination, t)
}
