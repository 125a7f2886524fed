// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The real CLI in a folder, for acceptance tests.

package provider

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
)

// folder is where the real Terraform or OpenTofu runs with the provider as a
// process of its own, for what the testing library does not reach: console
// output, logs, plan files, generated configuration, signals.
type folder struct {
	*cli.CLI
	t   *testing.T
	dir string
	env []string
}

// realCLI builds the provider once for all tests of a run, where make clean
// removes it.
var realCLI = sync.OnceValues(func() (*cli.CLI, error) {
	dir, err := filepath.Abs("../../bin/test")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return cli.New(context.Background(), dir)
})

// newCLI writes a configuration into a folder of its own. Its provider block is
// empty: address and key come by environment.
func newCLI(t *testing.T, s *simulation, config string) *folder {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run with TF_ACC=1, as make test sets it")
	}
	installed, err := realCLI()
	if err != nil {
		t.Fatal(err)
	}
	c := &folder{CLI: installed, t: t, dir: t.TempDir()}
	c.write("main.tf", "terraform {\n  required_providers {\n    titanx = {\n      source = \"titanx-io/titanx\"\n    }\n  }\n}\nprovider \"titanx\" {}\n"+config)
	c.env = []string{"TF_LOG=TRACE", "TF_LOG_PATH=" + c.logPath(), apiKeyVariable + "=" + s.apiKey, baseURLVariable + "=" + s.baseURL}
	return c
}

func (c *folder) logPath() string { return filepath.Join(c.dir, "trace.log") }

func (c *folder) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *folder) read(name string) string {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(text)
}

// readPlan returns the content of a saved plan, which is a zip archive: of the
// named files in it, or of all.
func (c *folder) readPlan(name string, files ...string) string {
	c.t.Helper()
	archive, err := zip.OpenReader(filepath.Join(c.dir, name))
	if err != nil {
		c.t.Fatal(err)
	}
	defer archive.Close()
	var all strings.Builder
	for _, file := range archive.File {
		if len(files) > 0 && !slices.Contains(files, file.Name) {
			continue
		}
		r, err := file.Open()
		if err != nil {
			c.t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			c.t.Fatal(err)
		}
	}
	return all.String()
}

// command prepares the CLI with arguments; its two outputs go into one buffer.
func (c *folder) command(args ...string) (*exec.Cmd, *bytes.Buffer) {
	var out bytes.Buffer
	cmd := c.In(c.dir, io.Discard, c.env...).Command(context.Background(), append(args, "-no-color")...)
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// run returns what the CLI prints and its exit code.
func (c *folder) run(args ...string) (string, int) {
	c.t.Helper()
	cmd, out := c.command(args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatalf("run %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// must runs the CLI, and fails the test where that fails.
func (c *folder) must(args ...string) string {
	c.t.Helper()
	out, code := c.run(args...)
	if code != 0 {
		c.t.Fatalf("%s ended with %d:\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// needs skips an acceptance test of a feature that the CLI does not have.
func needs(t *testing.T, feature cli.Feature) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run with TF_ACC=1, as make test sets it")
	}
	installed, err := realCLI()
	if err != nil {
		t.Fatal(err)
	}
	if !can(t, installed, feature) {
		t.Skipf("%s has no %s", installed.Version, feature)
	}
}

func can(t *testing.T, c *cli.CLI, feature cli.Feature) bool {
	t.Helper()
	able, err := c.Can(t.Context(), feature)
	if err != nil {
		t.Fatal(err)
	}
	return able
}

func (c *folder) isOpenTofu() bool { return c.Product == "OpenTofu" }

// hcl of a webhook for newCLI, with further arguments.
func webhookHCL(arguments string) string {
	return `resource "titanx_webhook" "test" {
  name        = "test"
  url         = "https://hooks.example.com/titanx"
  event_types = ["job.contact.scored"]
  ` + arguments + "\n}\n"
}
