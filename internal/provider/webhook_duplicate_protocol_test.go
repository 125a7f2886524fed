// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// putTwin makes a webhook that delivers what testWebhook asks for.
func (s *simulation) putTwin(name string) titanxsim.Webhook {
	return s.Put(simUser, titanxsim.Webhook{Name: name, URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"}})
}

// warnsOf tells whether a plan warns that a webhook exists already.
func warnsOf(diags []*tfprotov6.Diagnostic, twin titanxsim.Webhook) bool {
	return has(diags, isWarning, "url", "the receiver gets every event twice") && has(diags, isWarning, "url", twin.ID)
}

func TestDuplicateWarning_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	twin := s.putTwin("someone else's")
	for name, tc := range map[string]struct {
		change    object
		duplicate bool
	}{
		"same":                    {nil, true},
		"same name as well":       {object{"name": twin.Name}, true},
		"another spelling of url": {object{"url": "HTTPS://hooks.example.com:443/titanx"}, true},
		"inactive":                {object{"status": "inactive"}, true},
		"another path":            {object{"url": "https://hooks.example.com/other"}, false},
		"another event":           {object{"event_types": []string{"job.completed"}}, false},
		"one event more":          {object{"event_types": []string{"job.completed", "job.contact.scored"}}, false},
		"unknown url":             {object{"url": unknown}, false},
		"unknown events":          {object{"event_types": unknown}, false},
	} {
		c := s.protocol(nil).plan(instance{}, testWebhook(tc.change))
		if got := warnsOf(c.diags, twin); got != tc.duplicate || len(c.diags) > 1 {
			t.Errorf("%s: %v", name, summaries(c.diags))
		}
	}
}

func TestDuplicateWarningCost_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	twin := s.putTwin("twin")
	p := s.protocol(nil)
	for range 3 {
		if c := p.plan(instance{}, testWebhook(nil)); !warnsOf(c.diags, twin) {
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

// TestDuplicateUntold checks that a list which fails neither stops planning nor is asked for again.
func TestDuplicateUntold_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putTwin("twin")
	s.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 403})
	p := s.protocol(nil)
	for range 3 {
		if c := p.plan(instance{}, testWebhook(nil)); len(c.diags) != 0 {
			t.Errorf("%v", summaries(c.diags))
		}
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestReplacementIsNoDuplicate plans replacements as Terraform does: the second half as a create.
func TestReplacementIsNoDuplicate_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change object
		refers func(p *protocolServer, made instance, config object) // what Terraform asks before it plans the create
	}{
		"tainted": {nil, func(p *protocolServer, made instance, _ object) { p.read(made) }},
		"-replace without refresh": {nil, func(p *protocolServer, made instance, config object) {
			p.plan(made, config)
		}},
		"renamed": {object{"name": "renamed"}, func(p *protocolServer, made instance, config object) {
			p.read(made)
			p.plan(made, config)
		}},
		"triggered": {object{"rotation_triggers": map[string]string{"on": "1"}}, func(p *protocolServer, made instance, config object) {
			p.read(made)
			p.plan(made, config)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			made := s.protocol(nil).create(testWebhook(nil))
			own := s.only()
			p := s.protocol(nil)
			config := testWebhook(tc.change)
			tc.refers(p, made, config)
			if c := p.plan(instance{}, config); len(c.diags) != 0 {
				t.Errorf("the replaced webhook counts as a duplicate: %v", summaries(c.diags))
			}

			other := s.putTwin("other")
			p = s.protocol(nil)
			tc.refers(p, made, config)
			c := p.plan(instance{}, config)
			if !warnsOf(c.diags, other) || strings.Contains(c.diags[0].Detail, own.ID) {
				t.Errorf("with another of the same url and events: %v", summaries(c.diags))
			}
			if c := p.plan(instance{}, testWebhook(object{"name": "new"})); !warnsOf(c.diags, own) || !warnsOf(c.diags, other) {
				t.Errorf("a new webhook beside them: %v", summaries(c.diags))
			}
		})
	}
}

// TestTwinsOfOneRun checks that webhooks which one run makes are not told of as duplicates of each other.
func TestTwinsOfOneRun_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	p.create(testWebhook(nil))
	if c := p.plan(instance{}, testWebhook(nil)); len(c.diags) != 0 {
		t.Errorf("%v", summaries(c.diags))
	}
}
