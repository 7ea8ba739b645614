// Package elastic reads the YAML of elastic's go-seccomp-bpf: a policy alone or
// under "seccomp", with the filter's settings beside it.
//
//	seccomp:
//	  default_action: allow
//	  syscalls:
//	  - action: errno
//	    names: [connect, accept]
//
// As that library has it, errno returns EPERM, the first group that matches
// decides, calls of other architectures get the default action and x32's numbers
// ENOSYS. The latter holds for the number 0xffffffff, too.
package elastic

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"secco/linux"
	"secco/policy"
	"secco/source"
	"secco/source/yamldoc"
)

// Options say what a policy leaves open. The zero value is good for most.
type Options struct {
	// Arches are those that the policy is for; none stands for x86_64. With several
	// each has the same rules.
	Arches []linux.Arch
}

// group is some syscalls and what happens to them.
type group struct {
	calls  []entry
	action linux.Action
}

// entry is a syscall of a group; all of its conditions must hold.
type entry struct {
	name   string
	at     *yaml.Node
	conds  []condition
	always bool // it is one of names: there are no conditions
}

type condition struct {
	arg   int
	op    string
	value uint64
	at    *yaml.Node
}

// operations are those on arguments; their case does not matter.
var operations = []string{"Equal", "NotEqual", "GreaterThan", "LessThan", "GreaterOrEqual", "LessOrEqual", "BitsSet", "BitsNotSet"}

var actions = map[string]linux.Action{
	"kill_thread": linux.KillThread, "kill_process": linux.KillProcess, "trap": linux.Trap, "errno": linux.Errno + 1,
	"trace": linux.Trace, "log": linux.Log, "allow": linux.Allow,
}

// file is what a file says.
type file struct {
	*yamldoc.Reader
	fallback   linux.Action
	fallbackAt *yaml.Node
	groups     []group
	groupsAt   *yaml.Node
	settings   policy.Settings
}

// Read returns what a file means. The policy is nil where the findings hold
// errors.
func Read(f *source.File, opts Options) (*policy.Policy, source.Diagnostics) {
	in := &file{Reader: yamldoc.New(f)}
	if doc := in.Document(); doc != nil {
		in.top(doc)
	}
	if in.Diags.HasErrors() {
		in.Diags.Sort()
		return nil, in.Diags
	}
	out := in.policy(opts.Arches)
	in.Diags.Sort()
	if in.Diags.HasErrors() {
		return nil, in.Diags
	}
	return out, in.Diags
}

var filterFields = []string{"default_action", "syscalls", "no_new_privs", "flag", "policy"}

// top reads the whole document.
func (in *file) top(doc *yaml.Node) {
	if root := in.Value(doc); root != nil && root.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(root.Content); i += 2 {
			if root.Content[i].Value == "seccomp" {
				in.Fields(root, "the file", []string{"seccomp"}, func(_ string, _, value *yaml.Node) {
					in.filter(value, "seccomp", filterFields)
				})
				in.complete(doc)
				return
			}
		}
	}
	in.filter(doc, "the filter", filterFields)
	in.complete(doc)
}

// complete tells what is missing.
func (in *file) complete(doc *yaml.Node) {
	if in.fallbackAt == nil && !in.Diags.HasErrors() {
		in.Errorf(doc, "missing-field", "there is no default_action")
	}
	switch {
	case in.Diags.HasErrors():
	case in.groupsAt == nil:
		in.Errorf(doc, "missing-field", "there are no syscalls")
	case len(in.groups) == 0:
		in.Errorf(in.groupsAt, "missing-field", "syscalls must not be empty")
	}
}

// filter reads a filter or the policy in it.
func (in *file) filter(n *yaml.Node, what string, known []string) {
	in.Fields(n, what, known, func(key string, at, value *yaml.Node) {
		switch key {
		case "policy":
			in.filter(value, "policy", []string{"default_action", "syscalls"})
		case "no_new_privs":
			v := in.Value(value)
			var set bool
			if v == nil || v.Kind != yaml.ScalarNode || v.Style != 0 || v.ShortTag() == "!!null" || v.Decode(&set) != nil {
				in.Errorf(value, "wrong-type", "no_new_privs is true or false")
				return
			}
			in.settings.NoNewPrivs = &set
		case "flag":
			in.flag(value)
		case "default_action":
			if in.fallbackAt != nil {
				in.Errorf(at, "duplicate-field", "default_action is given twice")
				return
			}
			in.fallbackAt = at
			in.fallback = in.action(value)
		case "syscalls":
			if in.groupsAt != nil {
				in.Errorf(at, "duplicate-field", "syscalls is given twice")
				return
			}
			in.groupsAt = at
			in.Items(value, "syscalls", in.group)
		}
	})
}

