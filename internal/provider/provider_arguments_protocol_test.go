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
