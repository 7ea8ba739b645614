package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"secco/oci"
	"secco/source"
)

// maxConfig bounds the size of a config.json in bytes.
const maxConfig = 16 << 20

// A Config is a container's config.json. What secco doesn't know of it is kept.
type Config struct {
	fields map[string]json.RawMessage
}

// ParseConfig parses a config.json. It is an error where runtimes would disagree
// about what it says, for then none of them can be vouched for: anywhere, a field
// that is there twice, a NUL in a name or string, and what is not Unicode; in the
// objects that secco reads, fields whose names differ in case only.
func ParseConfig(text []byte) (*Config, error) {
	fields, err := parseObject(text)
	if err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	for _, name := range []string{"process", "linux", "hooks"} {
		key, raw := field(fields, name)
		if isNull(raw) {
			continue
		}
		if _, err := object(raw); err != nil {
			return nil, fmt.Errorf("config.json: %s: %w", key, err)
		}
	}
	return &Config{fields}, nil
}

// decode decodes a field; one that is missing or null leaves v alone.
func (c *Config) decode(name string, v any) error {
	_, raw := field(c.fields, name)
	if isNull(raw) {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("config.json: %s: %w", name, err)
	}
	return nil
}

// Annotations returns the container's annotations.
func (c *Config) Annotations() (map[string]string, error) {
	var a map[string]string
	err := c.decode("annotations", &a)
	return a, err
}

// Seccomp returns the container's profile, nil where there is none. A profile that
// not all runtimes read alike is an error: fields that are there twice, are spelled
// in another case or are unknown.
func (c *Config) Seccomp() (*specs.LinuxSeccomp, error) {
	linux, err := exact(c.fields, "linux")
	if err != nil || isNull(linux) {
		return nil, err
	}
	inner, err := object(linux)
	if err != nil {
		return nil, fmt.Errorf("config.json: linux: %w", err)
	}
	raw, err := exact(inner, "seccomp")
	if err != nil || isNull(raw) {
		return nil, err
	}
	if _, findings := oci.Parse(source.NewFile("linux.seccomp", string(raw))); findings.HasErrors() {
		return nil, fmt.Errorf("config.json: %w", findings.Err())
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(raw, &profile); err != nil {
		return nil, fmt.Errorf("config.json: linux.seccomp: %w", err)
	}
	return &profile, nil
}

// exact returns a field, which has to be spelled in this case.
func exact(fields map[string]json.RawMessage, name string) (json.RawMessage, error) {
	key, raw := field(fields, name)
	if key != name {
		return nil, fmt.Errorf("config.json: %q is to be %q: not all runtimes find it", key, name)
	}
	return raw, nil
}

// NoNewPrivs returns process.noNewPrivileges. That it is spelled in a way that not all
// runtimes read is an error.
func (c *Config) NoNewPrivs() (bool, error) {
	process, err := exact(c.fields, "process")
	if err != nil || isNull(process) {
		return false, err
	}
	fields, err := object(process)
	if err != nil {
		return false, fmt.Errorf("config.json: process: %w", err)
	}
	raw, err := exact(fields, "noNewPrivileges")
	if err != nil || isNull(raw) {
		return false, err
	}
	var set bool
	if err := json.Unmarshal(raw, &set); err != nil {
		return false, fmt.Errorf("config.json: process.noNewPrivileges: %w", err)
	}
	return set, nil
}

// Capabilities returns process.capabilities.bounding: what the container's processes
// can have. Where it lists none they have none. What not all runtimes read alike is an
// error: a list with other names or spellings, and no process.capabilities at all,
// with which crun leaves a container nothing and runc, since 1.3, everything.
func (c *Config) Capabilities() ([]string, error) {
	fields := c.fields
	for _, name := range []string{"process", "capabilities"} {
		raw, err := exact(fields, name)
		if err != nil {
			return nil, err
		}
		if isNull(raw) {
			return nil, errors.New("config.json: there is no process.capabilities: what the container can have depends on the runtime")
		}
		if fields, err = object(raw); err != nil {
			return nil, fmt.Errorf("config.json: %s: %w", name, err)
		}
	}
	raw, err := exact(fields, "bounding")
	if err != nil || isNull(raw) {
		return nil, err
	}
	var set []string
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, fmt.Errorf("config.json: process.capabilities.bounding: %w", err)
	}
	for _, name := range set {
		if !capability.MatchString(name) {
			return nil, fmt.Errorf("config.json: process.capabilities.bounding: %q is no capability to all runtimes: their names are like CAP_SYS_ADMIN", name)
		}
	}
	return set, nil
}

