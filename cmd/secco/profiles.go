package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/profiles"
)

var profilesCommand = &cli.Command{
	Name:      "profiles",
	Usage:     "list the policies that secco ships, or print one",
	ArgsUsage: "[NAME]",
	Flags:     []cli.Flag{outputFlag},
	Action: action(func(s *session) error {
		if err := s.want(0, 1); err != nil {
			return err
		}
		if s.NArg() == 1 {
			text, ok := profiles.Lookup(s.Args().First())
			if !ok {
				return badInput("unknown-profile", "no shipped policy is called %q", s.Args().First()).
					hint("they are %s", strings.Join(profiles.Names(), ", "))
			}
			return s.write(text)
		}
		var list strings.Builder
		for _, name := range profiles.Names() {
			text, _ := profiles.Lookup(name)
			fmt.Fprintf(&list, "%-14s %s\n", name, summary(string(text)))
		}
		return s.write([]byte(list.String()))
	}),
}

// summary returns the first sentence of the comment that a policy begins with.
func summary(text string) string {
	var words []string
	for line := range strings.Lines(text) {
		line, isComment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !isComment {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	for i, w := range words {
		if strings.HasSuffix(w, ".") || strings.HasSuffix(w, ":") || strings.HasSuffix(w, ";") {
			words[i] = w[:len(w)-1]
			return strings.Join(words[:i+1], " ")
		}
	}
	return strings.Join(words, " ")
}
