package container

import (
	"errors"
	"fmt"
	"io"
)

// Precreate is podman's and CRI-O's precreate hook: it reads a config.json and
// returns it with the policy as its profile.
func Precreate(in io.Reader, choice Choice) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("reading the container's config: %w", err)
	}
	if len(text) > maxConfig {
		return nil, errors.New("the container's config is too large")
	}
	config, err := ParseConfig(text)
	if err != nil {
		return nil, err
	}
	if _, err := choice.apply(config, choice.libseccomp(installedRuntimes()...)); err != nil {
		return nil, err
	}
	return config.JSON()
}