// flag reads the filter's flags, by names or as their bits.
func (in *file) flag(n *yaml.Node) {
	v := in.Value(n)
	if v == nil {
		return
	}
	names := []string{"tsync", "log"}
	if bits, err := strconv.ParseUint(v.Value, 0, 32); v.Kind == yaml.ScalarNode && err == nil {
		for i, name := range names {
			if bits&(1<<i) != 0 {
				in.settings.Flags = append(in.settings.Flags, name)
			}
		}
		if bits > 3 {
			in.Errorf(v, "unknown-flag", "there are the flags 1 (tsync) and 2 (log)")
		}
		return
	}
	text, at, ok := in.Text(v, "flag")
	if !ok {
		return
	}
	for name := range strings.SplitSeq(text, "|") {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.Contains(names, name) {
			in.Errorf(at, "unknown-flag", "no flag %q: there is tsync and log", name)
		} else if !slices.Contains(in.settings.Flags, name) {
			in.settings.Flags = append(in.settings.Flags, name)
		}
		if in.Full() {
			return
		}
	}
}

func (in *file) action(n *yaml.Node) linux.Action {
	text, at, ok := in.Text(n, "an action")
	if !ok {
		return 0
	}
	a, ok := actions[strings.ToLower(text)]
	if !ok {
		in.Errorf(at, "unknown-action", "no action %q: there is kill_process, kill_thread, trap, errno, trace, log and allow", text)
	}
	return a
}

func (in *file) group(n *yaml.Node) {
	var g group
	given := false
	in.Fields(n, "a group", []string{"action", "names", "names_with_args"}, func(key string, _, value *yaml.Node) {
		switch key {
		case "action":
			g.action, given = in.action(value), true
		case "names":
			in.Items(value, "names", func(item *yaml.Node) {
				if name, at, ok := in.Text(item, "a syscall's name"); ok {
					g.calls = append(g.calls, entry{name: name, at: at, always: true})
				}
			})
		case "names_with_args":
			in.Items(value, "names_with_args", func(item *yaml.Node) {
				if e, ok := in.conditional(item); ok {
					g.calls = append(g.calls, e)
				}
			})
		}
	})
	if !given {
		in.Errorf(n, "missing-field", "the group has no action")
	}
	if len(g.calls) == 0 && !in.Full() {
		in.Diags.Warnf(in.Span(n), "empty-group", "there is no syscall in this group")
	}
	in.groups = append(in.groups, g)
}

// conditional reads an entry of names_with_args.
func (in *file) conditional(n *yaml.Node) (e entry, ok bool) {
	e.at = n
	in.Fields(n, "an entry of names_with_args", []string{"name", "arguments"}, func(key string, _, value *yaml.Node) {
		switch key {
		case "name":
			var at *yaml.Node
			if e.name, at, ok = in.Text(value, "a syscall's name"); ok {
				e.at = at
			}
		case "arguments":
			in.Items(value, "arguments", func(item *yaml.Node) { e.conds = append(e.conds, in.condition(item)) })
		}
	})
	if !in.Diags.HasErrors() && e.name == "" {
		in.Errorf(n, "missing-field", "the entry has no name")
	}
	if !in.Diags.HasErrors() && len(e.conds) == 0 {
		in.Errorf(n, "missing-field", "the entry has no arguments")
	}
	return e, ok
}

func (in *file) condition(n *yaml.Node) condition {
	c := condition{at: n}
	var index *yaml.Node
	in.Fields(n, "a condition", []string{"argument", "position", "operation", "value"}, func(key string, at, value *yaml.Node) {
		switch key {
		case "argument", "position": // the library's names for it have changed
			if index != nil {
				in.Errorf(at, "duplicate-field", "argument and position are the same")
				return
			}
			index = at
			if v, at, ok := in.Number(value, key); ok && v > 5 {
				in.Errorf(at, "out-of-range", "arguments are 0 to 5")
			} else if ok {
				c.arg = int(v)
			}
		case "operation":
			text, at, ok := in.Text(value, "operation")
			for _, op := range operations {
				if strings.EqualFold(op, text) {
					c.op = op
				}
			}
			if ok && c.op == "" {
				in.Errorf(at, "unknown-operation", "no operation %q: there is %s", text, strings.Join(operations, ", "))
			}
		case "value":
			c.value, _, _ = in.Number(value, key)
		}
	})
	if c.op == "" && !in.Diags.HasErrors() {
		in.Errorf(n, "missing-field", "the condition has no operation")
	}
	return c
}
