// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// list validates a filter and begins a list, as `terraform query` does.
func (p *protocolServer) list(filter object, limit int64, includeResource bool) iter.Seq[tfprotov6.ListResourceResult] {
	p.t.Helper()
	config := p.dynamic(p.schemas.ListResourceSchemas[webhookType], filter)
	valid, err := p.ValidateListResourceConfig(context.Background(), &tfprotov6.ValidateListResourceConfigRequest{TypeName: webhookType, Config: config})
	if err != nil {
		p.t.Fatal(err)
	}
	if len(valid.Diagnostics) > 0 {
		return slices.Values([]tfprotov6.ListResourceResult{{Diagnostics: valid.Diagnostics}})
	}
	stream, err := p.ListResource(context.Background(), &tfprotov6.ListResourceRequest{
		TypeName: webhookType, Config: config, Limit: limit, IncludeResource: includeResource,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return stream.Results
}

// listed are the display names of a list's results, and the diagnostics of all.
func listed(results iter.Seq[tfprotov6.ListResourceResult]) (names []string, diags []*tfprotov6.Diagnostic) {
	for result := range results {
		if diags = append(diags, result.Diagnostics...); result.Identity != nil {
			names = append(names, result.DisplayName)
		}
	}
	return names, diags
}

// identityOf returns the id in a resource's identity.
func (p *protocolServer) identityOf(data *tfprotov6.ResourceIdentityData) string {
	p.t.Helper()
	value, err := data.IdentityData.Unmarshal(identityType)
	if err != nil {
		p.t.Fatal(err)
	}
	return instance{value: value}.text(p.t, "id")
}

// fleet is a simulator that shows its many webhooks on pages of 100.
func fleet(t *testing.T, paging string, size int) *simulation {
	t.Helper()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: paging, PageSize: 100}})
	for n := range size {
		s.Put(simUser, titanxsim.Webhook{Name: fmt.Sprintf("fleet-%04d", n), URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.completed"}, Secret: "CANARY-secret"})
	}
	return s
}

func TestWebhookList_thousand_protocol(t *testing.T) {
	t.Parallel()
	for _, paging := range []string{"cursor", "next", "link", "pages"} {
		t.Run(paging, func(t *testing.T) {
			t.Parallel()
			s := fleet(t, paging, 1000)
			p := s.protocol(nil)
			names, diags := listed(p.list(object{}, 10_000, true))
			p.mustSucceed(diags)
			slices.Sort(names)
			if unique := slices.Compact(slices.Clone(names)); len(names) != 1000 || len(unique) != 1000 {
				t.Errorf("%d results, %d different ones, want 1000", len(names), len(unique))
			}
			if n := len(s.Requests()); n != 10 {
				t.Errorf("%d requests for 10 pages", n)
			}
		})
	}
}

func TestWebhookList_limit_protocol(t *testing.T) {
	t.Parallel()
	s := fleet(t, "cursor", 1000)
	p := s.protocol(nil)
	for _, tc := range []struct {
		filter                   object
		limit                    int64
		wantResults, wantRequest int
	}{
		{object{}, 1, 1, 1},
		{object{}, 100, 100, 1},
		{object{}, 101, 101, 2},
		{object{}, 250, 250, 3},
		{object{"name_regex": "0$"}, 15, 15, 2},
		{object{"name_regex": "^fleet-0777$"}, 5, 1, 10},
		{object{"name_regex": "^none$"}, 5, 0, 10},
	} {
		s.ResetRequests()
		names, diags := listed(p.list(tc.filter, tc.limit, false))
		p.mustSucceed(diags)
		if requests := len(s.Requests()); len(names) != tc.wantResults || requests != tc.wantRequest {
			t.Errorf("limit %d of %v: %d results by %d requests, want %d by %d", tc.limit, tc.filter, len(names), requests, tc.wantResults, tc.wantRequest)
		}
	}
}

// TestWebhookList_streams_protocol checks that a page is asked for when the
// previous one has been consumed: never is more than one in memory.
func TestWebhookList_streams_protocol(t *testing.T) {
	t.Parallel()
	s := fleet(t, "cursor", 1000)
	next, stop := iter.Pull(s.protocol(nil).list(object{}, 10_000, true))
	defer stop()
	for n := range 301 {
		if _, ok := next(); !ok {
			t.Fatalf("the list ends after %d results", n)
		}
		if got, want := len(s.Requests()), 1+n/100; got != want {
			t.Fatalf("%d requests after %d results, want %d", got, n+1, want)
		}
	}
	stop()
	if got := len(s.Requests()); got != 4 {
		t.Errorf("%d requests after the reader left, want 4", got)
	}
}

func TestWebhookList_failedPage_protocol(t *testing.T) {
	t.Parallel()
	s := fleet(t, "cursor", 300)
	s.Inject(titanxsim.Fault{Call: titanxsim.CallList, After: 1, Kind: titanxsim.FaultStatus, Status: 403})
	names, diags := listed(s.protocol(nil).list(object{}, 1000, true))
	if len(names) != 100 {
		t.Errorf("%d results of the first page, want 100", len(names))
	}
	if len(diags) != 1 || !has(diags, isError, "", "Unable to list webhooks") {
		t.Errorf("the failed second page: %v", summaries(diags))
	}
}

func TestWebhookList_result_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	scored, _, _ := s.putThree()
	p := s.protocol(nil)
	for _, include := range []bool{true, false} {
		results := slices.Collect(p.list(object{"name_regex": "^scored$"}, 10, include))
		if len(results) != 1 {
			t.Fatalf("%d results, want 1", len(results))
		}
		got := results[0]
		if id := p.identityOf(got.Identity); id != scored.ID || got.DisplayName != "scored" {
			t.Errorf("identity %q and name %q, want %q and scored", id, got.DisplayName, scored.ID)
		}
		if !include {
			if value := p.decode(p.webhookSchema(), got.Resource); !value.IsNull() {
				t.Errorf("a resource that nobody asked for: %v", value)
			}
			continue
		}
		i := instance{value: p.decode(p.webhookSchema(), got.Resource)}
		for attribute, want := range map[string]string{
			"id": scored.ID, "url": scored.URL, "status": "active", "on_lost_secret": "keep", "secret": "", "secret_status": "lost",
		} {
			if text := i.text(t, attribute); text != want {
				t.Errorf("%s = %q, want %q", attribute, text, want)
			}
		}
		p.mustMatchImport(i, scored.ID)
	}
}

