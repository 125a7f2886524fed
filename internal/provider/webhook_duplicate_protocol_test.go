// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// putDuplicate creates a webhook that delivers what testWebhook asks for.
func (s *simulation) putDuplicate(name string) titanxsim.Webhook {
	return s.Put(simUser, titanxsim.Webhook{Name: name, URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"}})
}

// warnsOf reports whether a plan warns that a webhook already exists.
func warnsOf(diags []*tfprotov6.Diagnostic, duplicate titanxsim.Webhook) bool {
	return has(diags, isWarning, "url", "the receiver gets every event twice") && has(diags, isWarning, "url", duplicate.ID)
}

func TestDuplicates_warning_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	duplicate := s.putDuplicate("someone else's")
	for name, tc := range map[string]struct {
		change    object
		duplicate bool
	}{
		"same":                    {nil, true},
		"same name as well":       {object{"name": duplicate.Name}, true},
		"another spelling of url": {object{"url": "HTTPS://hooks.example.com:443/titanx"}, true},
		"inactive":                {object{"status": "inactive"}, true},
		"another path":            {object{"url": "https://hooks.example.com/other"}, false},
		"another event":           {object{"event_types": []string{"job.completed"}}, false},
		"one event more":          {object{"event_types": []string{"job.completed", "job.contact.scored"}}, false},
		"unknown url":             {object{"url": unknown}, false},
		"unknown events":          {object{"event_types": unknown}, false},
	} {
		c := s.protocol(nil).plan(instance{}, testWebhook(tc.change))
		if got := warnsOf(c.diags, duplicate); got != tc.duplicate || len(c.diags) > 1 {
			t.Errorf("%s: %v", name, summaries(c.diags))
		}
	}
}

// TestDuplicates_masked_protocol names a webhook of whose url the list shows
// only a part. It is no error: nobody knows whether it is a duplicate.
func TestDuplicates_masked_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.SetDialect(titanxsim.Dialect{ListForm: "masked"})
	managed := s.protocol(nil).create(testWebhook(nil))
	duplicate := s.putDuplicate("someone else's")
	p := s.protocol(object{"on_duplicate": "error"})
	p.read(managed)
	for path, want := range map[string]bool{"hooks.example.com/titanx": true, "hooks.example.com/other": true, "example.com/titanx": false} {
		c := p.plan(instance{}, testWebhook(object{"url": "https://" + path}))
		if got := has(c.diags, isWarning, "url", duplicate.ID); got != want || len(c.diags) > 1 || strings.Contains(fmt.Sprint(summaries(c.diags)), managed.text(t, "id")) {
			t.Errorf("%s: %v", path, summaries(c.diags))
		}
	}
}

func TestDuplicates_cost_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	duplicate := s.putDuplicate("duplicate")
	p := s.protocol(nil)
	for range 3 {
		if c := p.plan(instance{}, testWebhook(nil)); !warnsOf(c.diags, duplicate) {
			t.Errorf("no warning: %v", summaries(c.diags))
		}
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%d requests for three plans, want 1", n)
	}
	s.ResetRequests()
	for _, config := range []object{{"url": unknown}, {"event_types": unknown}} {
		s.protocol(nil).plan(instance{}, testWebhook(config))
	}
	applying := s.protocol(nil)
	applying.applying = true
	if c := applying.plan(instance{}, testWebhook(nil)); len(c.diags) != 0 {
		t.Errorf("while applying: %v", summaries(c.diags))
	}
	if n := len(s.Requests()); n != 0 {
		t.Errorf("%d requests where nothing can be told", n)
	}
}

// TestDuplicates_unlisted_protocol: a check that could not be made is reported
// once a run, and not made again. In an apply nothing is said.
func TestDuplicates_unlisted_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault titanxsim.Fault
		says  []string
	}{
		"revoked key":      {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 401}, []string{"The apply will fail", "does not accept the API key"}},
		"no right":         {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 403}, []string{"The apply will fail", "not allowed to do this"}},
		"out of order":     {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 503}, []string{"Could not look for duplicates: list webhooks", "503"}},
		"unreachable":      {titanxsim.Fault{Kind: titanxsim.FaultReset}, []string{"Could not look for duplicates: list webhooks", "could not be reached"}},
		"not found":        {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 404}, []string{"Could not look for duplicates: list webhooks", "404"}},
		"web page":         {titanxsim.Fault{Kind: titanxsim.FaultHTML}, []string{"Could not look for duplicates: list webhooks", "cannot read the response"}},
		"quota of the API": {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 403, Body: []byte(`{"error":"quota exceeded"}`)}, []string{"The apply will fail", "reached a limit"}},
	} {
		for policy, severity := range map[string]tfprotov6.DiagnosticSeverity{"warn": isWarning, "error": isError} {
			t.Run(name+", "+policy, func(t *testing.T) {
				t.Parallel()
				s := simulate(t, titanxsim.Config{})
				fault := tc.fault
				fault.Call = titanxsim.CallList
				s.Inject(fault)
				p := s.protocol(object{"on_duplicate": policy, "max_retries": 0})
				first := p.plan(instance{}, testWebhook(nil))
				for _, text := range tc.says {
					if !has(first.diags, severity, "", text) || len(first.diags) != 1 {
						t.Errorf("want %q: %v", text, summaries(first.diags))
					}
				}
				if c := p.plan(instance{}, testWebhook(object{"url": "https://hooks.example.com/2"})); len(c.diags) != 0 {
					t.Errorf("said again: %v", summaries(c.diags))
				}
				if n := len(s.Requests()); n > 2 {
					t.Errorf("%d requests", n)
				}
				p = s.protocol(object{"on_duplicate": policy})
				p.applying = true
				if c := p.plan(instance{}, testWebhook(nil)); len(c.diags) != 0 {
					t.Errorf("in an apply: %v", summaries(c.diags))
				}
			})
		}
	}
}

