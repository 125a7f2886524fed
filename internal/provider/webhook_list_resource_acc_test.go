// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestAccWebhookList(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "cursor"}})
	scored, completed, _ := s.putThree()
	needs(t, cli.ListResources)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{
			{Config: s.hcl("")},
			{
				Query: true,
				Config: `
list "titanx_webhook" "all" {
  provider         = titanx
  include_resource = true
}
list "titanx_webhook" "some" {
  provider = titanx
  config {
    url_prefix = "https://hooks.example.com/"
  }
}
`,
				QueryResultChecks: []querycheck.QueryResultCheck{
					querycheck.ExpectLength("titanx_webhook.all", 3),
					querycheck.ExpectLength("titanx_webhook.some", 2),
					querycheck.ExpectIdentity("titanx_webhook.some", map[string]knownvalue.Check{"id": knownvalue.StringExact(scored.ID)}),
					querycheck.ExpectIdentity("titanx_webhook.some", map[string]knownvalue.Check{"id": knownvalue.StringExact(completed.ID)}),
					querycheck.ExpectResourceKnownValues("titanx_webhook.all", queryfilter.ByDisplayName(knownvalue.StringExact("scored")), []querycheck.KnownValueCheck{
						{Path: tfjsonpath.New("on_lost_secret"), KnownValue: knownvalue.StringExact("keep")},
						{Path: tfjsonpath.New("secret"), KnownValue: knownvalue.Null()},
					}),
				},
			},
		},
	})
	if n := len(s.writes()); n != 0 {
		t.Errorf("%d writes by a query", n)
	}
}

func TestAccWebhookList_adoptsFleet(t *testing.T) {
	t.Parallel()
	const size = 101
	s := fleet(t, "cursor", size)
	c := newCLI(t, s, "")
	needs(t, cli.ListResources)
	c.write("fleet.tfquery.hcl", `list "titanx_webhook" "fleet" {
  provider = titanx
  limit    = 1000
}
`)
	c.must("query", "-generate-config-out=generated.tf")
	if n := len(s.Requests()); n != 2 {
		t.Errorf("%d requests for two pages", n)
	}
	if err := os.Rename(filepath.Join(c.dir, "fleet.tfquery.hcl"), filepath.Join(c.dir, "fleet.done")); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("Plan: %d to import, 0 to add, 0 to change, 0 to destroy.", size)
	if out := c.must("plan"); !strings.Contains(out, want) {
		t.Errorf("the plan is not %q:\n%s", want, last(out))
	}
	if out := c.must("apply", "-auto-approve"); !strings.Contains(out, fmt.Sprintf("%d imported, 0 added, 0 changed, 0 destroyed", size)) {
		t.Errorf("the apply did more than import:\n%s", last(out))
	}
	c.noChanges()
	if n := len(s.writes()); n != 0 || len(s.Webhooks(simUser)) != size {
		t.Errorf("%d writes, %d webhooks are left", n, len(s.Webhooks(simUser)))
	}
}

// TestAccWebhookList_failedPage checks that there is never a short list without
// a word. Terraform itself drops the results that came before the error.
func TestAccWebhookList_failedPage(t *testing.T) {
	t.Parallel()
	s := fleet(t, "cursor", 250)
	c := newCLI(t, s, "")
	needs(t, cli.ListResources)
	c.write("fleet.tfquery.hcl", `list "titanx_webhook" "fleet" {
  provider = titanx
  limit    = 1000
}
`)
	s.Inject(titanxsim.Fault{Call: titanxsim.CallList, After: 1, Kind: titanxsim.FaultStatus, Status: 403})
	c.mustFail([]string{"query"}, "Unable to list webhooks", "403")
}

// last is the end of a long output.
func last(out string) string { return out[max(0, len(out)-2000):] }
