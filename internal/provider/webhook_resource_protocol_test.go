// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	isError   = tfprotov6.DiagnosticSeverityError
	isWarning = tfprotov6.DiagnosticSeverityWarning
)

func TestWebhook_badInput_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	for name, tc := range map[string]struct {
		change    object
		severity  tfprotov6.DiagnosticSeverity
		attribute string
		advice    string
	}{
		"http":               {object{"url": "http://hooks.example.com"}, isError, "url", "Use https://"},
		"no scheme":          {object{"url": "hooks.example.com/titanx"}, isError, "url", "Give an absolute URL"},
		"no host":            {object{"url": "https:///titanx"}, isError, "url", "no host"},
		"user info":          {object{"url": "https://user@hooks.example.com"}, isError, "url", "Remove it"},
		"fragment":           {object{"url": "https://hooks.example.com/#x"}, isError, "url", "Remove it"},
		"control character":  {object{"url": "https://hooks.example.com/\x00"}, isError, "url", "control character"},
		"newline at the end": {object{"url": "https://hooks.example.com/titanx\n"}, isError, "url", "trimspace("},
		"space inside":       {object{"url": "https://hooks.example.com/a b"}, isError, "url", "%20"},
		"non-ASCII path":     {object{"url": "https://hooks.example.com/b\u00fccher"}, isError, "url", "urlencode("},
		"port 0":             {object{"url": "https://hooks.example.com:0/"}, isError, "url", "1 to 65535"},
		"empty label":        {object{"url": "https://hooks..example.com/"}, isError, "url", "two dots"},
		"wildcard":           {object{"url": "https://*.example.com/"}, isError, "url", "one host"},
		"name, space at end": {object{"name": "crm "}, isWarning, "name", "trimspace("},
		"name, space first":  {object{"name": "\u00a0crm"}, isWarning, "name", "trimspace("},
		"name, newline":      {object{"name": "crm\n"}, isWarning, "name", "trimspace("},
		"name, tab inside":   {object{"name": "crm\tprod"}, isWarning, "name", "control character"},
		"empty name":         {object{"name": ""}, isError, "name", "at least 1"},
		"no events":          {object{"event_types": []string{}}, isError, "event_types", "at least 1"},
		"malformed event":    {object{"event_types": []string{"job contact.scored"}}, isError, "event_types", "job.contact.scored"},
		"unknown event":      {object{"event_types": []string{"job.complete"}}, isWarning, "event_types", "Known are job.completed and job.contact.scored"},
		"unknown status":     {object{"status": "paused"}, isWarning, "status", "Known are active and inactive"},
		"bad status":         {object{"status": "very active"}, isError, "status", "Known are active and inactive"},
		"bad policy":         {object{"on_lost_secret": "ignore"}, isError, "on_lost_secret", `"keep"`},
		"empty secret":       {object{"secret_wo": ""}, isError, "secret_wo", "at least 1"},
		"bad recipient":      {object{"secret_recipients": []string{"age1nonsense"}}, isError, "secret_recipients", "a part is missing"},
		"private key":        {object{"secret_recipients": []string{"AGE-SECRET-KEY-CANARY"}}, isError, "secret_recipients", "private key"},
		"no recipients":      {object{"secret_recipients": []string{}}, isError, "secret_recipients", "at least 1"},
		"days":               {object{"rotate_after": "90d"}, isError, "rotate_after", "90 days are 2160h"},
		"no unit":            {object{"rotate_after": "90"}, isError, "rotate_after", "units h, m and s"},
		"zero duration":      {object{"rotate_after": "0s"}, isError, "rotate_after", "at least 1m0s"},
		"negative duration":  {object{"rotate_after": "-2160h"}, isError, "rotate_after", "at least 1m0s"},
		"short duration":     {object{"rotate_after": "1ns"}, isError, "rotate_after", "at least 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := p.validate(testWebhook(tc.change))
			if !has(diags, tc.severity, tc.attribute, tc.advice) {
				t.Errorf("no diagnostic at %s with %q: %v", tc.attribute, tc.advice, summaries(diags))
			}
		})
	}
	for _, set := range []string{"event_types", "secret_recipients"} {
		if diags := p.validate(testWebhook(object{set: []any{nil}})); len(diags) != 1 || !has(diags, isError, set, "null") {
			t.Errorf("a null in %s: %v", set, summaries(diags))
		}
	}
	if diags := p.validate(testWebhook(nil)); len(diags) != 0 {
		t.Errorf("a valid webhook: %v", summaries(diags))
	}
}

