package template_test

import (
	"context"
	"fmt"

	"github.com/bootscribe/bootscribe/template"
)

func Example() {
	text := `{
  "variables": {"name": "web"},
  "builders": [{
    "type": "qemu",
    "iso_url": "debian.iso",
    "iso_checksum": "none",
    "headless": true,
    "disk_size": "20G",
    "ssh_username": "root",
    "boot_command": ["<esc>auto url=http://{{ .HTTPIP }}/{{ user \"name\" }}.cfg<enter>"]
  }]
}`
	tmpl, err := template.Parse(context.Background(), "web.json", []byte(text), &template.Config{
		Vars: map[string]string{"name": "mail"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	builds, err := tmpl.Builds()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range builds {
		fmt.Println(b.Name, b.Image.Disk.Size>>30, "GiB", b.Commands[0].Text)
	}
	// Output: qemu 20 GiB <esc>auto url=http://10.0.2.2/mail.cfg<enter>
}

func ExampleParse_error() {
	_, err := template.Parse(context.Background(), "web.json", []byte(`{"builder": []}`), nil)
	fmt.Println(err)
	// Output:
	// web.json:1:2: builder: there is no such part of a template; write "builders" if that is meant
	//     {"builder": []}
	//      ^
}
