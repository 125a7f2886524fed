// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const webhooksType = "titanx_webhooks"

// data validates and reads a data source.
func (p *protocolServer) data(typeName string, config object) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	schema := p.schemas.DataSourceSchemas[typeName]
	encoded := p.dynamic(schema, config)
	valid, err := p.ValidateDataResourceConfig(context.Background(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: typeName, Config: encoded})
	if err != nil {
		p.t.Fatal(err)
	}
	if hasError(valid.Diagnostics) {
		return instance{}, valid.Diagnostics
	}
	resp, err := p.ReadDataSource(context.Background(), &tfprotov6.ReadDataSourceRequest{TypeName: typeName, Config: encoded})
	if err != nil {
		p.t.Fatal(err)
	}
	return instance{value: p.decode(schema, resp.State)}, append(valid.Diagnostics, resp.Diagnostics...)
}

// putThree returns the user three webhooks, two of which have a name in common
// and two a url.
func (s *simulation) putThree() (scored, completed, other titanxsim.Webhook) {
	put := func(name, url, status string, events ...string) titanxsim.Webhook {
		return s.Put(simUser, titanxsim.Webhook{Name: name, URL: url, Status: status, EventTypes: events, Secret: "CANARY-secret"})
	}
	return put("scored", "https://hooks.example.com/Scored", "active", "job.contact.scored"),
		put("completed", "https://hooks.example.com/completed", "inactive", "job.completed", "job.contact.scored"),
		put("other", "https://other.example.com/completed", "active", "job.completed")
}

func TestWebhookDataSource_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	scored, _, _ := s.putThree()
	for name, config := range map[string]object{
		"by id":                     {"id": scored.ID},
		"by name":                   {"name": "scored"},
		"by url":                    {"url": "https://hooks.example.com/Scored"},
		"by another spelling of it": {"url": "HTTPS://Hooks.Example.com:443/Scored"},
	} {
		p := s.protocol(nil)
		s.ResetRequests()
		got, diags := p.data(webhookType, config)
		p.mustSucceed(diags)
		for attribute, want := range map[string]string{
			"id": scored.ID, "name": "scored", "status": "active", "created_at": scored.CreatedAt.Format(time.RFC3339Nano),
		} {
			if text := got.text(t, attribute); text != want {
				t.Errorf("%s: %s = %q, want %q", name, attribute, text, want)
			}
		}
		if text := got.value.String(); !strings.Contains(text, "job.contact.scored") || strings.Contains(text, "CANARY") {
			t.Errorf("%s: %s", name, text)
		}
		if n := len(s.Requests()); n != 1 {
			t.Errorf("%s: %d requests, want 1", name, n)
		}
	}
}

func TestWebhookDataSource_refusals_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	if _, diags := p.data(webhookType, object{"name": "scored"}); !has(diags, isError, "name", "has no webhook") {
		t.Errorf("with no webhook at all: %v", summaries(diags))
	}
	scored, completed, _ := s.putThree()
	second := s.Put(simUser, titanxsim.Webhook{Name: "scored", URL: "https://HOOKS.example.com/completed", EventTypes: []string{"job.completed"}})
	for name, tc := range map[string]struct {
		config    object
		attribute string
		texts     []string
	}{
		"no argument":     {object{}, "", []string{"Exactly one of these attributes must be configured: [id,name,url]"}},
		"two arguments":   {object{"id": scored.ID, "name": "scored"}, "id", []string{"Exactly one of these attributes"}},
		"an empty name":   {object{"name": ""}, "name", []string{"at least 1"}},
		"no such id":      {object{"id": "nowhere"}, "id", []string{`has the id "nowhere"`, "other users"}},
		"no such name":    {object{"name": "nobody"}, "name", []string{`has the name "nobody"`, scored.ID, completed.ID, `"other"`}},
		"no such url":     {object{"url": "https://hooks.example.com/scored"}, "url", []string{scored.ID, "hooks.example.com"}},
		"several by name": {object{"name": "scored"}, "name", []string{"2 webhooks", scored.ID, second.ID, "Set id"}},
		"several by url":  {object{"url": "https://hooks.example.com/completed"}, "url", []string{"2 webhooks", completed.ID, second.ID}},
	} {
		_, diags := s.protocol(nil).data(webhookType, tc.config)
		for _, text := range tc.texts {
			if len(diags) != 1 || !has(diags, isError, tc.attribute, text) {
				t.Errorf("%s: no error at %q with %q: %v", name, tc.attribute, text, summaries(diags))
			}
		}
	}
	if _, diags := s.protocol(object{"api_key": unknown}).data(webhookType, object{"name": "scored"}); !has(diags, isError, "", "api_key will be known only after apply") {
		t.Errorf("under an unknown key: %v", summaries(diags))
	}
	for name, config := range map[string]object{webhookType: {"name": "scored"}, webhooksType: {}} {
		if _, diags := s.protocol(object{"api_key": "CANARY-other"}).data(name, config); !has(diags, isError, "", "does not accept the API key") {
			t.Errorf("%s under a wrong key: %v", name, summaries(diags))
		}
	}
}

