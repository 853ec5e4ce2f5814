package screen_test

import (
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"regexp"
	"time"

	"github.com/bootscribe/bootscribe/screen"
)

// A picture of a boot loader's prompt, as text and as a place to look for.
func ExampleReader_Read() {
	f, err := os.Open("testdata/isolinux.png")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	var reader screen.Reader // keep it for the next picture
	text, err := reader.Read(picture)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range text.Find(regexp.MustCompile(`boot: (.*)`), image.Rectangle{}) {
		fmt.Println("typed so far:", m.Groups[0], "at", text.Bounds(m.Cells).Min)
	}
}

// Text memory, which QEMU can save, says what is on a screen in text mode.
func ExampleVGAMemory() {
	memory := make([]byte, 80*25*2) // of physical address 0xB8000
	for i, char := range "No bootable device." {
		memory[2*i], memory[2*i+1] = byte(char), 0x07
	}
	text, err := screen.VGAMemory(memory, 80)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(text)
	fmt.Println(text.At(0, 0).FG)
	// Output:
	// No bootable device.
	// {168 168 168 255}
}

// A screen that must not change for two seconds, but for a cursor.
func ExampleSettled() {
	settled := screen.Settled{For: 2 * time.Second, Ignore: 9 * 16}
	frame := image.NewRGBA(image.Rect(0, 0, 720, 400))
	start := time.Now()
	for second := range 4 {
		fmt.Println(settled.See(frame, start.Add(time.Duration(second)*time.Second)))
	}
	// Output:
	// false
	// false
	// true
	// true
}

// A part of an older screen, looked for in a new one.
func ExampleFindImage() {
	frame := image.NewRGBA(image.Rect(0, 0, 64, 48))
	draw.Draw(frame, frame.Rect, image.Black, image.Point{}, draw.Src)
	for x := 40; x < 50; x++ {
		frame.Pix[frame.PixOffset(x, 20)] = 200 // a red line
	}
	needle := screen.Needle{Image: frame.SubImage(image.Rect(38, 19, 52, 22)), Tolerance: 8}
	at, ok, err := screen.FindImage(frame, needle, image.Rectangle{})
	fmt.Println(at, ok, err)
	// Output:
	// (38,19)-(52,22) true <nil>
}
