// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

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
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
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

// TestAccCanaries looks for the API key and for every secret in all that a run
// leaves behind.
func TestAccCanaries(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Limits: titanxsim.Limits{Second: 50, Minute: 2000}})
	c := newCLI(t, s, webhookHCL(`status = var.status`)+`
variable "status" { default = "active" }
output "secret" {
  value     = titanx_webhook.test.secret
  sensitive = true
}`)
	var console strings.Builder
	secrets := map[string]bool{}
	run := func(want int, args ...string) {
		t.Helper()
		out, code := c.run(args...)
		if code != want {
			t.Fatalf("%v ended with %d, want %d:\n%s", args, code, want, out)
		}
		console.WriteString(out)
		for _, w := range s.Webhooks(simUser) {
			secrets[w.Secret] = true
		}
	}
	run(0, "apply", "-auto-approve")
	run(0, "apply", "-auto-approve", "-var=status=inactive")
	s.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 401, Body: []byte(`{"error":"the key ` + s.apiKey + ` is not valid"}`)})
	run(1, "plan")
	s.ClearFaults()
	s.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultCut, Commit: true, Times: 1})
	run(0, "apply", "-auto-approve", "-replace=titanx_webhook.test")
	id := s.only().ID
	run(0, "plan", "-out=saved.tfplan")
	run(0, "state", "rm", "titanx_webhook.test")
	run(0, "import", "titanx_webhook.test", id)
	run(0, "plan", "-out=saved.tfplan")
	run(0, "apply", "saved.tfplan")
	if state := c.read("terraform.tfstate"); !strings.Contains(state, s.only().Secret) {
		t.Error("the state does not hold the secret")
	}
	run(0, "destroy", "-auto-approve")

	if len(secrets) < 3 {
		t.Fatalf("%d secrets were issued, want at least 3", len(secrets))
	}
	log := c.read("trace.log")
	if !strings.Contains(log, "TitanX request") {
		t.Error("the log does not hold the provider's own lines")
	}
	for where, text := range map[string]string{"log": log, "console": console.String()} {
		if strings.Contains(text, s.apiKey) {
			t.Errorf("the API key is in the %s", where)
		}
		for secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a secret is in the %s", where)
			}
		}
	}
	if strings.Contains(c.read("terraform.tfstate")+c.readPlan("saved.tfplan"), s.apiKey) {
		t.Error("the API key is in the state or the plan")
	}
}
