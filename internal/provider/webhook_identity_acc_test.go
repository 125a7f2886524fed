// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestAccWebhook_identity(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	needs(t, cli.ImportByIdentity)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{
			{
				Config: s.webhook(`on_lost_secret = "keep"`),
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectIdentityValueMatchesState(testAddress, tfjsonpath.New("id")),
				},
			},
			{
				ResourceName:    testAddress,
				ImportState:     true,
				ImportStateKind: resource.ImportBlockWithResourceIdentity,
			},
		},
	})
}

// TestAccWebhook_duplicate looks at what the reader sees: a warning for a twin, none for a replacement by create_before_destroy.
func TestAccWebhook_duplicate(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL("lifecycle {\n    create_before_destroy = true\n  }"))
	const warning = "Webhook exists already"
	c.must("apply", "-auto-approve")
	for _, args := range [][]string{{"plan"}, {"plan", "-replace=" + testAddress}} {
		if out := c.must(args...); strings.Contains(out, warning) {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out := c.must("apply", "-auto-approve", "-replace="+testAddress); strings.Contains(out, warning) && !c.isOpenTofu() {
		t.Errorf("an apply that replaces: %s", out)
	}
	twin := s.putTwin("twin")
	c.must("taint", testAddress)
	if out := c.must("plan"); strings.Count(out, warning) != 1 || !strings.Contains(out, twin.ID) || strings.Contains(out, "test\", https") {
		t.Errorf("a tainted webhook with a twin: %s", out)
	}
	c.must("state", "rm", testAddress)
	if out := c.must("plan"); !strings.Contains(out, warning) || !strings.Contains(out, "(\"test\"") {
		t.Errorf("a webhook that the state has lost: %s", out)
	}
}
