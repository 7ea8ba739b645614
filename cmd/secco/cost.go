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
		"can take it; \"cached\" is an allow for which kernels since 5.11 do not run the filter at all.\n" +
		"The format svg is a picture: a flame graph of what takes the program's instructions, and bars of\n" +
		"what every syscall executes.",
	Flags: flags([]cli.Flag{
		archFlag, outputFlag, optimizeFlag, freqFlag,
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "`FORMAT` of the report: table, json, svg (default: by the ending of --output, else table; --json is --format json)"},
	}, inputFlags),
	Action: action(func(s *session) error {
		if err := s.want(1, -1); err != nil {
			return err
		}
		write, err := s.costFormat()
		if err != nil {
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
		return s.write(write(f, compiler.Cost(p, out)))
	}),
}

// costFormat returns what writes reports in the format that the flags ask for.
func (s *session) costFormat() (func(*filter, *compiler.Report) []byte, error) {
	format := s.String("format")
	if format == "" {
		switch ending := s.ending(); {
		case s.json:
			format = "json"
		case ending == ".json", ending == ".svg":
			format = ending[1:]
		default:
			if f := s.promised("a table"); f != nil {
				return nil, f.hint("--format is table, json or svg")
			}
		}
	}
	switch format {
	case "", "table":
		return costTable, nil
	case "json":
		return costLines, nil
	case "svg":
		return costPicture, nil
	}
	return nil, badInput("unknown-format", "no report is called %q", format).hint("there is table, json, svg")
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
func costLines(_ *filter, r *compiler.Report) []byte {
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
