package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"secco/convert/readers"
	"secco/linux"
	"secco/profiles"
)

// completeWord is the hidden command that the completion scripts ask: behind it stand
// the words before the cursor, without the program's, and last the word at the cursor,
// which may be empty. The answer is a candidate a line, behind a tab what it is for.
const completeWord = "__complete"

// What stands for candidates that the shell knows itself.
const (
	candidateFiles    = ":files"
	candidateCommands = ":commands"
)

// complete returns what may stand at the cursor.
func complete(app *cli.App, words []string) []string {
	if len(words) == 0 {
		words = []string{""}
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	for len(before) > 0 && strings.HasPrefix(before[0], "-") {
		before = before[1:] // the program's own flags
	}
	switch {
	case len(before) == 0 && strings.HasPrefix(word, "-"):
		return matching(flagCandidates(app.Flags), word)
	case len(before) == 0 || len(before) == 1 && before[0] == "help":
		return matching(commandCandidates(app), word)
	}
	cmd := app.Command(before[0])
	if cmd == nil {
		return nil
	}
	before = before[1:]
	last := ""
	if len(before) > 0 {
		last = before[len(before)-1]
	}
	ended := slices.Contains(before, "--")
	switch {
	case !ended && isFlag(last) && wantsValue(cmd, last):
		return flagValues(cmd, strings.TrimLeft(last, "-"), word)
	case !ended && strings.HasPrefix(word, "-") && !(cmd == runCommand && len(arguments(cmd, before)) > 0):
		return matching(flagCandidates(cmd.Flags), word)
	}
	return argumentCandidates(cmd, before, word)
}

// matching returns the candidates that begin with a word.
func matching(list []string, word string) []string {
	return slices.DeleteFunc(list, func(c string) bool { return !strings.HasPrefix(c, word) })
}

func commandCandidates(app *cli.App) []string {
	var list []string
	for _, c := range app.Commands {
		if !c.Hidden {
			list = append(list, c.Name+"\t"+c.Usage)
		}
	}
	return list
}

// flagCandidates returns flags by their long names, and those without one.
func flagCandidates(flags []cli.Flag) []string {
	var list []string
	for _, f := range append(slices.Clone(flags), cli.HelpFlag) {
		name := f.Names()[0]
		usage := ""
		if d, ok := f.(cli.DocGenerationFlag); ok {
			usage = strings.ReplaceAll(d.GetUsage(), "`", "")
		}
		list = append(list, strings.Repeat("-", min(len(name), 2))+name+"\t"+usage)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// arguments returns the words that are no flags and no flags' values.
func arguments(cmd *cli.Command, before []string) []string {
	_, rest, err := split(cmd, before, -1)
	if err != nil {
		return nil
	}
	return rest
}

// argumentCandidates returns what may be the next argument.
func argumentCandidates(cmd *cli.Command, before []string, word string) []string {
	n := len(arguments(cmd, before))
	filters := append(matching(profiles.Names(), word), candidateFiles)
	switch {
	case cmd == completionCommand:
		return matching([]string{"bash", "zsh", "fish"}, word)
	case cmd == profilesCommand:
		return matching(profiles.Names(), word)
	case cmd == doctorCommand:
		return nil
	case cmd == asmCommand, cmd == fmtCommand, cmd == runCommand && n > 1:
		return []string{candidateFiles}
	case cmd == runCommand && n == 1:
		return []string{candidateCommands, candidateFiles}
	case cmd == emulateCommand && n > 1:
		return nil
	case cmd == emulateCommand && n == 1:
		var names []string
		arch := linux.X86_64
		for i, w := range before[:len(before)-1] {
			if a, ok := linux.ParseArch(before[i+1]); ok && (w == "--arch" || w == "-a") {
				arch = a
			}
		}
		for _, c := range arch.Syscalls() {
			names = append(names, c.Name)
		}
		return matching(names, word)
	}
	return filters
}

// flagValues returns what may be the value of a flag.
func flagValues(cmd *cli.Command, name, word string) []string {
	var flag cli.Flag
	for _, f := range cmd.Flags {
		if slices.Contains(f.Names(), name) {
			flag = f
		}
	}
	switch name = flag.Names()[0]; {
	case name == "arch" || name == "targets":
		var names []string
		for _, a := range linux.Arches() {
			names = append(names, a.String())
		}
		return listed(names, word, true)
	case name == "caps":
		return listed(linux.Capabilities(), word, true)
	case name == "from":
		var kinds []string
		for _, k := range readers.Kinds() {
			kinds = append(kinds, string(k))
		}
		return listed(kinds, word, false)
	case name == "format" && cmd == costCommand:
		return matching([]string{"table", "json", "svg"}, word)
	case name == "format":
		return matching(formatNames(), word)
	case name == "to" && cmd == mergeCommand:
		return matching(append(formNames(), formatNames()...), word)
	case name == "to":
		return matching(formNames(), word)
	case name == "optimize":
		return matching([]string{"speed", "size"}, word)
	case name == "runtime":
		return matching([]string{"none", "crun", "runc"}, word)
	case name == "through":
		return matching([]string{"libseccomp"}, word)
	case strings.HasPrefix(name, "default-"):
		return matching([]string{"allow", "log", "notify", "trap", "trace", "kill_thread", "kill_process", "EPERM", "EACCES", "ENOSYS"}, word)
	}
	takesFile := false
	switch f := flag.(type) {
	case *cli.StringFlag:
		takesFile = f.TakesFile
	case *cli.StringSliceFlag:
		takesFile = f.TakesFile
	}
	if takesFile {
		return []string{candidateFiles}
	}
	return nil
}

// listed returns candidates for the last of several names with commas between them, each
// of which stands there once or may again.
func listed(names []string, word string, once bool) []string {
	head := word[:strings.LastIndex(word, ",")+1]
	var list []string
	for _, n := range names {
		if !once || !slices.Contains(strings.Split(head, ","), n) {
			list = append(list, head+n)
		}
	}
	return matching(list, word)
}
