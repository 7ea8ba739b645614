package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"secco/bpf"
	"secco/compiler"
	"secco/linux"
	"secco/source"
)

// Sizes in a picture.
const (
	pictureWidth  = 960
	pictureMargin = 40
	pictureInner  = pictureWidth - 2*pictureMargin
	flameHeight   = 26  // of a row
	barsHeight    = 120 // of an architecture's bars
	letterWidth   = 6.6 // about, of text of 11 pixels
)

// The colours of bars, by what becomes of a call, and what the legend says.
var barColors = []struct{ color, meaning string }{
	{"#2a9d8f", "allowed without running the filter"},
	{"#3d5a80", "allowed, or that depends on arguments"},
	{"#c44536", "never allowed"},
}

// costPicture returns a report as an SVG: a flame graph of what takes the
// program's instructions, and for each architecture's syscalls how many of them a
// call executes.
func costPicture(f *filter, r *compiler.Report) []byte {
	p := picture{y: 34}
	p.text(pictureMargin, 22, "bold", fmt.Sprintf("%s: %d instructions of at most %d", filepath.Base(f.name), r.Size, bpf.MaxInstructions))
	p.flame(r)
	byArch := map[linux.Arch][]compiler.CallCost{}
	var arches []linux.Arch
	most := 0
	for _, c := range r.Calls {
		if byArch[c.Arch] == nil {
			arches = append(arches, c.Arch)
		}
		byArch[c.Arch] = append(byArch[c.Arch], c)
		most = max(most, c.Worst)
	}
	for _, a := range arches {
		p.bars(a, byArch[a], most)
	}
	if len(arches) > 0 {
		p.y += 14
		for i, c := range barColors {
			x := pictureMargin + float64(i)*pictureInner/3
			p.rect(x, p.y, 11, 11, c.color, "")
			p.text(x+17, p.y+10, "", c.meaning)
		}
		p.y += 11
	}
	p.y += 16
	return fmt.Appendf(nil, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" font-family=\"sans-serif\" font-size=\"11\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n%s</svg>\n", pictureWidth, p.y, p.b.String())
}

// picture is an SVG in the making, down to y.
type picture struct {
	b strings.Builder
	y float64
}

func (p *picture) text(x, y float64, weight, text string) {
	if weight != "" {
		weight = fmt.Sprintf(" font-weight=%q", weight)
	}
	fmt.Fprintf(&p.b, "<text x=\"%.1f\" y=\"%.1f\"%s>%s</text>\n", x, y, weight, escaped(text))
}

// rect draws a rectangle; title is shown where the pointer rests on it.
func (p *picture) rect(x, y, width, height float64, color, title string) {
	fmt.Fprintf(&p.b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=%q", x, y, width, height, color)
	if title == "" {
		p.b.WriteString("/>\n")
		return
	}
	fmt.Fprintf(&p.b, "><title>%s</title></rect>\n", escaped(title))
}

// box draws a rectangle of a flame graph with as much of its text as there is
// room for.
func (p *picture) box(x, width float64, color, label string) {
	p.rect(x, p.y, max(width-1, 0.3), flameHeight-2, color, label)
	if letters := int((width - 8) / letterWidth); letters >= 4 {
		if runes := []rune(label); len(runes) > letters {
			label = string(runes[:letters-1]) + "…"
		}
		p.text(x+4, p.y+flameHeight/2+3, "", label)
	}
}

func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err) // a Builder takes everything
	}
	return b.String()
}

// flame draws the program, the files that take part in it, and their rules, each
// as wide as what it takes.
func (p *picture) flame(r *compiler.Report) {
	each := float64(pictureInner) / max(float64(r.Size), 1)
	type group struct {
		name  string
		size  float64
		rules []compiler.RuleSize
	}
	var groups []*group
	byFile := map[*source.File]*group{}
	for _, rule := range r.Rules {
		file := rule.Rule.File()
		if byFile[file] == nil {
			byFile[file] = &group{name: filepath.Base(file.Name())}
			groups = append(groups, byFile[file])
		}
		g := byFile[file]
		g.size += rule.Instructions
		g.rules = append(g.rules, rule)
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return -cmp.Compare(a.size, b.size) })
	p.box(pictureMargin, pictureInner, "#ddd6c8", fmt.Sprintf("program: %d", r.Size))
	p.y += flameHeight
	x := float64(pictureMargin)
	for _, g := range groups {
		p.box(x, g.size*each, "#f1b24a", fmt.Sprintf("%s: %.0f", g.name, g.size))
		p.y += flameHeight
		for i, rule := range g.rules {
			width := rule.Instructions * each
			p.box(x, width, [...]string{"#f4a261", "#f6bd8b"}[i%2], fmt.Sprintf("%s (line %d): %.1f", opening(rule.Rule), rule.Rule.Position().Line, rule.Instructions))
			x += width
		}
		p.y -= flameHeight
	}
	if r.Shared > 0 {
		p.box(x, float64(r.Shared)*each, "#c9cdd2", fmt.Sprintf("shared by all rules: %d", r.Shared))
	}
	p.y += 2 * flameHeight
}

// opening returns the beginning of a rule's text, on one line.
func opening(rule source.Span) string {
	text := strings.Join(strings.Fields(rule.Text()), " ")
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "?")
	}
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:59]) + "…"
	}
	return text
}

// bars draws the syscalls of an architecture in the order of their numbers, each
// from the shortest to the longest way through the program.
func (p *picture) bars(a linux.Arch, calls []compiler.CallCost, most int) {
	p.y += 30
	p.text(pictureMargin, p.y-8, "bold", fmt.Sprintf("%s: instructions that a call executes, from the shortest way to the longest, by syscall number", a))
	height := func(n float64) float64 { return n / float64(most) * barsHeight }
	step := math.Pow(10, math.Floor(math.Log10(float64(most))))
	if float64(most)/step < 3 {
		step /= 2
	}
	for n := 0.0; n <= float64(most); n += max(step, 1) {
		y := p.y + barsHeight - height(n)
		fmt.Fprintf(&p.b, "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e4e4e4\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.0f</text>\n",
			pictureMargin, pictureWidth-pictureMargin, y, y, pictureMargin-5, y+4, n)
	}
	each := float64(pictureInner) / float64(len(calls))
	for i, c := range calls {
		color := barColors[1].color
		switch {
		case c.Cached:
			color = barColors[0].color
		case !slices.ContainsFunc(c.Actions, mayAllow):
			color = barColors[2].color
		}
		top := height(float64(c.Worst)) + 1
		bottom := max(height(float64(c.Best))-1, 0)
		x, width := pictureMargin+float64(i)*each, max(each*0.85, 0.5)
		fmt.Fprintf(&p.b, "<g opacity=\"0.3\">")
		p.rect(x, p.y+barsHeight-bottom, width, bottom, color, "")
		p.b.WriteString("</g>")
		p.rect(x, p.y+barsHeight-top, width, top-bottom, color,
			fmt.Sprintf("%s: %d to %d, %.1f in the mean; %s", callName(&c), c.Best, c.Worst, c.Mean, strings.Join(actionNames(&c), ", ")))
	}
	p.y += barsHeight
}

// mayAllow reports whether a call may be carried out, as it is or by the leave of
// another process.
func mayAllow(a linux.Action) bool {
	switch a.Kind() {
	case linux.Allow, linux.Log, linux.Trace, linux.Notify:
		return true
	}
	return false
}
