// Package convert turns policies into the forms that others read and back.
//
// A conversion is exact or it is an error. [ToOCI] states a policy as a profile
// that means the same on every call, for the way in which container runtimes
// hand profiles to libseccomp, or returns a [LossError] that names the rules
// that can't be said. [FromOCI] takes the profiles for which libseccomp is known
// to do what they say, and reports the others.
package convert

import (
	"secco/convert/libseccomp"
	"secco/linux"
	"secco/oci"
)

// Options say what a conversion is for. The zero value is good for most.
type Options struct {
	// Host is the machine and container that a profile is for. Runtimes add the
	// native architecture to those that a profile names. For ToOCI a Host.Arch
	// of zero is [Native]. What its runtime puts
	// before libseccomp's program is part of the meaning.
	Host oci.Host
	// WithoutLibseccomp keeps the libseccomp that is built in, if one is, out of
	// it. Otherwise it builds its programs of the profile, in at most twenty
	// seconds. What ToOCI returns is proved to be what they do. FromOCI asks where
	// the meaning of some rules is not known for all of its versions: they are
	// taken, with a warning, where the programs are proved to do what they say;
	// without it they are refused.
	WithoutLibseccomp bool
	// Arch restricts ToOCI to one architecture of a policy with several: the
	// profile has no rules for the others, which get kill_thread.
	Arch linux.Arch
}

// ask reports whether libseccomp may be asked.
func (o Options) ask() bool { return libseccomp.Available && !o.WithoutLibseccomp }
