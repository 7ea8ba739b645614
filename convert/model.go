package convert

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"secco/linux"
	"secco/oci"
	"secco/source"
)

// origin is the entry of a profile that a rule comes from.
type origin struct {
	entry int    // index in the profile
	name  string // the syscall as it was named
	span  source.Span
}

// rules are what libseccomp is given for one architecture, by syscall number, in
// the order in which it gets them.
type rules map[uint32][]*rule

// model is what runc and crun hand to libseccomp: rules in the profile's order,
// one for each name, none whose action is the default's.
type model struct {
	fallback linux.Action
	arches   []linux.Arch // the native one is always there
	rules    map[linux.Arch]rules
	absent   map[linux.Arch]map[string][]*rule // of calls that an architecture lacks
	dropped  []*origin                         // rules whose action is the default's
	unknown  []*origin                         // names that no architecture has
	largest  map[linux.Arch]uint32             // the largest number that the profile names, or 0
}

// multiplexed are the calls that 32-bit x86, s390 and POWER have behind one
// number, with the first argument that asks for them there. For a rule on one of
// them libseccomp adds a rule on the multiplexer, in which that number takes the
// place of any condition on the first argument; those on the others stay, though
// the multiplexer's arguments are not the call's.
var multiplexed = map[string]struct {
	by string
	k  uint64
}{
	"socket": {"socketcall", 1}, "bind": {"socketcall", 2}, "connect": {"socketcall", 3}, "listen": {"socketcall", 4},
	"accept": {"socketcall", 5}, "getsockname": {"socketcall", 6}, "getpeername": {"socketcall", 7},
	"socketpair": {"socketcall", 8}, "send": {"socketcall", 9}, "recv": {"socketcall", 10}, "sendto": {"socketcall", 11},
	"recvfrom": {"socketcall", 12}, "shutdown": {"socketcall", 13}, "setsockopt": {"socketcall", 14},
	"getsockopt": {"socketcall", 15}, "sendmsg": {"socketcall", 16}, "recvmsg": {"socketcall", 17},
	"accept4": {"socketcall", 18}, "recvmmsg": {"socketcall", 19}, "sendmmsg": {"socketcall", 20},
	"semop": {"ipc", 1}, "semget": {"ipc", 2}, "semctl": {"ipc", 3}, "semtimedop": {"ipc", 4},
	"msgsnd": {"ipc", 11}, "msgrcv": {"ipc", 12}, "msgget": {"ipc", 13}, "msgctl": {"ipc", 14},
	"shmat": {"ipc", 21}, "shmdt": {"ipc", 22}, "shmget": {"ipc", 23}, "shmctl": {"ipc", 24},
}

// maxMultiplexed is the largest number of these.
const maxMultiplexed = 24

func multiplexes(a linux.Arch) bool {
	switch a {
	case linux.I386, linux.S390X, linux.PPC64, linux.PPC64LE:
		return true
	}
	return false
}

// newModel returns what runtimes make of a resolved profile whose actions are
// known to be good.
func newModel(p *oci.Profile, fallback linux.Action, arches []linux.Arch) *model {
	m := &model{
		fallback: fallback, arches: arches, rules: map[linux.Arch]rules{}, absent: map[linux.Arch]map[string][]*rule{},
		largest: map[linux.Arch]uint32{},
	}
	for _, a := range arches {
		m.rules[a] = rules{}
		m.absent[a] = map[string][]*rule{}
	}
	for i, entry := range p.Syscalls {
		action, _ := oci.ParseAction(entry.Action, entry.ErrnoRet)
		for _, name := range entry.Names {
			from := &origin{i, name.Name, name.Span}
			m.names(name.Name)
			switch {
			case action == fallback:
				m.dropped = append(m.dropped, from)
			case !linux.SyscallKnown(name.Name):
				m.unknown = append(m.unknown, from)
			default:
				for _, args := range split(entry.Args) {
					m.add(name.Name, args, action, from)
				}
			}
		}
	}
	return m
}

// names notes the numbers that libseccomp has for a name.
func (m *model) names(name string) {
	_, behind := multiplexed[name]
	for _, a := range m.arches {
		if nr, ok := a.Syscall(name); ok && !(behind && multiplexes(a)) {
			m.largest[a] = max(m.largest[a], nr)
		}
	}
}

