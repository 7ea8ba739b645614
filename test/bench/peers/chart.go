package main

import (
	"fmt"
	"math"
	"strings"

	"secco/test/bench"
)

// A picture is an SVG that is readable on light and dark pages alike.
type picture struct{ strings.Builder }

// colors are easy to tell apart for most eyes, on white and on black, the first
// being secco's.
var colors = []string{"#0f9d6c", "#d1495b", "#e99a6c", "#4a7fc1", "#8d99ae", "#b0802f", "#a05fb4"}

func newPicture(width, height int) *picture {
	p := &picture{}
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" font-family="sans-serif" font-size="13">
<style>
.page { fill: #fff } text { fill: #222 } .grid { stroke: #ddd } .mark { stroke: #888 }
@media (prefers-color-scheme: dark) { .page { fill: #0d1117 } text { fill: #ddd } .grid { stroke: #333 } }
</style>
<rect class="page" width="100%%" height="100%%"/>
`, width, height)
	return p
}

func (p *picture) end() string {
	p.WriteString("</svg>\n")
	return p.String()
}

func (p *picture) text(x, y float64, anchor, more, text string) {
	fmt.Fprintf(p, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, more, text)
}

func (p *picture) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(p, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2)
}

func (p *picture) dot(x, y, radius float64, color, more, title string) {
	fmt.Fprintf(p, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"%s><title>%s</title></circle>\n", x, y, radius, color, more, title)
}

const (
	bold = ` font-weight="bold"`
	left = 60.0 // room for the scale
)

// series is one compiler's row of the table.
type series struct {
	name    string
	figures []bench.Figures // by workload; no size where there is none
}

// shown returns the default mode of secco, the compilers built here, and those
// recorded that come closest.
func (r *report) shown() []series {
	var all []series
	for i, c := range r.compilers {
		if c.ours && i > 0 {
			continue
		}
		s := series{name: c.name}
		for _, cell := range r.results[i] {
			s.figures = append(s.figures, cell.figures)
		}
		all = append(all, s)
	}
	for _, c := range recorded {
		if c.name != "kafel" && c.name != "minijail, tree" {
			continue
		}
		s := series{name: c.name + " (recorded)"}
		for _, w := range r.workloads {
			s.figures = append(s.figures, c.figures[w.Name])
		}
		all = append(all, s)
	}
	return all
}

// chart shows the size of the programs, and what a call executes in the mean, both
// on logarithmic scales.
func (r *report) chart() string {
	const width, panel = 900, 250
	all := r.shown()
	p := newPicture(width, 2*panel+70)
	r.panel(p, all, "instructions of the program", 36, panel-66, width, 10, 2000, "%.0f",
		func(f bench.Figures) float64 { return float64(f.Size) })
	r.panel(p, all, "instructions executed for a call, mean over the syscalls", panel+36, panel-66, width, 5, 300, "%.1f",
		func(f bench.Figures) float64 { return f.Uniform })
	for i, s := range all {
		const row = 4
		x, y := left+float64(i%row)*210, float64(2*panel+22+24*(i/row))
		p.dot(x+6, y-4, 6, colors[i], "", s.name)
		p.text(x+18, y, "start", "", s.name)
	}
	return p.end()
}

func (r *report) panel(p *picture, all []series, title string, top, height, width, low, high float64, format string, value func(bench.Figures) float64) {
	bottom := top + height
	at := func(v float64) float64 { return bottom - math.Log(v/low)/math.Log(high/low)*height }
	p.text(left, top-14, "start", bold, title)
	for _, tick := range []float64{5, 10, 20, 50, 100, 200, 500, 1000, 2000} {
		if tick >= low && tick <= high {
			p.line("grid", left, at(tick), width-20, at(tick))
			p.text(left-8, at(tick)+4, "end", "", fmt.Sprint(tick))
		}
	}
	group := (width - 20 - left) / float64(len(r.workloads))
	apart := (group - 66) / float64(len(all)-1)
	for j, w := range r.workloads {
		x := left + float64(j)*group
		p.text(x+group/2, bottom+20, "middle", "", w.Name)
		if j > 0 {
			p.line("grid", x, top, x, bottom)
		}
		for i, s := range all {
			v := value(s.figures[j])
			if v == 0 {
				continue // the compiler does not take this workload
			}
			radius, number := 5.0, fmt.Sprintf(format, v)
			if i == 0 {
				radius = 6.5
				p.text(x+40, at(v)+5, "end", bold, number)
			}
			p.dot(x+52+float64(i)*apart, at(v), radius, colors[i], "", fmt.Sprintf("%s, %s: %s", w.Name, s.name, number))
		}
	}
}

// chart shows every workload outside the table as a dot for its size and one for
// what it executes.
func (o *outside) chart() string {
	const width, row, margin, most = 900, 64, 205.0, 1.5
	p := newPicture(width, 74+row*len(o.groups)+30)
	at := func(v float64) float64 { return margin + min(v, most)/most*(width-margin-30) }
	bottom := float64(60 + row*len(o.groups))
	p.text(20, 24, "start", bold, "secco's programs against the best of the others, workload by workload")
	p.dot(at(0)+8, 42, 5, colors[0], "", "size")
	p.text(at(0)+18, 46, "start", "", "size")
	p.dot(at(0)+78, 42, 5, colors[3], "", "executed")
	p.text(at(0)+88, 46, "start", "", "instructions executed for a call, in the mean")
	p.text(at(1)+6, 46, "start", "", "1: as the best of the others")
	for tick := 0.0; tick <= most; tick += 0.25 {
		p.line(map[bool]string{true: "mark", false: "grid"}[tick == 1], at(tick), 54, at(tick), bottom)
		p.text(at(tick), bottom+18, "middle", "", fmt.Sprint(tick))
	}
	for i, g := range o.groups {
		top := float64(60 + row*i)
		p.line("grid", 20, top-3, width-30, top-3)
		p.text(20, top+24, "start", "", g.name)
		p.text(20, top+42, "start", "", fmt.Sprint(len(g.workloads), " workloads"))
		for n, c := range o.results[i] {
			spread := float64(n * 7 % 20) // so that equal ones don't hide each other
			p.dot(at(c.size.value), top+6+spread, 3.5, colors[0], ` fill-opacity="0.7"`, fmt.Sprintf("%s: %.2f", c.workload.Name, c.size.value))
			p.dot(at(c.mean.value), top+34+spread, 3.5, colors[3], ` fill-opacity="0.7"`, fmt.Sprintf("%s: %.2f", c.workload.Name, c.mean.value))
		}
	}
	return p.end()
}
