// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestAccWebhookDataSource(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putThree()
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{{
			Config: s.webhook("") + `
data "titanx_webhook" "by_id" {
  id = titanx_webhook.test.id
}
data "titanx_webhook" "by_name" {
  name = "scored"
}
data "titanx_webhook" "by_url" {
  url = "https://OTHER.example.com:443/completed"
}
data "titanx_webhooks" "active" {
  status     = "active"
  event_type = "job.contact.scored"
  depends_on = [titanx_webhook.test]
}
`,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.CompareValuePairs("data.titanx_webhook.by_id", tfjsonpath.New("created_at"), testAddress, tfjsonpath.New("created_at"), compare.ValuesSame()),
				statecheck.ExpectKnownValue("data.titanx_webhook.by_name", tfjsonpath.New("url"), knownvalue.StringExact("https://hooks.example.com/Scored")),
				statecheck.ExpectKnownValue("data.titanx_webhook.by_url", tfjsonpath.New("name"), knownvalue.StringExact("other")),
				statecheck.ExpectKnownValue("data.titanx_webhooks.active", tfjsonpath.New("webhooks"), knownvalue.ListExact([]knownvalue.Check{
					knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": knownvalue.StringExact("scored")}),
					knownvalue.ObjectPartial(map[string]knownvalue.Check{"name": knownvalue.StringExact("test")}),
				})),
			},
			Check: s.wrote(titanxsim.CallCreate, titanxsim.CallSetStatus),
		}},
	})
}
