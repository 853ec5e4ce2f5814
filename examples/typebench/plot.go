package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
)

// The picture: its size, the borders, and what it shows of the rates.
const (
	plotWidth, plotHeight = 860, 520
	plotLeft, plotRight   = 70, 160
	plotTop, plotBottom   = 50, 60
	slowest, fastest      = 1, 20000 // characters a second
)

var colours = []string{"#1b6ca8", "#c8553d", "#3a7d44", "#7b4fa0", "#b8860b", "#2a9d8f", "#8c2f39", "#5c677d", "#d1495b", "#00798c"}

// plot reads results and draws the rate of each guest against the load.
func plot(in io.Reader, out io.Writer) error {
	all, err := readSeries(in)
	if err != nil {
		return err
	}
	rates := map[string]map[int][]float64{} // of a guest, at a load
	loads := map[int]bool{}
	for _, s := range all {
		name := s.guest
		switch {
		case s.mode == "open-loop" || strings.HasSuffix(s.mode, "/s") || len(s.rates) == 0:
			continue
		case s.blind():
			name = "Packer, " + s.mode
		}
		if rates[name] == nil {
			rates[name] = map[int][]float64{}
		}
		rates[name][s.load] = append(rates[name][s.load], s.rates...)
		loads[s.load] = true
	}
	_, err = io.WriteString(out, draw(rates, slices.Sorted(maps.Keys(loads))))
	return err
}

func draw(rates map[string]map[int][]float64, loads []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n",
		plotWidth, plotHeight, plotWidth, plotHeight)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="28" font-size="16">Characters a second</text>`+"\n", plotLeft)
	axes(&b, loads)
	var ends [][2]float64
	for i, name := range byLastRate(rates, loads) {
		ends = line(&b, name, colours[i%len(colours)], rates[name], loads, ends)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// byLastRate returns the names as they are to stand, the fastest first.
func byLastRate(rates map[string]map[int][]float64, loads []int) []string {
	last := func(name string) (rate float64) {
		for _, load := range loads {
			if values := rates[name][load]; len(values) > 0 {
				rate = median(values)
			}
		}
		return rate
	}
	return slices.SortedFunc(maps.Keys(rates), func(a, b string) int {
		return cmp.Or(cmp.Compare(last(b), last(a)), cmp.Compare(a, b))
	})
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func axes(b *strings.Builder, loads []int) {
	for rate := 1.0; rate <= fastest; rate *= 10 {
		y := height(rate)
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			plotLeft, y, plotWidth-plotRight, plotLeft-8, y+4, rate)
	}
	for i, load := range loads {
		x := place(i, loads)
		fmt.Fprintf(b, `<path d="M%.1f %dV%d" stroke="#eee"/><text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n",
			x, plotTop, plotHeight-plotBottom, x, plotHeight-plotBottom+20, load)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">busy loops beside it, on 2 cores</text>`+"\n",
		(plotLeft+plotWidth-plotRight)/2, plotHeight-plotBottom+44)
}

// line draws one guest. Its name goes where the line ends, or below the names
// that are there already.
func line(b *strings.Builder, name, colour string, rates map[int][]float64, loads []int, ends [][2]float64) [][2]float64 {
	var path strings.Builder
	var x, y float64
	for i, load := range loads {
		values := rates[load]
		if len(values) == 0 {
			continue
		}
		x, y = place(i, loads), height(median(values))
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(path.Len(), 1)], x, y)
		for _, v := range values {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`+"\n", x, height(v), colour)
		}
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", path.String(), colour)
	label := y
	for slices.ContainsFunc(ends, func(e [2]float64) bool { return e[0] == x && math.Abs(e[1]-label) < 14 }) {
		label++
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", x+10, label+4, colour, name)
	return append(ends, [2]float64{x, label})
}

func place(i int, loads []int) float64 {
	width := float64(plotWidth - plotLeft - plotRight)
	return plotLeft + width*float64(i)/float64(max(len(loads)-1, 1))
}

func height(rate float64) float64 {
	share := math.Log(max(rate, slowest)/slowest) / math.Log(fastest/slowest)
	return plotHeight - plotBottom - share*(plotHeight-plotTop-plotBottom)
}
