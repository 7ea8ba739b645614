package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"secco/hook"
	"secco/hook/policies"
	"secco/policy/prove"
)

// setup looks at what of secco is set up on a host.
func (d *doctor) setup() {
	d.policies()
	d.hooks()
	d.docker()
	d.engines()
}

// policyDir is where policies are, unless arguments say otherwise.
const policyDir = "/etc/secco"

// policies finds those that can't be used, and by whom they can be changed.
func (d *doctor) policies() {
	for _, conf := range []string{"runtime.conf", "hook.conf"} {
		path := filepath.Join(policyDir, conf)
		if _, err := ReadSettings(filepath.Join(d.root, path)); err != nil {
			d.add(Problem, "policies", "mend or remove it: no container starts", "%s: %s", path, d.shown(err))
		}
	}
	dir := filepath.Join(d.root, policyDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		d.add(Problem, "policies", "", "%s: %s", policyDir, d.shown(err))
		return
	}
	d.protected("policies", policyDir)
	names := map[string]bool{}
	for _, e := range entries {
		d.protected("policies", filepath.Join(policyDir, e.Name()))
		if name := strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())); name != e.Name() && policies.IsName(name) && !policies.IsName(e.Name()) {
			names[name] = true
		}
	}
	good := []string{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f, err := policies.Store{Dir: dir}.Load(name)
		if err != nil {
			d.add(Problem, "policies", "mend or remove it", "%s: containers that are to have %q do not start: %s", policyDir, name, d.shown(err))
			continue
		}
		good = append(good, name)
		_, noProgram := os.Stat(filepath.Join(dir, name+".bpf"))
		_, noText := os.Stat(filepath.Join(dir, name+".secco"))
		switch {
		case noProgram != nil || noText != nil:
		case filepath.Ext(f.Name) == ".bpf":
			d.precompiled(dir, name, f)
		default:
			d.add(Note, "policies", compileWithSums(name)+", or remove it",
				"%s/%s.bpf is not used: %s.sha256 does not say that it belongs to the text as it is", policyDir, name, name)
		}
	}
	if len(good) > 0 {
		d.add(Fine, "policies", "", "%s has %s", policyDir, strings.Join(good, ", "))
	}
}

// compileWithSums is the command that makes a program stand for a text.
func compileWithSums(name string) string {
	return fmt.Sprintf("secco compile --sums %[1]s/%[2]s.secco -o %[1]s/%[2]s.bpf", policyDir, name)
}

// precompiled makes sure that a program that is used in place of a text does what
// the text says: who wrote the sums may not be secco.
func (d *doctor) precompiled(dir, name string, used *policies.Filter) {
	text, err := policies.Store{Dir: dir, Meaning: true}.Load(name)
	if err != nil {
		d.add(Problem, "policies", "mend it", "%s/%s.secco, which stands beside its program: %s", policyDir, name, d.shown(err))
		return
	}
	if text.Options != (hook.Options{}) {
		d.add(Problem, "policies", fmt.Sprintf("remove %s/%s.sha256", policyDir, name), "%s/%s.bpf is used in place of %s.secco, which says how it is to be installed", policyDir, name, name)
		return
	}
	if slices.Equal(used.Program, text.Program) {
		return
	}
	program, err := prove.Program(used.Program)
	if err != nil {
		d.add(Problem, "policies", "mend it", "%s/%s.bpf: %s", policyDir, name, d.shown(err))
		return
	}
	answer, err := prove.Equivalent(program, prove.Policy(text.Policy), prove.Options{})
	switch {
	case err == nil && answer.Verdict == prove.Equal:
	case err == nil && answer.Verdict == prove.Different:
		d.add(Problem, "policies", compileWithSums(name),
			"%s/%s.bpf is used in place of %s.secco, and does something else: %v", policyDir, name, name, answer.Witness)
	default:
		d.add(Note, "policies", "", "%s/%s.bpf is used in place of %s.secco, and was not proved to do the same", policyDir, name, name)
	}
}

// shown returns an error's text with paths as they are on the host.
func (d *doctor) shown(err error) string {
	text := strings.TrimSpace(err.Error())
	if d.root != "" {
		text = strings.ReplaceAll(text, d.root, "")
	}
	return text
}

// protected makes sure that nobody but root can change a file.
func (d *doctor) protected(topic, path string) {
	info, err := os.Stat(filepath.Join(d.root, path))
	if err != nil {
		return // what needs the file says so
	}
	owner := info.Sys().(*syscall.Stat_t).Uid
	if owner != 0 || info.Mode().Perm()&0o022 != 0 {
		d.add(Problem, topic, fmt.Sprintf("chown root:root %s; chmod go-w %s", path, path), "%s can be changed by others than root (owner %d, mode %v)", path, owner, info.Mode().Perm())
	}
}

