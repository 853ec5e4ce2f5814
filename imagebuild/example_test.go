package imagebuild_test

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"log"
	"os"
	"time"

	"github.com/bootscribe/bootscribe/httpserve"
	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/ssh"
)

// The program of the README.
func Example() {
	build := imagebuild.Build{
		Output:    "debian.qcow2",
		Media:     iso.Source{URLs: []string{"debian-12-netinst.iso"}, Checksum: "file:SHA256SUMS"},
		Templates: httpserve.Text{"preseed.cfg": os.Getenv("PRESEED")}, // may use {{.SSHPublicKey}}
		SSH:       ssh.Config{User: "root"},                            // with a temporary key
		Steps: []imagebuild.Step{
			imagebuild.WaitStill(2 * time.Second), // most likely the boot menu
			imagebuild.TypeFunc(func(v imagebuild.Vars) string {
				return "<esc><wait>auto url=" + v.URL + "/preseed.cfg<enter>"
			}),
			imagebuild.WaitFetch("/preseed.cfg"),
			imagebuild.Shell("apt-get install -y nginx"), // waits for SSH, for half an hour at most
		},
	}
	image, err := build.Run(context.Background())
	if err != nil {
		log.Fatal(err) // names the step, the cause and the remedy
	}
	log.Print(image.Path, image.Digest)
}

// A step of one's own is a name and a function.
func ExampleStep() {
	_ = imagebuild.Step{
		Name:    "choose the second entry",
		Timeout: time.Minute,
		Do: func(ctx context.Context, g *imagebuild.Guest) error {
			if err := g.WaitStill(ctx, time.Second); err != nil {
				return err
			}
			return g.Type(ctx, "<down><enter>", nil)
		},
	}
}

// What is wrong is known before anything starts, all of it at once.
func ExampleBuild_Validate() {
	build := imagebuild.Build{
		Output: "/nowhere/debian.qcow2",
		Disk:   imagebuild.Disk{Size: 20}, // GiB were meant
		Steps:  []imagebuild.Step{imagebuild.WaitSSH()},
	}
	fmt.Println(build.Validate(context.Background()))
}

// The evidence of a failure is in its error.
func ExampleStepError() {
	var build imagebuild.Build
	_, err := build.Run(context.Background())
	var failed *imagebuild.StepError
	if !errors.As(err, &failed) {
		return
	}
	fmt.Println(failed.Step, "failed:", failed.Err)
	fmt.Println("the guest's last words:", failed.Console)
	for _, r := range failed.Requests {
		fmt.Println(r)
	}
	if failed.Frame == nil {
		return
	}
	f, err := os.Create("screen.png")
	if err != nil {
		return
	}
	defer f.Close()
	_ = png.Encode(f, failed.Frame)
}

// Events tell a person how far the build is.
func ExampleBuild_observe() {
	build := imagebuild.Build{Observe: func(e imagebuild.Event) {
		switch e := e.(type) {
		case imagebuild.PhaseStarted:
			fmt.Println("==", e.Phase)
		case imagebuild.StepStarted:
			fmt.Printf("-- %d of %d: %s\n", e.Index+1, e.Total, e.Step)
		case imagebuild.Output:
			fmt.Println("  ", e.Line)
		}
	}}
	_, _ = build.Run(context.Background())
}
