// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccWebhook_conflict looks at what the reader of a 409 learns: which
// webhook is in the way, and what to do about it.
func TestAccWebhook_conflict(t *testing.T) {
	t.Parallel()
	const createFirst = "lifecycle {\n    create_before_destroy = true\n  }\n  "
	for name, tc := range map[string]struct {
		before, after string   // arguments
		duplicate     bool     // somebody else's webhook is in the way
		args          []string // of the second apply
	}{
		"rotated, create first":   {"", createFirst + `rotation_triggers = { on = "2" }`, false, nil},
		"-replace, create first":  {createFirst, createFirst, false, []string{"-replace=" + testAddress}},
		"with rotate_after":       {"", createFirst + `rotation_triggers = { on = "2" }` + "\n  rotate_after = \"1h\"", false, nil},
		"rotated, destroy first":  {"", `rotation_triggers = { on = "2" }`, true, nil},
		"-replace, destroy first": {"", "", true, []string{"-replace=" + testAddress}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{SameURL: "409"}})
			c := newCLI(t, s, webhookHCL(tc.before))
			c.must("apply", "-auto-approve")
			inTheWay := s.only()
			if tc.duplicate {
				inTheWay = s.putDuplicate("in the way")
			}
			c.write("main.tf", strings.Replace(c.read("main.tf"), webhookHCL(tc.before), webhookHCL(tc.after), 1))
			c.mustFail(append(apply, tc.args...), "TitanX already delivers to this url: "+inTheWay.ID, "under create_before_destroy, it still exists", "destroyed first")
			if s.only().ID != inTheWay.ID {
				t.Error("the webhook that was in the way is gone")
			}
		})
	}
}

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
			unchanged := "Nothing was created, stored, or deleted."
			if dialect.SameURL == "overwritten" {
				unchanged = "Nothing was stored or deleted."
			}
			c.mustFail(append(apply, "-refresh=false", "-replace="+testAddress),
				"that existed before", unchanged, "terraform import ADDRESS "+made.ID, "under create_before_destroy", "destroyed first")
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
	c.mustFail(apply, "a webhook that existed before")
	if state := c.must("state", "list"); strings.Count(state, "titanx_webhook.") != 1 {
		t.Errorf("the state has %s", state)
	}
}
