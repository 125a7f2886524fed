// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestProvider_emptyArguments_protocol checks that an empty value selects no
// other key and no other host.
func TestProvider_emptyArguments_protocol(t *testing.T) {
	for name, tc := range map[string]struct {
		arguments object
		variables map[string]string
		attribute string // where the error is; "" is no error
		names     []string
	}{
		"empty base_url":                      {object{"base_url": ""}, map[string]string{baseURLVariable: "https://staging.example.com"}, "base_url", []string{"base_url", baseURLVariable}},
		"empty base_url, no variable":         {object{"base_url": ""}, nil, "base_url", []string{"base_url", baseURLVariable}},
		"empty api_key":                       {object{"api_key": ""}, map[string]string{apiKeyVariable: "CANARY-other-key"}, "api_key", []string{"api_key", apiKeyVariable}},
		"empty variable for the address":      {object{"base_url": nil}, map[string]string{baseURLVariable: ""}, "base_url", []string{"base_url", baseURLVariable}},
		"empty variable for the key":          {object{"api_key": nil}, map[string]string{apiKeyVariable: ""}, "api_key", []string{"api_key", apiKeyVariable}},
		"empty variables, with arguments":     {nil, map[string]string{apiKeyVariable: "", baseURLVariable: ""}, "", nil},
		"a space for the address":             {object{"base_url": " "}, map[string]string{baseURLVariable: "https://staging.example.com"}, "base_url", []string{"base_url", baseURLVariable}},
		"a space for the key":                 {object{"api_key": " "}, map[string]string{apiKeyVariable: "CANARY-other-key"}, "api_key", []string{"api_key", apiKeyVariable}},
		"a space in the address's variable":   {object{"base_url": nil}, map[string]string{baseURLVariable: "\t"}, "base_url", []string{"base_url", baseURLVariable}},
		"empty base_url while key is unknown": {object{"base_url": "", "api_key": unknown}, nil, "base_url", []string{"base_url", baseURLVariable}},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulate(t, titanxsim.Config{})
			hosts := []string{}
			s.adapt = func(cfg *titanx.Config) { hosts = append(hosts, cfg.BaseURL) }
			for variable, value := range tc.variables {
				t.Setenv(variable, value)
			}
			_, diags := s.tryProtocol(tc.arguments)
			if tc.attribute == "" {
				if len(diags) != 0 || len(hosts) != 1 || hosts[0] != s.baseURL {
					t.Errorf("host %q, %v", hosts, summaries(diags))
				}
				return
			}
			for _, text := range tc.names {
				if !has(diags, isError, tc.attribute, text) {
					t.Errorf("no error at %s names %s: %v", tc.attribute, text, summaries(diags))
				}
			}
			if len(diags) != 1 || len(hosts) != 0 {
				t.Errorf("a client for %q, %v", hosts, summaries(diags))
			}
			if strings.Contains(strings.Join(summaries(diags), ""), "CANARY") {
				t.Error("the message shows the key")
			}
		})
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
