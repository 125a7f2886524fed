// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

//go:build unix

// Package bench measures the provider with a real CLI against the simulator:
// beside terraform_data, which has no provider process, and beside a minimal
// provider on the same framework, which has no API. CPU and peak memory are
// those of the provider's processes alone. make bench runs and compares it.
package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	key  = "CANARY-bench"
	user = "bench"

	terraformData = `
variable "n" { type = number }

resource "terraform_data" "bench" {
  count = var.n
  input = { name = "bench ${count.index}", url = "https://hooks.example.com/${count.index}", event = "job.contact.scored" }
}
`
	// withProvider takes a provider's name and the argument that the other
	// lacks.
	withProvider = `
terraform {
  required_providers {
    %[1]s = { source = "titanx-io/%[1]s" }
  }
}

variable "n" { type = number }

resource "%[1]s_webhook" "bench" {
  count = var.n
  name  = "bench ${count.index}"
  url   = "https://hooks.example.com/${count.index}"
  %[2]s
}
`
)

var (
	minimal = fmt.Sprintf(withProvider, "minimal", `event = "job.contact.scored"`)
	titanx  = fmt.Sprintf(withProvider, "titanx", `event_types = ["job.contact.scored"]`)

	subjects = []struct {
		name, config string
		latency      time.Duration
	}{
		{name: "terraform_data", config: terraformData},
		{name: "minimal", config: minimal},
		{name: "titanx", config: titanx},
		{name: "titanx-50ms", config: titanx, latency: 50 * time.Millisecond},
	}

	create  = []string{"apply", "-auto-approve", "-no-color"}
	plan    = []string{"plan", "-detailed-exitcode", "-no-color"} // fails if anything changes
	destroy = []string{"apply", "-destroy", "-auto-approve", "-no-color"}
	schema  = []string{"providers", "schema", "-json"}
)

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

var scratch string

// built returns a CLI with both providers, each behind a meter.
var built = sync.OnceValues(func() (*cli.CLI, error) {
	var err error
	if scratch, err = os.MkdirTemp("", "titanx-bench-"); err != nil {
		return nil, err
	}
	plugins := filepath.Join(scratch, "plugins")
	c, err := cli.New(context.Background(), scratch)
	if err != nil {
		return nil, err
	}
	for name, source := range map[string]string{"titanx": "../../..", "minimal": "./minimal"} {
		binary := "terraform-provider-" + name
		for path, source := range map[string]string{filepath.Join("metered", binary): source, binary: "./meter"} {
			build := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(plugins, path), source)
			if out, err := build.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("build %s: %w\n%s", source, err, out)
			}
		}
	}
	config := fmt.Appendf(nil, "provider_installation {\n  dev_overrides {\n    \"titanx-io/titanx\" = %[1]q\n    \"titanx-io/minimal\" = %[1]q\n  }\n}\n", plugins)
	return c, os.WriteFile(filepath.Join(scratch, "bench.tfrc"), config, 0o600)
})

// workspace is a folder with a configuration of n webhooks, and a TitanX of its
// own.
type workspace struct {
	*cli.Folder
	b     *testing.B
	sim   *titanxsim.Server
	dir   string
	n     int
	state []byte
	all   []titanxsim.Webhook
}

func newWorkspace(b *testing.B, config string, n int, cfg titanxsim.Config) *workspace {
	b.Helper()
	c, err := built()
	if err != nil {
		b.Fatal(err)
	}
	cfg.Keys = map[string]string{key: user}
	w := &workspace{b: b, sim: titanxsim.New(cfg), dir: b.TempDir(), n: n}
	api := httptest.NewServer(w.sim)
	b.Cleanup(func() {
		w.sim.Close()
		api.Close()
	})
	w.Folder = c.In(w.dir, io.Discard, "TF_CLI_CONFIG_FILE="+filepath.Join(scratch, "bench.tfrc"), "BENCH_METER="+w.path("meter"), fmt.Sprintf("TF_VAR_n=%d", n),
		"TITANX_API_KEY="+key, "TITANX_BASE_URL="+api.URL+titanxsim.BasePath)
	w.write("main.tf", []byte(config))
	return w
}

func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

func (w *workspace) write(name string, content []byte) {
	if err := os.WriteFile(w.path(name), content, 0o600); err != nil {
		w.b.Fatal(err)
	}
}

