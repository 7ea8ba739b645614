// Package container puts filters on containers: it edits what a runtime is told
// (the runtime wrapper, the precreate hook), and acts as a hook that a runtime
// calls (install and gate).
//
// All of it fails closed: an error means that the container must not start.
package container

// PolicyAnnotation names the policy that a container asks for. It is a name in
// the configured directory.
const PolicyAnnotation = "dev.secco.policy"

// crunProgram is the annotation with a program that crun installs in place of the
// container's profile; other runtimes ignore it.
const crunProgram = "run.oci.seccomp_bpf_data"

// crunSeccomp are the annotations by which crun takes a program, or somebody who
// answers a program's notifications, from elsewhere than the profile.
var crunSeccomp = []string{crunProgram, "run.oci.seccomp_bpf_file", "run.oci.seccomp.receiver", "run.oci.seccomp.plugins"}
