// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The age of a secret: rotate_after (webhook_secret.go).

package provider

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccWebhook_skewedClock checks that rotate_after is measured by TitanX's
// clock: a wrong local one expires nothing and hides nothing.
func TestAccWebhook_skewedClock(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{
		"60 days ahead":  60 * 24 * time.Hour,
		"10 years ahead": 10 * 365 * 24 * time.Hour,
		"60 days behind": -60 * 24 * time.Hour,
		"at 1970":        -time.Since(time.Unix(0, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			s.skew = skew
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				Steps: []resource.TestStep{
					{
						Config:            s.webhook(`rotate_after = "720h"`),
						ConfigStateChecks: []statecheck.StateCheck{attribute("secret_status", "known")},
					},
					{Config: s.webhook(`rotate_after = "720h"`), PlanOnly: true},
					{
						// Changed in place, without a request whose response
						// has the time.
						Config:            s.webhook(`rotate_after = "721h"`),
						ConfigPlanChecks:  planAction(plancheck.ResourceActionUpdate),
						ConfigStateChecks: []statecheck.StateCheck{attribute("secret_status", "known")},
					},
					{
						PreConfig:        func() { s.later(722 * time.Hour); s.ResetRequests() },
						Config:           s.webhook(`rotate_after = "721h"`),
						ConfigPlanChecks: planAction(plancheck.ResourceActionDestroyBeforeCreate),
						Check:            s.hasServerSecret,
					},
				},
			})
		})
	}
}

// TestAccAge_unread plans without a refresh, near the end of rotate_after.
func TestAccAge_unread(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(`rotate_after = "2160h"`))
	c.must("apply", "-auto-approve")
	s.change(func(w *titanxsim.Webhook) { w.CreatedAt = w.CreatedAt.Add(-2159 * time.Hour) })
	c.must("apply", "-refresh-only", "-auto-approve")
	c.mustSay(c.noChanges("-refresh=false"), "passes soon")
	if out := c.noChanges(); strings.Contains(out, "passes soon") {
		t.Errorf("a plan with a refresh warns:\n%s", out)
	}
}
