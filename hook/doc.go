// Package hook puts filters on processes: on this one ([Install], [Listen]), on
// the command that this one becomes ([Exec], [ExecGated]), on one that it starts and
// follows ([Follow]), and on containers while a runtime starts them.
//
// Package sigsys tells a program which of its calls a filter has trapped, package
// compat has other libraries' calls under the names that their users know.
//
// Everything fails closed: where something goes wrong, the command or the
// container does not run, and an error says why. Nothing here reads flags.
// amd64 and arm64 are supported.
package hook