// hookDirs are where files for podman and CRI-O are found. They read the first alone,
// unless their settings name others.
var hookDirs = []string{"/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d", "/run/containers/oci/hooks.d"}

// settingsFiles are those of the engines, in which paths of hooks and runtimes
// stand.
var settingsFiles = []string{
	"/usr/share/containers/containers.conf", "/etc/containers/containers.conf", "/etc/containers/containers.conf.d/*.conf",
	"/etc/crio/crio.conf", "/etc/crio/crio.conf.d/*.conf", "/etc/containerd/config.toml",
}

var (
	comment     = regexp.MustCompile(`(?m)^\s*#.*$`)
	hooksDirKey = regexp.MustCompile(`(?m)^\s*hooks_dir\s*=\s*\[([^\]]*)\]`)
	quotedPath  = regexp.MustCompile(`["'](/[^"']*)["']`)
)

// settings returns the engines' settings by file, without comments.
func (d *doctor) settings() map[string]string {
	texts := map[string]string{}
	for _, pattern := range settingsFiles {
		paths, _ := filepath.Glob(filepath.Join(d.root, pattern))
		for _, path := range paths {
			path = strings.TrimPrefix(path, d.root)
			texts[path] = comment.ReplaceAllString(d.read(path), "")
		}
	}
	return texts
}

// hooksOf returns the directories that an engine reads hooks from whose settings are
// in files with this beginning.
func hooksOf(settings map[string]string, beginnings ...string) (dirs []string) {
	for file, text := range settings {
		if !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(file, b) }) {
			continue
		}
		for _, list := range hooksDirKey.FindAllStringSubmatch(text, -1) {
			for _, path := range quotedPath.FindAllStringSubmatch(list[1], -1) {
				dirs = append(dirs, filepath.Clean(path[1]))
			}
		}
	}
	if dirs == nil {
		return hookDirs[:1]
	}
	return dirs
}

// hooks finds hook files that nobody reads, and those whose program is missing. podman
// and CRI-O pass them over, and containers run as if there were none.
func (d *doctor) hooks() {
	settings := d.settings()
	podman := hooksOf(settings, "/usr/share/containers/", "/etc/containers/")
	var crio []string
	if _, err := os.Stat(filepath.Join(d.root, "/etc/crio")); err == nil {
		crio = hooksOf(settings, "/etc/crio/")
	}
	dirs := slices.Concat(hookDirs, podman, crio)
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		paths, _ := filepath.Glob(filepath.Join(d.root, dir, "*.json"))
		for _, path := range paths {
			d.hook(strings.TrimPrefix(path, d.root), slices.Contains(podman, dir), slices.Contains(crio, dir))
		}
	}
}

// hook looks at a file of hooks.d, and whether podman and CRI-O read it.
func (d *doctor) hook(path string, podman, crio bool) {
	text, err := os.ReadFile(filepath.Join(d.root, path))
	var f HookFile
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		d.add(Problem, "hooks", "mend or remove it", "%s: %s", path, d.shown(err))
		return
	}
	if !strings.Contains(filepath.Base(f.Hook.Path), "secco") {
		return
	}
	if !podman && !crio {
		d.add(Problem, "hooks", fmt.Sprintf("name %q in hooks_dir of /etc/containers/containers.conf, or move the file to %s", filepath.Dir(path), hookDirs[0]),
			"%s is where no engine reads hooks: containers start WITHOUT the policy", path)
		return
	}
	if crio && slices.Contains(f.Stages, "precreate") {
		d.add(Problem, "hooks", "move it to a directory that only podman's hooks_dir names", "%s is for the stage precreate, which CRI-O does not know: CRI-O does not start", path)
	}
	if err := executable(filepath.Join(d.root, f.Hook.Path)); err != nil {
		text := "no container can start"
		if errors.Is(err, fs.ErrNotExist) {
			text = "podman, and CRI-O once it is started again, start containers WITHOUT the policy"
		}
		d.add(Problem, "hooks", "install secco-hook there, or remove the file", "%s calls %s, which is not there to be executed (%v): %s", path, f.Hook.Path, err, text)
		return
	}
	d.protected("hooks", path)
	d.protected("hooks", f.Hook.Path)
	d.add(Fine, "hooks", "", "%s calls %s at %s", path, f.Hook.Path, strings.Join(f.Stages, ", "))
	const advice = "use secco-runtime as the runtime as well"
	if slices.Contains(f.Stages, "precreate") {
		d.add(Note, "hooks", advice, "%s: podman does without the hook where it builds images and where it restores containers from checkpoints", path)
	} else {
		d.add(Note, "hooks", advice, "%s: crun does without hooks where it restores containers from checkpoints", path)
	}
	if len(f.Hook.Args) > 1 {
		d.choice("hooks", path, f.Hook.Args[1:], "--", filepath.Join(policyDir, "hook.conf"))
	}
}

