// Package diagram holds what policies and programs do in a canonical form:
// multi-terminal binary decision diagrams over the bits of the words of a call.
// Two functions are equal exactly where their diagrams are one. Proofs, exact
// conversion and the description of differences stand on it.
//
// Most users want a [Function], which is what a policy graph or a program does
// with the calls of one syscall ([CallsOf]), or of a range of numbers:
//
//	f, err := diagram.OfGraph(target.Root(nr), diagram.CallsOf(arch, nr), diagram.Limits{})
//	for _, action := range f.Actions() { // linux.Action effects, the strictest first
//		set, err := f.Where(action)           // its set of calls
//		args, only := set.Args()              // the arguments that decide
//		list, ok := set.Intervals(args[0], 8) // of one argument's 64 bits, where nothing else decides
//		cubes, err := set.Cubes(400)          // in general: irredundant sums of products
//	}
//
// The sets of the actions are disjoint and cover the slice. Errors are
// [*LimitError] where the diagrams grow over [Limits], and [*TooManyError], with
// the count, where a set takes more cubes than asked for.
//
// Below that, a [Space] is the table in which diagrams live, with boolean
// operations, 32-bit circuits for all operations of seccomp, policy graphs and
// programs as input, and [Cuts] and [Meetings] to find good slices and orders.
package diagram
