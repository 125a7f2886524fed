// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The resource in every dialect of the API.

package provider

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestDialects_protocol lives a webhook's life in every dialect that the
// documentation leaves possible: with values that every server keeps, and with
// values that some store in a form of their own.
func TestDialects_protocol(t *testing.T) {
	t.Parallel()
	plain := testWebhook(object{"url": "https://Hooks.Example.com:443/titanx", "event_types": []string{"job.contact.scored", "job.completed"}})
	awkward := testWebhook(object{"name": " CRM, Zo\u00eb " + strings.Repeat("and so on ", 8), "url": "https://B\u00fccher.Example.com:443/A%2fb?token=CANARY"})
	for _, dialect := range append(titanxsim.Variations(), titanxsim.Dialect{}) {
		for name, config := range map[string]object{"plain": plain, "awkward": awkward} {
			t.Run(dialect.String()+", "+name, func(t *testing.T) {
				t.Parallel()
				liveIn(t, dialect, config.with(object{"event_types": slices.Clone(config["event_types"].([]string))}))
			})
		}
	}
}

func liveIn(t *testing.T, dialect titanxsim.Dialect, config object) {
	t.Helper()
	s := simulate(t, titanxsim.Config{Dialect: dialect})
	for _, name := range []string{"another", "and another", "and one more"} {
		s.Put("somebody", titanxsim.Webhook{Name: name, URL: "https://else.example.com", EventTypes: []string{"job.completed"}, Status: "active"})
		s.Put(simUser, titanxsim.Webhook{Name: name, URL: "https://else.example.com", EventTypes: []string{"job.completed"}, Status: "active"})
	}
	others := len(s.Webhooks(simUser))
	p := s.protocol(nil)

	made := p.create(config)
	lost := dialect.CreateSecret != ""   // the answer to the create did not hold the secret
	disobeyed := dialect.StatusSet != "" // TitanX sets another status than it is told
	on := s.Webhooks(simUser)[others]
	want := map[string]string{"id": on.ID, "name": config["name"].(string), "url": config["url"].(string), "status": "active", "secret": on.Secret, "secret_status": "known"}
	if lost {
		want["secret"], want["secret_status"] = "", "lost"
	}
	for attribute, value := range want {
		if got := made.text(t, attribute); got != value {
			t.Errorf("%s after create is %q, want %q", attribute, got, value)
		}
	}
	p.later(s, 2*time.Minute) // longer than a list is behind
	read, diags := p.read(made)
	p.mustSucceed(diags)
	slices.Reverse(config["event_types"].([]string))
	if c := p.plan(read, config); c.noChange() == (lost || disobeyed) || len(c.replace) > 0 != lost {
		t.Errorf("after create: no change is %v, replace %v, %v", c.noChange(), c.replace, summaries(c.diags))
	}
	config["on_lost_secret"], config["status"] = "keep", "inactive"
	if disobeyed {
		read = changesStatus(t, s, p, read, config)
	} else {
		switched, diags := p.apply(p.plan(read, config))
		p.mustSucceed(diags)
		if got := s.Webhooks(simUser)[others].Status; got != "inactive" {
			t.Errorf("status on the server is %q", got)
		}
		read, diags = p.read(switched)
		p.mustSucceed(diags)
	}
	if c := s.protocol(nil).plan(read, config); !c.noChange() {
		t.Errorf("after the status: %s", cmp.Diff(c.prior.value.String(), c.planned.value.String()))
	}
	if _, diags = p.apply(p.plan(read, nil)); len(diags) != 0 {
		t.Errorf("destroy: %v", summaries(diags))
	}
	if left := s.Webhooks(simUser); len(left) != others {
		t.Errorf("%d webhooks are left, want %d", len(left), others)
	}
	if _, diags = p.apply(p.plan(read, nil)); len(diags) != 0 {
		t.Errorf("destroy what is gone: %v", summaries(diags))
	}
	if gone, diags := s.protocol(nil).read(read); gone.exists() || len(diags) != 0 {
		t.Errorf("read what is gone: exists %v, %v", gone.exists(), summaries(diags))
	}
}

// changesStatus sets a webhook inactive at a server that sets another status
// than it is told, and then obeys.
func changesStatus(t *testing.T, s *simulation, p *protocolServer, read instance, config object) instance {
	t.Helper()
	c := p.plan(read, config)
	if c.noChange() || len(c.replace) > 0 {
		t.Errorf("status %s: no change is %v, replace %v", read.text(t, "status"), c.noChange(), c.replace)
	}
	if _, diags := p.apply(c); !hasError(diags) && c.prior.text(t, "status") != "inactive" {
		t.Errorf("no error where the status is not set: %v", summaries(diags))
	}
	s.SetDialect(titanxsim.Dialect{})
	switched, diags := p.apply(p.plan(read, config))
	p.mustSucceed(diags)
	read, diags = s.protocol(nil).read(switched)
	p.mustSucceed(diags)
	return read
}

// TestDialects_eventKeys_protocol looks at the raw JSON: both documented events
// keys, then the one that a strict server knows.
func TestDialects_eventKeys_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		eventsIn string
		keys     [][]string // of each create request, without those that all have
	}{
		"tolerant":             {"", [][]string{{"events", "eventTypes"}, {"events", "eventTypes"}}},
		"strict on events":     {"events-400", [][]string{{"events", "eventTypes"}, {"events"}, {"events"}}},
		"strict on eventTypes": {"eventTypes-422", [][]string{{"events", "eventTypes"}, {"eventTypes"}, {"eventTypes"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{EventsIn: tc.eventsIn}})
			p := s.protocol(nil)
			p.create(testWebhook(object{"status": "inactive"}))
			p.create(testWebhook(object{"status": "inactive"}))
			requests := s.Requests(titanxsim.CallCreate)
			if len(requests) != len(tc.keys) {
				t.Fatalf("%d create requests, want %d", len(requests), len(tc.keys))
			}
			for i, r := range requests {
				want := map[string]any{"name": "test", "url": "https://hooks.example.com/titanx", "status": "inactive"}
				for _, key := range tc.keys[i] {
					want[key] = []any{"job.contact.scored"}
				}
				var got map[string]any
				if err := json.Unmarshal(r.Body, &got); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("create request %d: %s", i+1, diff)
				}
				if r.Header.Get("Idempotency-Key") != "" {
					t.Error("with an Idempotency-Key, net/http would resend a create by itself")
				}
			}
		})
	}
}
