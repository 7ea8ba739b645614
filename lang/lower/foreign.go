package lower

import "strings"

// ForeignAction returns the language's word for an action by what libseccomp, the
// kernel's headers and other kinds of policy call it; ok is false where it is none.
func ForeignAction(name string) (action string, ok bool) {
	word := strings.ToLower(name)
	for _, prefix := range []string{"scmp_act_", "seccomp_ret_", "seccomp_filter_", "act_", "ret_"} {
		if rest, found := strings.CutPrefix(word, prefix); found {
			word, ok = rest, true
			break
		}
	}
	switch word {
	case "allow", "log", "kill", "kill_thread", "kill_process", "trap", "trace":
		return word, ok
	case "user_notif":
		return "notify", ok
	case "errno":
		return "errno(EPERM)", ok
	case "deny", "block", "reject", "refuse", "forbid", "drop", "disallow":
		return "EPERM", true
	case "accept", "permit", "pass", "ok", "yes":
		return "allow", true
	}
	return "", false
}