// TestDuplicates_protocol plans as core does, in both orders and under both
// policies: the order changes where a thing is said, never what.
func TestDuplicates_protocol(t *testing.T) {
	t.Parallel()
	type step func(p *protocolServer) []*tfprotov6.Diagnostic
	const listed, twice, awaited = "already exists", "more than once", "The plan creates a webhook like"
	create := func(changes object) func(*simulation, instance) step {
		return func(*simulation, instance) step {
			return func(p *protocolServer) []*tfprotov6.Diagnostic { return p.plan(instance{}, testWebhook(changes)).diags }
		}
	}
	// plan is one webhook of the state: upgraded, read and planned in one go.
	plan := func(change object, destroy bool) func(*simulation, instance) step {
		return func(_ *simulation, made instance) step {
			return func(p *protocolServer) []*tfprotov6.Diagnostic {
				read, diags := p.read(made)
				if destroy {
					return append(diags, p.plan(read, nil).diags...)
				}
				config := testWebhook(change)
				c := p.plan(read, config)
				diags = append(diags, c.diags...)
				if len(c.replace) > 0 {
					if second := p.plan(instance{private: c.planned.private}, config); len(second.diags) > 0 {
						diags = append(diags, second.diags...)
					}
				}
				return diags
			}
		}
	}
	for name, tc := range map[string]struct {
		steps  []func(*simulation, instance) step
		warns  []string // in each order
		errors []string // under on_duplicate = "error"
	}{
		"a copied block":                   {[]func(*simulation, instance) step{plan(nil, false), create(nil)}, []string{listed}, []string{listed}},
		"a copied block, another name":     {[]func(*simulation, instance) step{plan(nil, false), create(object{"name": "copy"})}, []string{listed}, []string{listed}},
		"a copied block, another url":      {[]func(*simulation, instance) step{plan(nil, false), create(object{"url": "https://hooks.example.com/2"})}, nil, nil},
		"two new blocks":                   {[]func(*simulation, instance) step{create(object{"url": "https://hooks.example.com/2"}), create(object{"url": "HTTPS://hooks.example.com:443/2"})}, []string{twice}, []string{twice}},
		"two new blocks, other events":     {[]func(*simulation, instance) step{create(object{"url": "https://hooks.example.com/2"}), create(object{"url": "https://hooks.example.com/2", "event_types": []string{"job.completed"}})}, nil, nil},
		"a key renamed":                    {[]func(*simulation, instance) step{plan(nil, true), create(nil)}, []string{listed}, []string{listed}},
		"rotated":                          {[]func(*simulation, instance) step{plan(object{"rotation_triggers": map[string]string{"on": "1"}}, false)}, []string{"new signing secret"}, nil},
		"rotated and copied":               {[]func(*simulation, instance) step{plan(object{"rotation_triggers": map[string]string{"on": "1"}}, false), create(nil)}, []string{"new signing secret", listed, twice}, []string{listed}},
		"moved away, and taken again":      {[]func(*simulation, instance) step{plan(object{"url": "https://hooks.example.com/2"}, false), create(nil)}, []string{"new signing secret", listed}, []string{listed}},
		"moved onto a new one":             {[]func(*simulation, instance) step{plan(object{"url": "https://hooks.example.com/2"}, false), create(object{"url": "https://hooks.example.com/2"})}, []string{"new signing secret", twice}, []string{twice}},
		"kept, and another goes elsewhere": {[]func(*simulation, instance) step{plan(object{"status": "inactive"}, false), create(object{"url": "https://hooks.example.com/2"})}, nil, nil},
	} {
		for _, policy := range []string{"warn", "error"} {
			for _, order := range []string{"forward", "backward"} {
				t.Run(name+", "+policy+", "+order, func(t *testing.T) {
					t.Parallel()
					s := simulate(t, titanxsim.Config{})
					made := s.protocol(nil).create(testWebhook(nil))
					steps := slices.Clone(tc.steps)
					if order == "backward" {
						slices.Reverse(steps)
					}
					p := s.protocol(object{"on_duplicate": policy})
					var said []*tfprotov6.Diagnostic
					for _, step := range steps {
						said = append(said, step(s, made)(p)...)
					}
					want := tc.warns
					if policy == "error" {
						want = tc.errors
					}
					for _, text := range want {
						severity := isWarning
						if policy == "error" {
							severity = isError
						}
						if !slices.ContainsFunc(said, func(d *tfprotov6.Diagnostic) bool { return d.Severity == severity && strings.Contains(d.Summary, text) }) {
							t.Errorf("want %q: %v", text, summaries(said))
						}
					}
					if policy == "warn" && len(said) != len(want) || policy == "error" && hasError(said) != (len(want) > 0) {
						t.Errorf("said: %v", summaries(said))
					}
					if n := len(s.Requests(titanxsim.CallList)); n > 2 { // one of the run that created it
						t.Errorf("%d lists", n)
					}
				})
			}
		}
	}

	// Core may plan a create between the refresh and the plan of another
	// webhook.
	t.Run("in between", func(t *testing.T) {
		t.Parallel()
		s := simulate(t, titanxsim.Config{})
		made := s.protocol(nil).create(testWebhook(nil))
		p := s.protocol(object{"on_duplicate": "error"})
		read, diags := p.read(made)
		p.mustSucceed(diags)
		between := p.plan(instance{}, testWebhook(object{"name": "copy"}))
		if !has(between.diags, isWarning, "url", listed) || hasError(between.diags) {
			t.Errorf("a webhook that may be tainted: %v", summaries(between.diags))
		}
		if c := p.plan(read, testWebhook(nil)); !has(c.diags, isError, "url", awaited) {
			t.Errorf("it is not: %v", summaries(c.diags))
		}
	})
}

