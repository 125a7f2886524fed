// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const terraformDataConfig = `
variable "n" { type = number }

resource "terraform_data" "bench" {
  count = var.n
  input = { name = "bench ${count.index}", url = "https://hooks.example.com/${count.index}", event = "job.contact.scored" }
}
`

// providerConfig is that of a provider, by its name and the arguments that the other has not.
const providerConfig = `
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

var (
	minimalConfig = fmt.Sprintf(providerConfig, "minimal", `event = "job.contact.scored"`)
	titanxConfig  = fmt.Sprintf(providerConfig, "titanx", `event_types = ["job.contact.scored"]`)
)

// sample is one command's measure.
type sample struct {
	usage
	traffic
}

// command is a step in the life of N resources.
type command struct {
	name string
	args []string
}

var (
	create  = command{"create", []string{"apply", "-auto-approve", "-no-color"}}
	plan    = command{"no-change plan", []string{"plan", "-detailed-exitcode", "-no-color"}} // fails if anything changes
	destroy = command{"destroy", []string{"apply", "-destroy", "-auto-approve", "-no-color"}}
	schema  = command{"providers schema", []string{"providers", "schema", "-json"}}
)

// measure runs a command. The service may be nil.
func measure(ctx context.Context, w *workspace, s *service, c command) (sample, error) {
	used, err := w.run(ctx, c.args...)
	return sample{used, s.takeTraffic()}, err
}

// subject is what is measured side by side.
type subject struct {
	name    string
	config  string
	api     bool
	latency time.Duration
}

// subjects begin with the two that the others are compared with.
var subjects = []subject{
	{name: "`terraform_data`", config: terraformDataConfig},
	{name: "minimal", config: minimalConfig},
	{name: "titanx, 0 ms", config: titanxConfig, api: true},
	{name: "titanx, 50 ms", config: titanxConfig, api: true, latency: 50 * time.Millisecond},
}

// start is what a provider costs before it does anything.
func (b *bench) start(ctx context.Context, out io.Writer) error {
	names := []string{"minimal", "titanx"}
	samples := make([][]sample, len(names))
	for range max(b.runs, 5) { // short, and so more easily disturbed
		for i, config := range []string{minimalConfig, titanxConfig} {
			w, err := b.workspace(config, 1, nil)
			if err != nil {
				return err
			}
			got, err := measure(ctx, w, nil, schema)
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], got)
		}
	}
	fmt.Fprintf(out, "\n### `providers schema`\n\n| provider | binary MiB | wall s | × minimal | CPU s | × minimal | peak MiB |\n| --- | --: | --: | --: | --: | --: | --: |\n")
	for i, name := range names {
		size, err := b.size(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %.1f | %s | %s | %s | %s | %s |\n", name, float64(size)/mebi, seconds(samples[i], wall), times(samples[i], samples[0], wall),
			seconds(samples[i], cpu), times(samples[i], samples[0], cpu), peak(samples[i]))
	}
	return nil
}

// cost is the life of N resources that nothing limits.
func (b *bench) cost(ctx context.Context, out io.Writer) error {
	commands := []command{create, plan, destroy}
	for _, n := range b.sizes {
		samples := make([][][]sample, len(commands)) // by command, subject and run
		for c := range commands {
			samples[c] = make([][]sample, len(subjects))
		}
		for range b.runs {
			for i, s := range subjects {
				lap, err := b.lap(ctx, s, n, commands)
				if err != nil {
					return fmt.Errorf("%s, N = %d: %w", s.name, n, err)
				}
				for c := range commands {
					samples[c][i] = append(samples[c][i], lap[c])
				}
			}
		}
		fmt.Fprintf(out, "\n### N = %d\n\n| | | wall s | × `terraform_data` | × minimal | CPU s | × minimal | requests | 429 | connections | at once | peak MiB |\n"+
			"| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n", n)
		for c, what := range commands {
			builtin, minimal := samples[c][0], samples[c][1]
			for i, s := range subjects {
				got := samples[c][i]
				fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %d | %d | %d | %d | %s |\n", what.name, s.name, seconds(got, wall), times(got, builtin, wall), times(got, minimal, wall),
					seconds(got, cpu), times(got, minimal, cpu), got[0].requests, got[0].refused, got[0].connections, got[0].atOnce, peak(got))
			}
		}
		slow, fast := samples[1][3], samples[1][2]
		fmt.Fprintf(out, "\nNo-change plan at 50 ms: × %s that at 0 ms.\n", times(slow, fast, wall))
	}
	return nil
}