func (w *workspace) read(name string) []byte {
	content, err := os.ReadFile(w.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.b.Fatal(err)
	}
	return content
}

func (w *workspace) run(args []string) {
	if err := w.Run(w.b.Context(), 0, args...); err != nil {
		w.b.Fatalf("%v\n%s", err, w.Printed[max(0, len(w.Printed)-2000):])
	}
}

// measure runs a command in a benchmark of its own. Each of its runs begins
// with the same state, here and at TitanX.
func (w *workspace) measure(b *testing.B, name string, args []string) {
	b.Run(name, func(b *testing.B) {
		var cpu, peak, requests, refused float64
		for b.Loop() {
			b.StopTimer()
			w.restore()
			b.StartTimer()
			w.run(args)
			b.StopTimer()
			for lines := json.NewDecoder(bytes.NewReader(w.read("meter"))); lines.More(); {
				var process struct{ CPU, Peak float64 }
				if err := lines.Decode(&process); err != nil {
					b.Fatal(err)
				}
				cpu, peak = cpu+process.CPU/1e9, max(peak, process.Peak/(1<<20))
			}
			for _, r := range w.sim.Requests() {
				requests++
				if r.Status == http.StatusTooManyRequests {
					refused++
				}
			}
			b.StartTimer()
		}
		runs := float64(b.N)
		b.ReportMetric(cpu/runs, "cpu-s/op")
		b.ReportMetric(peak, "peak-MiB")
		b.ReportMetric(requests/runs, "requests/op")
		b.ReportMetric(refused/runs, "429s/op")
		b.ReportMetric(float64(len(w.read("terraform.tfstate")))/float64(w.n), "state-B/webhook")
	})
}

// save keeps the present state, in which all webhooks exist, for each
// run begins with.
func (w *workspace) save() {
	if w.read("terraform.tfstate") == nil { // only some benchmarks were asked for
		w.run(create)
	}
	w.state, w.all = w.read("terraform.tfstate"), w.sim.Webhooks(user)
}

func (w *workspace) restore() {
	os.Remove(w.path("meter"))
	os.Remove(w.path("terraform.tfstate"))
	if w.state != nil {
		w.write("terraform.tfstate", w.state)
	}
	for _, webhook := range w.sim.Webhooks(user) {
		w.sim.Remove(user, webhook.ID)
	}
	for _, webhook := range w.all {
		w.sim.Put(user, webhook)
	}
	w.sim.ResetRequests()
}

// BenchmarkCLI is what a provider costs before it does anything, and what n
// resources cost.
func BenchmarkCLI(b *testing.B) {
	for _, s := range subjects {
		newWorkspace(b, s.config, 1, titanxsim.Config{}).measure(b, "step=schema/n=0/subject="+s.name, schema)
	}
	for _, n := range []int{1, 100, 1000} {
		for _, s := range subjects {
			w := newWorkspace(b, s.config, n, titanxsim.Config{Latency: s.latency})
			name := fmt.Sprintf("/n=%d/subject=%s", n, s.name)
			w.measure(b, "step=create"+name, create)
			w.save()
			w.measure(b, "step=plan"+name, plan)
			w.measure(b, "step=destroy"+name, destroy)
		}
	}
}

// BenchmarkCrowded plans one webhook of an account that has 10,000 others.
func BenchmarkCrowded(b *testing.B) {
	for name, dialect := range map[string]titanxsim.Dialect{"pages=1": {}, "pages=101": {Paging: "cursor", PageSize: 100}} {
		w := newWorkspace(b, titanx, 1, titanxsim.Config{Dialect: dialect})
		w.save()
		for i := range 10_000 {
			w.sim.Put(user, titanxsim.Webhook{Name: "other", URL: fmt.Sprintf("https://other.example.com/%d", i), EventTypes: []string{"job.completed"}})
		}
		w.save()
		w.measure(b, name, plan)
	}
}

// BenchmarkLimits creates 100 webhooks where TitanX takes ten requests a
// second.
func BenchmarkLimits(b *testing.B) {
	newWorkspace(b, titanx, 100, titanxsim.Config{Limits: titanxsim.Limits{Second: 10}}).measure(b, "second=10/n=100", create)
}