// split returns the conditions of each rule that runtimes make of an entry: one
// rule, unless two conditions are on one argument.
func split(args []specs.LinuxSeccompArg) [][]specs.LinuxSeccompArg {
	seen := map[uint]bool{}
	for _, arg := range args {
		if seen[arg.Index] {
			var each [][]specs.LinuxSeccompArg
			for i := range args {
				each = append(each, args[i:i+1])
			}
			return each
		}
		seen[arg.Index] = true
	}
	return [][]specs.LinuxSeccompArg{args}
}

// add adds one rule to every architecture that has the call.
func (m *model) add(name string, args []specs.LinuxSeccompArg, action linux.Action, from *origin) {
	for _, a := range m.arches {
		words := wordsOf(a)
		r := &rule{action: action, origin: from}
		for _, arg := range args {
			if c := newCondition(arg, words); !c.always() {
				r.conds = append(r.conds, c)
			}
		}
		if nr, ok := a.Syscall(name); ok {
			m.rules[a][nr] = append(m.rules[a][nr], r)
		} else {
			m.absent[a][name] = append(m.absent[a][name], r)
		}
		mux, ok := multiplexed[name]
		if !ok || !multiplexes(a) {
			continue
		}
		nr, ok := a.Syscall(mux.by)
		if !ok {
			continue
		}
		behind := &rule{action: action, origin: from}
		behind.conds = append(behind.conds, condition{arg: 0, op: specs.OpEqualTo, k: mux.k, mask: words})
		for _, c := range r.conds {
			if c.arg != 0 {
				behind.conds = append(behind.conds, c)
			}
		}
		m.rules[a][nr] = append(m.rules[a][nr], behind)
	}
}

// effective returns the rules that libseccomp is left with: the first
// unconditional one takes the place of all others, whatever their actions. Those
// before it, with conditions, have been merged by then; those after it are not
// looked at.
func effective(list []*rule) (left, before, after []*rule) {
	i := slices.IndexFunc(list, func(r *rule) bool { return len(r.conds) == 0 })
	if i < 0 {
		return list, nil, nil
	}
	return list[i : i+1], list[:i], list[i+1:]
}

// misplaced returns a rule for a call that an architecture lacks whose presence
// makes libseccomp get all others wrong there.
//
// libseccomp keeps such rules, sorted among the others by the size of what they
// test, the smallest first, and leaves them out of the program only afterwards.
// That goes well where the first is not one of them. x86_64 and x32 are one list
// where both are there; alone they are not affected.
func (m *model) misplaced() (linux.Arch, *rule) {
	for _, a := range m.arches {
		section := []linux.Arch{a}
		if a == linux.X86_64 || a == linux.X32 {
			section = slices.DeleteFunc(slices.Clone(m.arches), func(b linux.Arch) bool { return b != linux.X86_64 && b != linux.X32 })
			if len(section) == 1 {
				continue
			}
		}
		// Of rules of the same size those of the first architecture come first, and
		// in one architecture those that it has.
		first, present := [2]int{}, false
		for i, b := range section {
			for _, list := range m.rules[b] {
				if n := [2]int{most(list, wordsOf(b)), i}; !present || slices.Compare(n[:], first[:]) < 0 {
					first, present = n, true
				}
			}
		}
		if !present {
			continue
		}
		for i, b := range section {
			for _, name := range slices.Sorted(maps.Keys(m.absent[b])) {
				list := m.absent[b][name]
				if n := [2]int{fewest(list, wordsOf(b)), i}; slices.Compare(n[:], first[:]) < 0 {
					return b, list[0]
				}
			}
		}
	}
	return 0, nil
}

// most returns an upper bound of the comparisons that libseccomp makes of rules.
func most(list []*rule, words uint64) (n int) {
	left, _, _ := effective(list)
	for _, r := range left {
		n += comparisons(r, words)
	}
	return n
}

// fewest returns a lower bound of the same.
func fewest(list []*rule, words uint64) int {
	left, _, _ := effective(list)
	switch n := comparisons(left[0], words); {
	case n == 0 || len(left) == 1:
		return n
	}
	return 1
}

func comparisons(r *rule, words uint64) (n int) {
	for _, c := range r.conds {
		switch {
		case words>>32 == 0:
			n++
		case c.op == specs.OpEqualTo || c.op == specs.OpNotEqual || c.op == specs.OpMaskedEqual:
			n += 2
		default:
			n += 3
		}
	}
	return n
}
