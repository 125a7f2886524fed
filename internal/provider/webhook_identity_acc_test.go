// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The resource identity (webhook_resource.go).

package provider

import (
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
