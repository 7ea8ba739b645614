package check

import (
	"slices"

	"secco/lang/syntax"
	"secco/linux"
)

// machines are the architectures whose calls one kernel takes, where it takes those of
// several.
var machines = [][]linux.Arch{
	{linux.X86_64, linux.X32, linux.I386},
	{linux.ARM64, linux.ARM},
}

// idleArch notes the architectures of a block that no call of the policy's machine has: they
// are none of the targets, and others of the machine are. What is for other machines
// is for callers who name them.
func (c *collector) idleArch(b *syntax.ArchBlock) {
	if c.rank.level < 0 || c.included > 0 {
		return // rules that others share
	}
	known := slices.Clone(c.named)
	for _, t := range c.unit.Targets {
		known = append(known, t.Arch)
	}
	for _, n := range b.Arches {
		a, _ := linux.ParseArch(n.Text)
		if slices.Contains(known, a) {
			continue
		}
		for _, m := range machines {
			if slices.Contains(m, a) && slices.ContainsFunc(known, func(k linux.Arch) bool { return slices.Contains(m, k) }) {
				c.unit.Idle = append(c.unit.Idle, n)
			}
		}
	}
}
