// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package cli runs Terraform or OpenTofu with the provider built from this
// tree, offline and with no file of the user's. The demo and the acceptance
// tests use it.
package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// PathVariable names the environment variable that names the CLI. The make
// targets set it; without it, the PATH decides.
const PathVariable = "TF_ACC_TERRAFORM_PATH"

const module = "github.com/titanx-io/terraform-provider-titanx"

// CLI is a Terraform or OpenTofu that uses the provider of this tree.
type CLI struct {
	Name    string // terraform or tofu, whatever its file is called
	Version string // as it says it: "Terraform v1.11.4"
	Product string // Terraform or OpenTofu
	Minor   int    // of its version, 1.Minor
	path    string
	scratch string
	env     []string
	can     sync.Map // Feature → func() (bool, error)
}

// New builds the provider into the scratch directory, for the CLI that the
// environment names.
func New(ctx context.Context, scratch string) (*CLI, error) {
	path := os.Getenv(PathVariable)
	for _, name := range []string{"terraform", "tofu"} {
		if found, err := exec.LookPath(name); path == "" && err == nil {
			path = found
		}
	}
	if path == "" {
		return nil, errors.New("find CLI: run the make target, or install Terraform 1.8 or newer (or " +
			"OpenTofu) and name it by " + PathVariable)
	}
	plugins, config := filepath.Join(scratch, "plugins"), filepath.Join(scratch, "cli.tfrc")
	//nolint:gosec // the caller's directory
	build := exec.CommandContext(ctx, "go", "build", "-o", plugins+string(filepath.Separator), module)
	out, err := build.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("build provider: %w\n%s", err, out)
	}
	settings := fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    \"titanx-io/titanx\" = %q\n  }\n}\n",
		filepath.ToSlash(plugins))
	if err := os.WriteFile(config, settings, 0o600); err != nil {
		return nil, fmt.Errorf("write CLI configuration: %w", err)
	}
	c := &CLI{
		Name:    filepath.Base(path), // until it has said what it is
		path:    path,
		scratch: scratch,
		env: append(slices.DeleteFunc(os.Environ(), steers), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1",
			"TF_IN_AUTOMATION=1"),
	}
	version, err := c.In(scratch, io.Discard).Read(ctx, "version")
	if err != nil {
		return nil, err
	}
	c.Version, _, _ = strings.Cut(string(version), "\n")
	if _, err := fmt.Sscanf(c.Version, "%s v1.%d.", &c.Product, &c.Minor); err != nil {
		return nil, fmt.Errorf("read version %q: %w", c.Version, err)
	}
	c.Name = map[string]string{"Terraform": "terraform", "OpenTofu": "tofu"}[c.Product]
	return c, nil
}

// steers reports whether a variable of the user would change what a CLI or the
// provider does.
func steers(variable string) bool {
	return strings.HasPrefix(variable, "TF_") || strings.HasPrefix(variable, "TOFU_") ||
		strings.HasPrefix(variable, "TITANX_")
}

// Folder is a folder that the CLI runs in.
type Folder struct {
	*CLI
	// Printed is what the last command printed, without what Read returned.
	Printed []byte
	dir     string
	log     io.Writer
	env     []string
}

// In returns a folder to run in, with further environment variables. The log
// sees what Run prints.
func (c *CLI) In(dir string, log io.Writer, env ...string) *Folder {
	return &Folder{CLI: c, dir: dir, log: log, env: slices.Concat(c.env, env)}
}

// Run runs a command that must end with the wanted exit code.
func (f *Folder) Run(ctx context.Context, exit int, args ...string) error {
	var printed bytes.Buffer
	both := io.MultiWriter(&printed, f.log)
	fmt.Fprintf(both, "$ %s %s\n", f.Name, strings.Join(args, " "))
	cmd := f.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = both, both
	err := cmd.Run()
	f.Printed = printed.Bytes()
	return f.ended(ctx, err, exit, args)
}

// Read returns what a command prints, and shows it to nobody: it may hold a
// secret.
func (f *Folder) Read(ctx context.Context, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := f.Command(ctx, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	f.Printed = stderr.Bytes()
	return out, f.ended(ctx, err, 0, args)
}

// Command prepares a command. It leaves a canceled CLI to end by itself: a
// terminal has sent it the interrupt as well, and at a second one it would drop
// everything.
func (f *Folder) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, f.path, args...) //nolint:gosec // the CLI that the user names
	cmd.Dir, cmd.Env = f.dir, f.env
	cmd.Cancel = func() error { return nil }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

func (f *Folder) ended(ctx context.Context, err error, exit int, args []string) error {
	var failed *exec.ExitError
	code := 0
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run %s %s: %w", f.Name, args[0], context.Cause(ctx))
	case errors.As(err, &failed):
		code = failed.ExitCode()
	case err != nil:
		return fmt.Errorf("run %s %s: %w", f.Name, args[0], err)
	}
	if code != exit {
		return fmt.Errorf("run %s %s: exit code %d instead of %d", f.Name, args[0], code, exit)
	}
	return nil
}

// Root returns the directory of this tree.
func Root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("find the project's directory: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
