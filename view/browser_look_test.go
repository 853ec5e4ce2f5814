package view

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
)

// sound fails the test if the page is wider than the window, has an image or a
// control without a name, text of too little contrast, or has met an error.
func (b *browser) sound(what string) {
	b.t.Helper()
	var problems []string
	b.eval(soundScript, &problems)
	b.mu.Lock()
	problems = append(problems, b.said...)
	b.said = nil
	b.mu.Unlock()
	for _, p := range problems {
		b.t.Errorf("%s: %s", what, p)
	}
}

// everyLook looks at the page wide and narrow, light and dark.
func (b *browser) everyLook(name string) {
	b.t.Helper()
	for _, width := range []int{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			what := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			b.show(width, scheme)
			b.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))", nil)
			b.picture(what)
			b.sound(what)
		}
	}
}

// soundScript looks for what makes a page hard to use. Contrast is that of WCAG
// 2.2, 1.4.3: 4.5 to 1.
const soundScript = `(() => {
  const bad = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    bad.push("wider than the window: " + root.scrollWidth + " > " + root.clientWidth);
    for (const e of document.querySelectorAll("body *"))
      if (e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest(".film, pre, .notes")) bad.push("  " + e.tagName + "." + e.className);
  }
  const hidden = (e) => !e.checkVisibility();
  for (const e of document.querySelectorAll("img")) if (!hidden(e) && !e.alt) bad.push("image without alt");
  for (const e of document.querySelectorAll("button, input, canvas, a, summary")) {
    const name = e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length);
    if (!hidden(e) && !name) bad.push(e.tagName + " without a name");
  }
  const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (s) => { c.clearRect(0, 0, 1, 1); c.fillStyle = s; c.fillRect(0, 0, 1, 1); const d = c.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3]));
  const light = (x) => { const l = x.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const behind = (e) => { const layers = []; for (; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor)); return layers.reverse().reduce((b, l) => over(l, b), rgba(getComputedStyle(root).colorScheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#fff").slice(0, 3)); };
  const seen = new Set();
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || hidden(e) || e.closest("script, style, noscript")) continue;
    let faded = 1;
    for (let p = e; p; p = p.parentElement) faded *= Number(getComputedStyle(p).opacity);
    const back = behind(e), fore = rgba(getComputedStyle(e).color);
    fore[3] *= faded;
    const a = light(over(fore, back)), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const key = e.tagName + "." + e.className + " in " + e.parentElement.className + " in " + (e.closest("[class]:not(time):not(span)") || e).className;
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); bad.push("contrast " + ratio.toFixed(2) + ": " + key + ": " + walk.currentNode.textContent.trim().slice(0, 30)); }
  }
  return bad;
})()`

// picture writes a screenshot of the whole page where VIEW_PICTURES says, for
// people to look at.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("VIEW_PICTURES")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.do("Page.captureScreenshot", object{"captureBeyondViewport": true, "format": "png"}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