// mustMatchImport checks that a listed webhook is what an import and a refresh
// make of it: else the generated configuration would plan a change.
func (p *protocolServer) mustMatchImport(listed instance, id string) {
	p.t.Helper()
	imported, diags := p.importByID(id)
	p.mustSucceed(diags)
	imported, diags = p.read(imported)
	p.mustSucceed(diags)
	if !listed.value.Equal(imported.value) {
		p.t.Errorf("listed: %v\nimported: %v", listed.value, imported.value)
	}
}

func TestWebhookList_unnamed_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{NameOut: "absent", UpdatedAt: "absent"}})
	scored, completed, other := s.putThree()
	p := s.protocol(nil)
	names, diags := listed(p.list(object{}, 10, true))
	p.mustSucceed(diags)
	if want := []string{scored.ID, completed.ID, other.ID}; !slices.Equal(names, want) {
		t.Errorf("shown as %v, want the ids %v", names, want)
	}
}

func TestWebhookList_refusals_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putThree()
	for name, tc := range map[string]struct {
		provider, filter object
		attribute, text  string
	}{
		"a bad expression": {nil, object{"name_regex": "("}, "name_regex", "RE2"},
		"an empty prefix":  {nil, object{"url_prefix": ""}, "url_prefix", "at least 1"},
		"a wrong key":      {object{"api_key": "CANARY-other"}, object{}, "", "does not accept the API key"},
		"an unknown key":   {object{"api_key": unknown}, object{}, "", "api_key will be known only after apply"},
	} {
		names, diags := listed(s.protocol(tc.provider).list(tc.filter, 10, true))
		if len(names) != 0 || len(diags) != 1 || !has(diags, isError, tc.attribute, tc.text) {
			t.Errorf("%s: %v, %v", name, names, summaries(diags))
		}
		if strings.Contains(strings.Join(summaries(diags), ""), "CANARY") {
			t.Errorf("%s: a diagnostic quotes the key", name)
		}
	}
}

// TestWebhookList_displayName_protocol: a name with line breaks must not forge
// rows of terraform query, and one with the API key or a secret must not show
// it.
func TestWebhookList_displayName_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.Put(simUser, titanxsim.Webhook{Name: "a\nforged row\x1b[31m " + s.apiKey, URL: "https://hooks.example.com", EventTypes: []string{"job.completed"}})
	names, diags := listed(s.protocol(nil).list(object{}, 0, false))
	if len(diags) > 0 || !slices.Equal(names, []string{"a forged row[31m (redacted)"}) {
		t.Errorf("%q, %v", names, summaries(diags))
	}
}
