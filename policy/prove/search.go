package prove

import (
	"secco/linux"
	"secco/policy/diagram"
)

// How much is tried where nothing could be proved.
const (
	searchSlices = 64
	searchCalls  = 4096
)

// search looks for a violation among calls that it makes up of the filters' own
// constants. It is for slices that could not be decided: what it finds is as true
// as a proof, that it finds nothing means nothing.
func (c *comparison) search(slices []diagram.Calls, violates relation) *Witness {
	constants := append(append([]uint32{0, 1, 0xffffffff}, c.a.constants()...), c.b.constants()...)
	for _, calls := range slices[:min(len(slices), searchSlices)] {
		c.space.Reset(calls, diagram.Plain)
		for range searchCalls {
			d := c.any()
			for w := linux.WordIPLow; w < linux.NumWords; w++ {
				if c.rand.IntN(4) > 0 {
					diagram.SetWord(&d, w, constants[c.rand.IntN(len(constants))]+c.rand.Uint32N(3)-1)
				}
			}
			if w := c.run(d, violates); w != nil {
				return w
			}
		}
	}
	return nil
}
