package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"secco/compiler"
)

var costCommand = &cli.Command{
	Name:      "cost",
	Usage:     "say what a filter costs: the size of its program and where it goes, and instructions per call",
	ArgsUsage: "FILTER...",
	Description: "best, mean and worst are the instructions that a call executes, over the ways that its arguments\n" +
		"can take it; \"cached\" is an allow for which kernels since 5.11 do not run the filter at all.",
	Flags: flags([]cli.Flag{archFlag, optimizeFlag, freqFlag}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		f, err := s.load(s.Args().Slice()...)
		if err != nil {
			return err
		}
		out, err := s.compile(f)
		if err != nil {
			return err
		}
		p, err := s.meaning(f)
		if err != nil {
			return err
		}
		report := compiler.Cost(p, out)
		if s.json {
			return s.print(costLines(report))
		}
		return s.print(costTable(f, report))
	}),
}

// costTable returns a report for people.
func costTable(f *filter, r *compiler.Report) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d instructions, %d of them shared by all rules\n", f.name, r.Size, r.Shared)
	if len(r.Rules) > 0 {
		b.WriteString("\ninstructions  rule\n")
		for _, rule := range r.Rules {
			fmt.Fprintf(&b, "%12.1f  %s\n", rule.Instructions, rule.Rule)
		}
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "arch\tsyscall\tbest\tmean\tworst\tcached\tactions")
	for _, c := range r.Calls {
		cached := ""
		if c.Cached {
			cached = "cached"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%.1f\t%d\t%s\t%s\n", c.Arch, callName(&c), c.Best, c.Mean, c.Worst, cached, strings.Join(actionNames(&c), ", "))
	}
	if err := w.Flush(); err != nil {
		panic(err) // a Builder takes everything
	}
	return []byte(b.String())
}

// costLines returns a report as JSON: a line for the program, one for each rule
// and one for each syscall.
func costLines(r *compiler.Report) []byte {
	lines := jsonLine(struct {
		Instructions int `json:"instructions"`
		Shared       int `json:"shared"`
	}{r.Size, r.Shared})
	for _, rule := range r.Rules {
		lines = append(lines, jsonLine(struct {
			Rule         string  `json:"rule"`
			Instructions float64 `json:"instructions"`
		}{rule.Rule.String(), rule.Instructions})...)
	}
	for _, c := range r.Calls {
		lines = append(lines, jsonLine(struct {
			Arch         string   `json:"arch"`
			NR           uint32   `json:"nr"`
			Syscall      string   `json:"syscall,omitempty"`
			Best         int      `json:"best"`
			Mean         float64  `json:"mean"`
			Worst        int      `json:"worst"`
			Instructions int      `json:"instructions"`
			Cached       bool     `json:"cached"`
			Actions      []string `json:"actions"`
		}{c.Arch.String(), c.NR, c.Name, c.Best, c.Mean, c.Worst, c.Instructions, c.Cached, actionNames(&c)})...)
	}
	return lines
}

func callName(c *compiler.CallCost) string {
	if c.Name == "" {
		return fmt.Sprintf("%#x", c.NR)
	}
	return c.Name
}

func actionNames(c *compiler.CallCost) []string {
	names := make([]string, len(c.Actions))
	for i, a := range c.Actions {
		names[i] = a.String()
	}
	return names
}
