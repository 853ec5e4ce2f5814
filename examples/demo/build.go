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
	if o.show {
		return preview(ctx, o)
	}
	mirror, err := serve(ctx, o.iso, o.sums)
	if err != nil {
		return err
	}
	defer mirror.Close()
	b, err := o.plan(mirror.medium, mirror.sums)
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
	b.Observe = func(e imagebuild.Event) {
		show.Observe(e)
		view.observe(e)
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

// plan is the build as data.
func (o options) plan(medium, sums string) (*imagebuild.Build, error) {
	templates, err := fs.Sub(answers, "answers")
	if err != nil {
		return nil, err
	}
	return &imagebuild.Build{
		Output: o.out, Manifest: o.out + ".json", Overwrite: o.force,
		Compress:  qemuimg.Zstd,
		Media:     iso.Source{URLs: []string{medium}, Checksum: "file:" + sums},
		Fetcher:   iso.Fetcher{Dir: o.cache},
		Disk:      imagebuild.Disk{Size: 4 << 30},
		VM:        o.machine(),
		Templates: templates,
		SSH:       ssh.Config{User: "root"},
		Steps:     steps(o),
	}, nil
}

// preview prints what would be run.
func preview(ctx context.Context, o options) error {
	b, err := o.plan(o.iso, o.sums)
	if err != nil {
		return err
	}
	p, err := b.Preview(ctx)
	if err == nil {
		fmt.Println(p)
	}
	return err
}
