package main

import (
	"fmt"
	"math"
	"strings"

	"secco/test/bench"
)

// bar is one compiler's row of a chart.
type bar struct {
	name    string
	figures []bench.Figures // by workload; no size where there is none
}

// colors are easy to tell apart for most eyes, the first being secco's.
var colors = []string{"#0b6e4f", "#c44536", "#e29578", "#3d5a80", "#8d99ae", "#b08968", "#6b705c"}

// bars returns what the chart shows: the default mode of secco, the compilers
// built here, and those recorded that come closest.
func (r *report) bars() []bar {
	var bars []bar
	for i, c := range r.compilers {
		if c.ours && i > 0 {
			continue
		}
		b := bar{name: c.name}
		for _, cell := range r.results[i] {
			b.figures = append(b.figures, cell.figures)
		}
		bars = append(bars, b)
	}
	for _, c := range recorded {
		if c.name != "kafel" && c.name != "minijail, tree" {
			continue
		}
		b := bar{name: c.name + " (recorded)"}
		for _, w := range r.workloads {
			b.figures = append(b.figures, c.figures[w.Name])
		}
		bars = append(bars, b)
	}
	return bars
}

// chart returns two panels of bars as SVG: the size of the programs, and what a
// call executes in the mean. Both scales are logarithmic.
func (r *report) chart() string {
	const width, panel, left = 900, 230, 60
	bars := r.bars()
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		width, 2*panel+50)
	r.panel(&b, bars, "instructions of the program", 30, panel-60, left, width, 10, 2000,
		func(f bench.Figures) float64 { return float64(f.Size) })
	r.panel(&b, bars, "instructions executed for a call, mean over the syscalls", panel+30, panel-60, left, width, 5, 300,
		func(f bench.Figures) float64 { return f.Uniform })
	for i, bar := range bars {
		x := left + i*118
		fmt.Fprintf(&b, "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>\n",
			x, 2*panel+16, colors[i], x+17, 2*panel+26, bar.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (r *report) panel(b *strings.Builder, bars []bar, title string, top, height, left, width int, low, high float64, value func(bench.Figures) float64) {
	at := func(v float64) float64 { return math.Log(v/low) / math.Log(high/low) * float64(height) }
	bottom := top + height
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>\n", left, top-10, title)
	for _, tick := range []float64{5, 10, 20, 50, 100, 200, 500, 1000, 2000} {
		if tick < low || tick > high {
			continue
		}
		y := float64(bottom) - at(tick)
		fmt.Fprintf(b, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
			left, width-20, y, y, left-6, y+4, tick)
	}
	group := (width - 20 - left) / len(r.workloads)
	thick := (group - 14) / len(bars)
	for j, w := range r.workloads {
		x := left + j*group + 7
		for i, bar := range bars {
			v := value(bar.figures[j])
			if v == 0 {
				continue // the compiler does not take this workload
			}
			tall := at(v)
			fmt.Fprintf(b, "<rect x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\" fill=\"%s\"><title>%s, %s: %.4g</title></rect>\n",
				x+i*thick, float64(bottom)-tall, thick-2, tall, colors[i], w.Name, bar.name, v)
		}
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x+group/2-7, bottom+16, w.Name)
	}
}
