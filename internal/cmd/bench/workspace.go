// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// bench is one run of this program.
type bench struct {
	cli   string // path of the Terraform or OpenTofu CLI
	dir   string // scratch, removed at the end
	runs  int
	sizes []int
}

// providers are what is built and measured: name in the CLI's configuration, and package.
var providers = []struct{ name, source string }{
	{"titanx", "."},
	{"minimal", "./internal/cmd/bench/minimal"},
}

// build makes the providers as they are released, each behind a meter, and the CLI configuration that finds them.
func (b *bench) build(ctx context.Context) error {
	var overrides strings.Builder
	for _, p := range providers {
		dir := filepath.Join(b.dir, "providers", p.name)
		fmt.Fprintf(&overrides, "    \"titanx-io/%s\" = %q\n", p.name, dir)
		for path, source := range map[string]string{b.binary(p.name): p.source, filepath.Join(dir, "terraform-provider-"+p.name): "./internal/cmd/bench/meter"} {
			build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, source)
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("build %s: %w\n%s", source, err, out)
			}
		}
	}
	config := "provider_installation {\n  dev_overrides {\n" + overrides.String() + "  }\n  direct {}\n}\n"
	return os.WriteFile(b.cliConfig(), []byte(config), 0o600)
}

// binary is the path of a provider without its meter.
func (b *bench) binary(name string) string {
	return filepath.Join(b.dir, "providers", name, "metered", "terraform-provider-"+name)
}

func (b *bench) cliConfig() string { return filepath.Join(b.dir, "cli.tfrc") }

// workspace is a directory with a configuration, in which the CLI runs.
type workspace struct {
	cli string
	dir string
	env []string
}

// workspace makes a new one. The service may be nil.
func (b *bench) workspace(config string, n int, s *service) (*workspace, error) {
	dir, err := os.MkdirTemp(b.dir, "workspace-")
	if err != nil {
		return nil, err
	}
	w := &workspace{cli: b.cli, dir: dir, env: append(slices.DeleteFunc(os.Environ(), steers),
		"TF_CLI_CONFIG_FILE="+b.cliConfig(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0", "BENCH_METER="+filepath.Join(dir, "meter"), fmt.Sprintf("TF_VAR_n=%d", n),
	)}
	if s != nil {
		w.env = append(w.env, "TITANX_API_KEY="+s.key, "TITANX_BASE_URL="+s.url)
	}
	return w, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600)
}

// steers tells which of the user's variables would change what a CLI or a provider does.
func steers(variable string) bool {
	return strings.HasPrefix(variable, "TF_") || strings.HasPrefix(variable, "TOFU_") || strings.HasPrefix(variable, "TITANX_")
}

// logWaits makes the CLI log at the level at which waits for the rate limit show.
func (w *workspace) logWaits() {
	w.env = append(w.env, "TF_LOG_PROVIDER=INFO", "TF_LOG_PATH="+filepath.Join(w.dir, "log"))
}

// usage is what one command took.
type usage struct {
	wall  time.Duration
	cpu   time.Duration // of the provider's processes together
	peak  int64         // bytes, of the largest of the provider's processes
	waits int           // lines in the log that tell of a wait for the rate limit
}

// run runs the CLI. The error holds the end of what it said.
func (w *workspace) run(ctx context.Context, args ...string) (usage, error) {
	for _, name := range []string{"log", "meter"} {
		if err := os.Remove(filepath.Join(w.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return usage{}, err
		}
	}
	cmd := exec.CommandContext(ctx, w.cli, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	begun := time.Now()
	out, err := cmd.CombinedOutput()
	used := usage{wall: time.Since(begun)}
	if err != nil {
		return used, fmt.Errorf("%s: %w\n%s", args[0], err, out[max(0, len(out)-2000):])
	}
	err = w.readMeter(&used)
	return used, err
}

// readMeter adds what the provider's meter and log have recorded. terraform_data has neither.
func (w *workspace) readMeter(used *usage) error {
	log, err := os.ReadFile(filepath.Join(w.dir, "log"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	used.waits = bytes.Count(log, []byte("waiting for the rate limit"))
	meter, err := os.Open(filepath.Join(w.dir, "meter"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer meter.Close()
	for lines := json.NewDecoder(meter); ; {
		var process struct {
			CPU  time.Duration
			Peak int64
		}
		if err := lines.Decode(&process); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read meter: %w", err)
		}
		used.cpu += process.CPU
		used.peak = max(used.peak, process.Peak)
	}
}

// size is that of a provider's binary, in bytes.
func (b *bench) size(provider string) (int64, error) {
	info, err := os.Stat(b.binary(provider))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