// TestDuplicates_tainted_protocol: core plans a tainted webhook as a plain
// create, so that nobody can tell it from a copy. It must stay possible to
// replace it.
func TestDuplicates_tainted_protocol(t *testing.T) {
	t.Parallel()
	for name, refer := range map[string]func(p *protocolServer, made instance){
		"refreshed":      func(p *protocolServer, made instance) { p.read(made) },
		"not refreshed":  func(p *protocolServer, made instance) { p.passOn(made) },
		"upgraded, read": func(p *protocolServer, made instance) { p.passOn(made); p.read(made) },
	} {
		for _, policy := range []string{"warn", "error"} {
			t.Run(name+", "+policy, func(t *testing.T) {
				t.Parallel()
				s := simulate(t, titanxsim.Config{})
				made := s.protocol(nil).create(testWebhook(nil))
				p := s.protocol(object{"on_duplicate": policy})
				refer(p, made)
				if c := p.plan(instance{}, testWebhook(nil)); hasError(c.diags) || !has(c.diags, isWarning, "url", "Unless it is tainted") || len(c.diags) != 1 {
					t.Errorf("%v", summaries(c.diags))
				}
				another := s.putDuplicate("another")
				p = s.protocol(object{"on_duplicate": policy})
				refer(p, made)
				if c := p.plan(instance{}, testWebhook(nil)); hasError(c.diags) != (policy == "error") || !strings.Contains(c.diags[0].Detail, another.ID) {
					t.Errorf("with another: %v", summaries(c.diags))
				}
			})
		}
	}
}

// passOn passes a state on as core does before anything else.
func (p *protocolServer) passOn(i instance) {
	p.t.Helper()
	p.upgrade(p.webhookSchema().Version, fmt.Sprintf(`{"id": %q}`, i.text(p.t, "id")))
}

// TestDuplicates_duringApply_protocol checks that webhooks which one run
// creates are not told of as duplicates of each other once more while they are
// created.
func TestDuplicates_duringApply_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	p.create(testWebhook(nil))
	if c := p.plan(instance{}, testWebhook(nil)); len(c.diags) != 0 {
		t.Errorf("%v", summaries(c.diags))
	}
}

func TestMarksApply(t *testing.T) {
	t.Parallel()
	const ours = "/home/ada/project/.terraform/providers/registry.terraform.io/titanx-io/titanx/0.1.0/linux_amd64/terraform-provider-titanx_v0.1.0"
	for _, tc := range []struct {
		version, executable string
		want                bool
	}{
		{"1.11.4", ours, true},
		{"1.9.0", ours, true},
		{"1.16.0-rc2", ours, true},
		{"1.13.1", ours, true},
		{"2.0.0", ours, true},
		{"1.15.9", "", true},
		{"1.8.5", ours, false},
		{"1.0.0", ours, false},
		{"0.15.5", ours, false},
		{"1.13.0", ours, false},
		{"1.11.4", strings.Replace(ours, "terraform.io", "opentofu.org", 1), false},
		{"", ours, false},
		{"dev", ours, false},
	} {
		if got := marksApply(tc.version, tc.executable); got != tc.want {
			t.Errorf("%s at %s: %t", tc.version, tc.executable, got)
		}
	}
}
