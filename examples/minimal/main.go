// Minimal is the program of the README: it builds a Debian from the mirrors or
// files of a netinst medium that it is given.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/bootscribe/bootscribe/imagebuild"
	"github.com/bootscribe/bootscribe/iso"
	"github.com/bootscribe/bootscribe/ssh"
)

func main() {
	build := imagebuild.Build{
		Output:    "debian.qcow2",
		Media:     iso.Source{URLs: os.Args[1:], Checksum: "file:SHA256SUMS"},
		Templates: os.DirFS("answers"),      // preseed.cfg, which may use {{.SSHPublicKey}}
		SSH:       ssh.Config{User: "root"}, // with a temporary key
		Steps: []imagebuild.Step{
			imagebuild.TypeFunc(func(v imagebuild.Vars) string {
				return `<wait "Install"><esc><wait "boot:">auto url=` + v.URL + "/preseed.cfg<enter>"
			}),
			imagebuild.WaitFetch("/preseed.cfg"),
			imagebuild.Shell("apt-get install -y nginx"), // waits for SSH
		},
		StepTimeout: 3 * time.Hour, // an installation without KVM takes its time
	}
	image, err := build.Run(context.Background())
	if err != nil {
		log.Fatal(err) // names the step, the cause and the remedy
	}
	log.Print(image.Path, image.Digest)
}