var capability = regexp.MustCompile(`^CAP_[A-Z0-9_]+$`)

// set replaces a field. It is spelled as the specification does from then on:
// crun finds no other spelling.
func (c *Config) set(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	old, _ := field(c.fields, name)
	delete(c.fields, old)
	c.fields[name] = text
	return nil
}

// edit replaces a field of one of the config's objects.
func (c *Config) edit(parent, name string, value any) error {
	_, raw := field(c.fields, parent)
	inner := map[string]json.RawMessage{}
	if !isNull(raw) {
		var err error
		if inner, err = object(raw); err != nil {
			return fmt.Errorf("config.json: %s: %w", parent, err)
		}
	}
	old, _ := field(inner, name)
	delete(inner, old)
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	inner[name] = text
	return c.set(parent, inner)
}

// SetSeccomp replaces the container's profile.
func (c *Config) SetSeccomp(profile *specs.LinuxSeccomp) error {
	if profile == nil || profile.DefaultAction == "" {
		return errors.New("a profile without a default action would leave the container unconfined")
	}
	return c.edit("linux", "seccomp", profile)
}

// SetNoNewPrivs sets process.noNewPrivileges.
func (c *Config) SetNoNewPrivs() error { return c.edit("process", "noNewPrivileges", true) }

// RemoveAnnotations removes those annotations that are there.
func (c *Config) RemoveAnnotations(names ...string) error {
	all, err := c.Annotations()
	if err != nil {
		return err
	}
	before := len(all)
	for _, name := range names {
		delete(all, name)
	}
	if len(all) == before {
		return nil
	}
	return c.set("annotations", all)
}

// AddHook appends a hook to those of a stage, such as "createRuntime".
func (c *Config) AddHook(stage string, h specs.Hook) error {
	var all map[string]json.RawMessage
	if err := c.decode("hooks", &all); err != nil {
		return err
	}
	var list []specs.Hook
	if _, raw := field(all, stage); !isNull(raw) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return fmt.Errorf("config.json: hooks: %s: %w", stage, err)
		}
	}
	same := func(o specs.Hook) bool { return o.Path == h.Path && slices.Equal(o.Args, h.Args) }
	if slices.ContainsFunc(list, same) {
		return nil
	}
	return c.edit("hooks", stage, append(list, h))
}

// JSON returns the config's text.
func (c *Config) JSON() ([]byte, error) { return json.Marshal(c.fields) }

// EditConfig changes a config.json: all of it or, with an error, nothing. A
// reader sees the file before or after the change. Mode and owner stay.
func EditConfig(path string, change func(*Config) error) (err error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text, err := readRegular(f, info, maxConfig)
	if err != nil {
		return err
	}
	c, err := ParseConfig(text)
	if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	text, err = c.JSON()
	if err != nil {
		return err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil { // replace the file, not a link to it
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".config.json-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(out.Name()))
			_ = out.Close() // it may be closed already
		}
	}()
	if _, err = out.Write(text); err != nil {
		return err
	}
	if err = out.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &stat); err != nil {
		return err
	}
	if int(stat.Uid) != os.Geteuid() || int(stat.Gid) != os.Getegid() {
		if err = out.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
			return err
		}
	}
	if err = out.Close(); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

// readRegular reads a whole regular file of bounded size.
func readRegular(f *os.File, info os.FileInfo, limit int64) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", f.Name())
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d MiB", f.Name(), limit>>20)
	}
	return text, err
}

// ReadConfig reads a config.json.
func ReadConfig(path string) (*Config, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	text, err := readRegular(f, info, maxConfig)
	if err != nil {
		return nil, err
	}
	return ParseConfig(text)
}
