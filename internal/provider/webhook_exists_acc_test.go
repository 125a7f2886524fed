// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccWebhook_existing rotates where TitanX answers a create with the
// webhook that exists: that is an error, and the webhook stays.
func TestAccWebhook_existing(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]titanxsim.Dialect{
		"one for each url":           {SameURL: "existing"},
		"one for each name":          {SameName: "existing"},
		"written over":               {SameURL: "overwritten"},
		"not listed yet":             {SameURL: "existing", ListDelay: 3600},
		"no time stamps":             {SameURL: "existing", CreatedAtOut: "absent"},
		"not listed, other envelope": {SameName: "existing", ListDelay: 3600, Envelope: "bare"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: dialect})
			const createFirst = "lifecycle {\n    create_before_destroy = true\n  }"
			c := newCLI(t, s, webhookHCL(createFirst))
			c.must("apply", "-auto-approve")
			made := s.only()
			s.later(2 * time.Minute)
			out, code := c.run("apply", "-auto-approve", "-refresh=false", "-replace="+testAddress)
			for _, want := range []string{"that existed before", "stored or deleted", "terraform import ADDRESS " + made.ID, "under create_before_destroy", "destroyed first"} {
				if code == 0 || !strings.Contains(unwrapped(out), want) {
					t.Errorf("exit code %d, no word of %q:\n%s", code, want, out)
				}
			}
			if got := s.only(); got.ID != made.ID || len(s.Requests(titanxsim.CallDelete)) != 0 {
				t.Error("the webhook that existed is gone")
			}
			if state := c.must("state", "list"); !strings.Contains(state, testAddress) || !strings.Contains(c.read("terraform.tfstate"), made.ID) {
				t.Errorf("the state has %s", state)
			}
			s.SetDialect(titanxsim.Dialect{SameURL: dialect.SameURL, SameName: dialect.SameName})
			c.write("main.tf", strings.Replace(c.read("main.tf"), createFirst, "", 1))
			c.must("apply", "-auto-approve", "-replace="+testAddress)
			if s.only().ID == made.ID {
				t.Error("it was not replaced once the old one is destroyed first")
			}
		})
	}
}

// TestAccWebhook_existingTwice creates two webhooks that TitanX answers with
// the same id.
func TestAccWebhook_existingTwice(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{SameURL: "existing"}})
	c := newCLI(t, s, webhookHCL("")+strings.Replace(webhookHCL(""), `"titanx_webhook" "test"`, `"titanx_webhook" "copy"`, 1))
	out, code := c.run("apply", "-auto-approve")
	if code == 0 || !strings.Contains(unwrapped(out), "a webhook that existed before") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if state := c.must("state", "list"); strings.Count(state, "titanx_webhook.") != 1 {
		t.Errorf("the state has %s", state)
	}
}
