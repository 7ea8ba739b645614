package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// reorder moves the flags of a command in front of its arguments and puts "--"
// between them: the library alone takes a flag behind an argument for another
// argument. Behind "--" nothing is a flag, and neither is anything that belongs
// to the command which `secco run` starts.
func reorder(app *cli.App, args []string) ([]string, error) {
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		at++ // the program's own flags, none of which has a value
	}
	if at >= len(args) {
		return args, nil
	}
	cmd := app.Command(args[at])
	if name := args[at]; (name == "help" || name == "h") && at+1 < len(args) && app.Command(args[at+1]) == nil {
		return nil, unknownCommand(app, args[at+1])
	}
	if cmd == nil {
		return args, nil
	}
	last := -1 // arguments that are the command's own, where what follows is not
	if cmd == runCommand {
		last = 1
	}
	flags, rest, err := split(cmd, args[at+1:], last)
	if err != nil {
		return nil, err
	}
	return slices.Concat(args[:at+1], flags, []string{"--"}, rest), nil
}

// split parts a command's flags, with their values, from its arguments. After
// that many arguments of its own, unless it is negative, the rest is untouched.
func split(cmd *cli.Command, args []string, last int) (flags, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return flags, append(rest, args[i+1:]...), nil
		case !isFlag(arg):
			if last >= 0 && len(rest) == last {
				return flags, append(rest, args[i:]...), nil
			}
			rest = append(rest, arg)
		default:
			flags = append(flags, arg)
			if wantsValue(cmd, arg) {
				if i++; i == len(args) {
					return nil, nil, badInput("usage", "%s needs a value", arg).hint("see secco %s --help", cmd.Name)
				}
				flags = append(flags, args[i])
			}
		}
	}
	return flags, rest, nil
}

// isFlag tells flags from "-", which is standard input, and from negative numbers.
func isFlag(arg string) bool {
	return len(arg) > 1 && arg[0] == '-' && (arg[1] < '0' || arg[1] > '9')
}

// wantsValue reports whether the next argument is this flag's value.
func wantsValue(cmd *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == name {
				_, isSwitch := f.(*cli.BoolFlag)
				return !isSwitch
			}
		}
	}
	return false
}