// TestWebhookDataSource_manyMatches_protocol checks that an error does not list
// a thousand webhooks.
func TestWebhookDataSource_manyMatches_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	for range maxListed + 5 {
		s.Put(simUser, titanxsim.Webhook{Name: "same", URL: "https://hooks.example.com", EventTypes: []string{"job.completed"}})
	}
	_, diags := s.protocol(nil).data(webhookType, object{"name": "same"})
	if !has(diags, isError, "name", "25 webhooks") || !has(diags, isError, "name", "and 5 more") {
		t.Errorf("%v", summaries(diags))
	}
	if n := strings.Count(diags[0].Detail, "at hooks.example.com"); n != maxListed {
		t.Errorf("%d webhooks are listed, want %d", n, maxListed)
	}
}

func TestWebhooksDataSource_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putThree()
	p := s.protocol(nil)
	s.ResetRequests()
	for name, tc := range map[string]struct {
		filter object
		want   string
	}{
		"all":                {object{}, "completed other scored"},
		"by status":          {object{"status": "inactive"}, "completed"},
		"by status, in case": {object{"status": "INACTIVE"}, "completed"},
		"by event":           {object{"event_type": "job.completed"}, "completed other"},
		"by name":            {object{"name_regex": "e.$"}, "completed other scored"},
		"by anchored name":   {object{"name_regex": "^(scored|other)$"}, "other scored"},
		"by url":             {object{"url_prefix": "https://hooks.example.com/"}, "completed scored"},
		"by two":             {object{"url_prefix": "https://hooks.", "event_type": "job.completed"}, "completed"},
		"by what nothing is": {object{"status": "paused"}, ""},
	} {
		got, diags := p.data(webhooksType, tc.filter)
		p.mustSucceed(diags)
		if slices.Contains([]any{"paused", "INACTIVE"}, tc.filter["status"]) != has(diags, isWarning, "status", "Known statuses: active, inactive") {
			t.Errorf("%s: %v", name, summaries(diags))
		}
		if names := strings.Join(webhookNames(t, got), " "); names != tc.want {
			t.Errorf("%s: %q, want %q", name, names, tc.want)
		}
		if strings.Contains(got.value.String(), "CANARY") {
			t.Errorf("%s: a secret is told", name)
		}
	}
	if n := len(s.Requests()); n != 1 {
		t.Errorf("%d requests for all of these, want 1", n)
	}
	for attribute, text := range map[string]string{"name_regex": "(?=x)", "status": "", "event_type": "", "url_prefix": ""} {
		if _, diags := p.data(webhooksType, object{attribute: text}); !has(diags, isError, attribute, "") {
			t.Errorf("%s = %q is accepted: %v", attribute, text, summaries(diags))
		}
	}
	if _, diags := s.protocol(object{"api_key": unknown}).data(webhooksType, object{}); !has(diags, isError, "", "Unable to list webhooks") {
		t.Errorf("under an unknown key: %v", summaries(diags))
	}
}

// webhookNames are the names in the result of titanx_webhooks, in their order.
func webhookNames(t *testing.T, i instance) []string {
	t.Helper()
	var webhooks []tftypes.Value
	if value := attributes(t, i.value)["webhooks"]; value.IsNull() || value.As(&webhooks) != nil {
		t.Fatalf("webhooks: %v", value)
	}
	names := make([]string, len(webhooks))
	for n, webhook := range webhooks {
		names[n] = instance{value: webhook}.text(t, "name")
	}
	return names
}

// TestDataSources_withoutSecret_protocol checks that there is no place for a
// secret, and no id that the provider made up.
func TestDataSources_withoutSecret_protocol(t *testing.T) {
	t.Parallel()
	schemas := simulate(t, titanxsim.Config{}).protocol(nil).schemas.DataSourceSchemas
	for name, want := range map[string]string{
		webhookType:  "[created_at event_types id name status updated_at url]",
		webhooksType: "[event_type name_regex status url_prefix webhooks]",
	} {
		var attributes []string
		for _, a := range schemas[name].Block.Attributes {
			attributes = append(attributes, a.Name)
		}
		if got := fmt.Sprint(attributes); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}
}
