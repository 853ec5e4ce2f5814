package detect_test

import (
	"fmt"
	"log"
	"time"

	"github.com/bootscribe/bootscribe/detect"
)

func Example() {
	rules := detect.Default()
	rules.Rule("out-of-memory").Class = detect.Info
	rules.Add(detect.Rule{Name: "no-licence", Class: detect.Fatal, Pattern: `^licence not found`, Hint: "Put licence.txt on the seed CD."})
	d, err := detect.New(rules)
	if err != nil {
		log.Fatal(err)
	}

	now := time.Now()
	for _, f := range d.Feed(now, detect.Serial, []byte("starting\r\nlicence not found in /media\r\n")) {
		fmt.Println(f)
	}
	d.Screen(now, []string{"GNU GRUB", "", "grub>"})
	now = now.Add(30 * time.Second) // nobody types
	found, _ := d.Due(now)
	for _, f := range found {
		fmt.Println(f.Name, f.Fails, f.At.Sub(f.First))
	}
	// Output:
	// no-licence (fatal), serial line 2: "licence not found in /media"; Put licence.txt on the seed CD.
	// grub-prompt true 30s
}