// choice makes sure that what arguments and settings name is there.
func (d *doctor) choice(topic, where string, args []string, prefix, conf string) {
	values := map[string]string{}
	for i, a := range args {
		if name, ok := strings.CutPrefix(a, prefix); ok {
			name, value, ok := strings.Cut(name, "=")
			if !ok && i+1 < len(args) {
				value = args[i+1]
			}
			values[name] = value
		}
	}
	for _, name := range []string{"settings", "config"} {
		if values[name] != "" {
			conf = values[name]
		}
	}
	s, err := ReadSettings(filepath.Join(d.root, conf))
	if err != nil {
		d.add(Problem, topic, "mend or remove it: no container starts", "%s: %s", where, d.shown(err))
		return
	}
	set := func(from string, to *string) {
		if v := values[from]; v != "" {
			*to = v
		}
	}
	for from, to := range map[string]*string{"dir": &s.Dir, "policy": &s.Policy, "default": &s.Default, "sandbox": &s.Sandbox} {
		set(from, to)
	}
	set("stricter-than", &s.Policy)
	c := Choice{Policy: s.Policy, Default: s.Default, Sandbox: s.Sandbox, Dir: policyDir}
	if s.Dir != "" {
		c.Dir = s.Dir
	}
	c.Dir = filepath.Join(d.root, c.Dir)
	if c.Policy != "" && !policies.IsName(c.Policy) {
		c.Policy = filepath.Join(d.root, c.Policy)
	}
	if c.Policy == "" && c.Default == "" {
		d.add(Note, topic, "", "%s: containers without the annotation %s do not start: no policy is the default", where, PolicyAnnotation)
		return
	}
	if _, err := c.Load(nil, nil, false); err != nil {
		d.add(Problem, topic, "put the policy there, or name another", "%s: no container starts: %s", where, d.shown(err))
	}
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fs.ErrPermission
	}
	return nil
}

// docker looks at the runtimes that dockerd is told of.
func (d *doctor) docker() {
	const path = "/etc/docker/daemon.json"
	text := d.read(path)
	if text == "" {
		return
	}
	var config struct {
		Default  string `json:"default-runtime"`
		Runtimes map[string]struct {
			Path string
			Args []string `json:"runtimeArgs"`
		}
	}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		d.add(Problem, "docker", "mend it", "%s: %v", path, err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(config.Runtimes)) {
		r := config.Runtimes[name]
		if !strings.Contains(filepath.Base(r.Path), "secco") {
			continue
		}
		if err := executable(filepath.Join(d.root, r.Path)); err != nil {
			d.add(Problem, "docker", "install secco-runtime there", "runtime %q is %s, which is not there to be executed (%v): its containers can't start", name, r.Path, err)
			continue
		}
		if config.Default != name {
			d.add(Note, "docker", `set "default-runtime" in `+path, "runtime %q is not the default: only containers with --runtime=%s get a policy", name, name)
		} else {
			d.add(Fine, "docker", "", "runtime %q is the default", name)
			d.add(Note, "docker", "let a script runc, first in dockerd's PATH, execute secco-runtime with the real runc in its settings", "BuildKit calls runc whatever the default runtime is: commands that build images are under no policy")
		}
		d.protected("docker", r.Path)
		d.choice("docker", fmt.Sprintf("runtime %q", name), r.Args, "--secco-", filepath.Join(policyDir, "runtime.conf"))
	}
}

// engines looks for secco's commands in the settings of podman, CRI-O and
// containerd.
func (d *doctor) engines() {
	texts := d.settings()
	for _, file := range slices.Sorted(maps.Keys(texts)) {
		seen := map[string]bool{}
		for _, m := range quotedPath.FindAllStringSubmatch(texts[file], -1) {
			path := m[1]
			if base := filepath.Base(path); seen[path] || base != "secco-hook" && !strings.HasPrefix(base, "secco-runtime") {
				continue
			}
			seen[path] = true
			if err := executable(filepath.Join(d.root, path)); err != nil {
				d.add(Problem, "engines", "install it there", "%s names %s, which is not there to be executed (%v): its containers can't start", file, path, err)
				continue
			}
			d.protected("engines", path)
			d.add(Fine, "engines", "", "%s names %s", file, path)
			d.choice("engines", file, nil, "--secco-", filepath.Join(policyDir, "runtime.conf"))
		}
	}
}
