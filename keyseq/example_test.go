package keyseq_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bootscribe/bootscribe/keyseq"
)

// keyboard prints the keys that it gets; a *vnc.Conn sends them to a machine.
type keyboard struct{}

func (keyboard) Key(keysym uint32, code uint16, down bool) error {
	fmt.Printf("keysym %X, code %02X, down %v\n", keysym, code, down)
	return nil
}

func Example() {
	seq, err := keyseq.Parse("<esc>@")
	if err != nil {
		fmt.Println(err)
		return
	}
	german, err := keyseq.LayoutByName("de")
	if err != nil {
		fmt.Println(err)
		return
	}
	p := keyseq.Player{Keyboard: keyboard{}, Layout: german}
	if err := p.Play(context.Background(), seq); err != nil {
		fmt.Println(err)
	}
	// Output:
	// keysym FF1B, code 01, down true
	// keysym FF1B, code 01, down false
	// keysym FE03, code B8, down true
	// keysym 71, code 10, down true
	// keysym 71, code 10, down false
	// keysym FE03, code B8, down false
}

func ExampleParse() {
	seq, err := keyseq.Parse("<esc><wait5>linux<bs*2><enter>")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, step := range seq {
		fmt.Printf("%s %T %s\n", step.Pos(), step, step)
	}
	// Output:
	// 1:1 keyseq.Press <esc>
	// 1:6 keyseq.Wait <wait5s>
	// 1:13 keyseq.Text linux
	// 1:18 keyseq.Press <bs*2>
	// 1:24 keyseq.Press <enter>
}

// The player asks the program when the screen shows what a wait is for.
func ExamplePlayer_wait() {
	seq, err := keyseq.Parse(`<esc><wait "boot:" 30s>@`)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := keyseq.Player{Keyboard: keyboard{}, Wait: func(_ context.Context, w keyseq.WaitFor) error {
		if shows, ok := w.Fact.(keyseq.Shows); ok {
			fmt.Printf("looking for %s, %v at most\n", shows.Pattern, w.Limit)
		}
		return nil
	}}
	if err := p.Play(context.Background(), seq[:2]); err != nil {
		fmt.Println(err)
	}
	// Output:
	// keysym FF1B, code 01, down true
	// keysym FF1B, code 01, down false
	// looking for boot:, 30s at most
}

func ExampleParse_error() {
	_, err := keyseq.Parse("<esc>\n<wait0s>")
	var e *keyseq.SyntaxError
	if errors.As(err, &e) {
		fmt.Println(e.Line, e.Column, e.Token)
	}
	// Output: 2 1 <wait0s>
}

func ExampleQuote() {
	password := "a<enter>b"
	fmt.Println("root<enter>" + keyseq.Quote(password) + "<enter>")
	// Output: root<enter>a<lt>enter>b<enter>
}

func ExampleLint() {
	for _, f := range keyseq.Lint("<esc><WAIT>linux<space>quiet\n", nil) {
		fmt.Println(f)
	}
	// Output:
	// 1:6: warning: <WAIT> is no wait; it is typed as text (bad-wait); write <wait>
	// 1:17: warning: <space> is no token; it is typed as text (unknown-token); write <spacebar>
	// 1:29: error: a line end does not press Enter; it would be dropped (control-character); write <enter>
}

func ExampleSequence_Cost() {
	seq, err := keyseq.Parse("<esc><wait5>linux")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(seq.Keys(), seq.Cost(nil, 0), seq.Cost(nil, 100*time.Millisecond))
	// Output: 6 5s 6.2s
}

func ExampleSequence_Events() {
	seq, err := keyseq.Parse("<esc><wait>Ab")
	if err != nil {
		fmt.Println(err)
		return
	}
	for e := range seq.Events(nil) {
		fmt.Print(e, " ")
	}
	// Output: +FF1B -FF1B w1s +FFE1 +41 -41 -FFE1 +62 -62
}
