package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bootscribe/bootscribe/examples/internal/progress"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/qemu/qemuimg"
	"github.com/bootscribe/bootscribe/ssh"
)

//go:embed answers
var answers embed.FS

func build(ctx context.Context, o options) error {
	if o.iso == "" {
		return errors.New("-iso is empty; `make demo` makes a medium and runs this program on it")
	}
	mirror, err := serve(ctx, o.iso, o.sums)
	if err != nil {
		return err
	}
	defer mirror.Close()
	templates, err := fs.Sub(answers, "answers")
	if err != nil {
		return err
	}
	view, err := watch(o.out)
	if err != nil {
		return err
	}
	show := progress.New(os.Stdout)
	show.Verbose = o.verbose
	show.Printf("watch it at %s", view.address)
	b := imagebuild.Build{
		Output: o.out, Manifest: o.out + ".json", Overwrite: o.force,
		Compress:  qemuimg.Zstd,
		Media:     iso.Source{URLs: []string{mirror.medium}, Checksum: "file:" + mirror.sums},
		Fetcher:   iso.Fetcher{Dir: o.cache},
		Disk:      imagebuild.Disk{Size: 4 << 30},
		VM:        o.machine(),
		Templates: templates,
		SSH:       ssh.Config{User: "root"},
		Steps:     steps(o),
		Observe: func(e imagebuild.Event) {
			show.Observe(e)
			view.observe(e)
		},
	}
	artifact, failed := b.Run(ctx)
	show.Close()
	err = view.finish(failed)
	if failed != nil {
		return errors.Join(explain(ctx, failed), err)
	}
	summary(os.Stdout, artifact)
	fmt.Printf("%s: what there was to see\n", view.report)
	return err
}