func TestWebhook_planRefusals_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	local := s.protocol(nil)
	public := s.protocol(object{"base_url": "https://titanx.example/api/public/v2"})

	for _, host := range []string{
		"localhost", "receiver.localhost", "LOCALHOST.", "intranet", "127.0.0.1", "10.1.2.3", "192.168.1.1:8443", "172.16.0.1", "169.254.169.254",
		"100.64.0.1", "0.0.0.0", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]",
	} {
		config := testWebhook(object{"url": "https://" + host + "/titanx"})
		if diags := public.plan(instance{}, config).diags; !has(diags, isError, "url", "Use a public host name") {
			t.Errorf("%s is not refused: %v", host, summaries(diags))
		}
		if diags := local.plan(instance{}, config).diags; len(diags) != 0 {
			t.Errorf("%s is refused though the API is on loopback: %v", host, summaries(diags))
		}
	}
	for _, host := range []string{"hooks.example.com", "8.8.8.8", "[2001:db8::1]"} {
		if diags := public.plan(instance{}, testWebhook(object{"url": "https://" + host})).diags; has(diags, isError, "url", "") {
			t.Errorf("%s is refused: %v", host, summaries(diags))
		}
	}
	diags := local.plan(instance{}, testWebhook(object{"secret_wo": "CANARY-secret"})).diags
	if len(diags) != 1 || !has(diags, isWarning, "secret_wo", "TitanX issues the signing secret") {
		t.Errorf("a secret on a create: %v", summaries(diags))
	}
	if len(s.writes()) != 0 {
		t.Errorf("planning wrote: %v", s.writes())
	}
}

func TestProvider_configuration_protocol(t *testing.T) {
	s := simulate(t, titanxsim.Config{})
	t.Setenv(apiKeyVariable, "")
	t.Setenv(baseURLVariable, "")
	for name, tc := range map[string]struct {
		config object
		text   string
	}{
		"no key":              {object{"api_key": nil}, "TITANX_API_KEY"},
		"http off loopback":   {object{"base_url": "http://titanx.example/api"}, "in clear"},
		"relative":            {object{"base_url": "titanx.example"}, "not absolute"},
		"under unknown key":   {object{"base_url": "titanx.example", "api_key": unknown}, "not absolute"},
		"user info":           {object{"base_url": "https://user@titanx.example"}, "user name"},
		"line break in a key": {object{"api_key": "CANARY\n"}, "line break"},
	} {
		_, diags := s.tryProtocol(tc.config)
		at := "api_key"
		if tc.config["base_url"] != nil {
			at = "base_url"
		}
		if len(diags) != 1 || !has(diags, isError, at, tc.text) {
			t.Errorf("%s: %v", name, summaries(diags))
		}
		if strings.Contains(strings.Join(summaries(diags), ""), "CANARY") {
			t.Errorf("%s: a diagnostic quotes the key", name)
		}
	}
	t.Setenv(apiKeyVariable, s.apiKey)
	t.Setenv(baseURLVariable, s.baseURL)
	s.protocol(object{"api_key": nil, "base_url": nil}).create(testWebhook(nil))
	s.only()

	// The rules that need no key hold without one.
	local := testWebhook(object{"url": "https://localhost/titanx"})
	for address, rejected := range map[any]bool{s.baseURL: false, unknown: false, "https://titanx.example/api": true} {
		p := s.protocol(object{"api_key": unknown, "base_url": address})
		if diags := p.plan(instance{}, local).diags; has(diags, isError, "url", "Use a public host name") != rejected {
			t.Errorf("a loopback url with base_url %v and an unknown key: %v", address, summaries(diags))
		}
	}

	// An unknown key is never replaced by the environment's.
	p := s.protocol(object{"api_key": unknown})
	s.ResetRequests()
	made := p.plan(instance{}, testWebhook(nil))
	p.mustSucceed(made.diags)
	if _, diags := p.apply(made); !has(diags, isError, "", "api_key will be known only after apply") || !has(diags, isError, "", "-refresh=false") {
		t.Errorf("create under an unknown key: %v", summaries(diags))
	}
	if got := s.Requests(); len(got) != 0 {
		t.Errorf("%d requests under an unknown key", len(got))
	}
}

func summaries(diags []*tfprotov6.Diagnostic) []string {
	var out []string
	for _, d := range diags {
		out = append(out, d.Severity.String()+" at "+d.Attribute.String()+": "+d.Summary+": "+d.Detail)
	}
	return out
}