// lap runs the commands one after the other in a new workspace.
func (b *bench) lap(ctx context.Context, what subject, n int, commands []command) ([]sample, error) {
	var s *service
	if what.api {
		var err error
		if s, err = newService(ctx, titanxsim.Config{Latency: what.latency}); err != nil {
			return nil, err
		}
		defer s.close()
	}
	w, err := b.workspace(what.config, n, s)
	if err != nil {
		return nil, err
	}
	var lap []sample
	for _, c := range commands {
		got, err := measure(ctx, w, s, c)
		if err != nil {
			return nil, err
		}
		lap = append(lap, got)
	}
	return lap, nil
}

// list is a plan of one webhook among many others, on one page and on a hundred.
func (b *bench) list(ctx context.Context, out io.Writer) error {
	const others = 10_000
	fmt.Fprintf(out, "\n### One webhook in an account of %d\n\n| no-change plan | wall s | CPU s | requests | 429 | connections | at once | peak MiB |\n| --- | --: | --: | --: | --: | --: | --: | --: |\n", others)
	for _, layout := range []struct {
		name    string
		dialect titanxsim.Dialect
	}{
		{"one page", titanxsim.Dialect{}},
		{"pages of 100", titanxsim.Dialect{Paging: "cursor", PageSize: 100}},
	} {
		samples, err := b.planAmong(ctx, others, layout.dialect)
		if err != nil {
			return fmt.Errorf("%s: %w", layout.name, err)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %d | %d | %d | %d | %s |\n", layout.name, seconds(samples, wall), seconds(samples, cpu), samples[0].requests, samples[0].refused, samples[0].connections, samples[0].atOnce, peak(samples))
	}
	return nil
}

// planAmong measures plans of one webhook in an account that has others.
func (b *bench) planAmong(ctx context.Context, others int, dialect titanxsim.Dialect) ([]sample, error) {
	s, err := newService(ctx, titanxsim.Config{Dialect: dialect})
	if err != nil {
		return nil, err
	}
	defer s.close()
	w, err := b.workspace(titanxConfig, 1, s)
	if err != nil {
		return nil, err
	}
	if _, err := measure(ctx, w, s, create); err != nil {
		return nil, err
	}
	for i := range others {
		s.sim.Put(simulatedUser, titanxsim.Webhook{Name: fmt.Sprintf("other %d", i), URL: fmt.Sprintf("https://other.example.com/%d", i), EventTypes: []string{"job.completed"}})
	}
	var samples []sample
	for range b.runs {
		got, err := measure(ctx, w, s, plan)
		if err != nil {
			return nil, err
		}
		samples = append(samples, got)
	}
	return samples, nil
}

func wall(s sample) time.Duration { return s.wall }
func cpu(s sample) time.Duration  { return s.cpu }

func seconds(samples []sample, of func(sample) time.Duration) string {
	var all []float64
	for _, s := range samples {
		all = append(all, of(s).Seconds())
	}
	return fmt.Sprintf("%.2f", median(all))
}

// times is the median of the ratios of runs made one after the other.
func times(samples, base []sample, of func(sample) time.Duration) string {
	var ratios []float64
	for i := range samples {
		if of(samples[i]) == 0 || of(base[i]) == 0 { // terraform_data has no provider
			return ""
		}
		ratios = append(ratios, of(samples[i]).Seconds()/of(base[i]).Seconds())
	}
	return fmt.Sprintf("%.2f", median(ratios))
}

func peak(samples []sample) string {
	var most int64
	for _, s := range samples {
		most = max(most, s.peak)
	}
	return fmt.Sprintf("%.0f", float64(most)/mebi)
}

const mebi = 1 << 20

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
