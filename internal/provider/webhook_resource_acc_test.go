// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/compare"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const testAddress = "titanx_webhook.test"

func TestAccWebhook_life(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	secretChanges := statecheck.CompareValue(compare.ValuesDiffer())
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		CheckDestroy: func(*terraform.State) error {
			if left := s.Webhooks(simUser); len(left) != 0 {
				return fmt.Errorf("%d webhooks are left", len(left))
			}
			return s.wrote(titanxsim.CallDelete)(nil)
		},
		Steps: []resource.TestStep{
			{
				Config:           s.webhook(""),
				ConfigPlanChecks: planAction(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					attribute("status", "active"),
					attribute("secret_status", "known"),
					attribute("on_lost_secret", "replace"),
					secretChanges.AddStateValue(testAddress, tfjsonpath.New("secret")),
				},
				Check: resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallCreate, titanxsim.CallSetStatus), s.hasServerSecret),
			},
			{
				Config:           s.webhook(`status = "inactive"`),
				ConfigPlanChecks: planAction(plancheck.ResourceActionUpdate),
				Check:            resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallSetStatus), s.hasServerSecret, s.onServer(func(w titanxsim.Webhook) bool { return w.Status == "inactive" })),
			},
			{
				Config:           s.webhook(`status = "inactive" ` + "\n" + `rotation_triggers = { generation = "2" }`),
				ConfigPlanChecks: planAction(plancheck.ResourceActionDestroyBeforeCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					secretChanges.AddStateValue(testAddress, tfjsonpath.New("secret")),
				},
				Check: resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallDelete, titanxsim.CallCreate), s.hasServerSecret),
			},
			{
				// The order of events, the case of the host and the default
				// port make no difference.
				Config: s.hcl(`resource "titanx_webhook" "test" {
  name              = "test"
  url               = "https://HOOKS.example.com:443/titanx"
  event_types       = ["job.contact.scored"]
  status            = "inactive"
  rotation_triggers = { generation = "2", unused = null }
}`),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(testAddress, plancheck.ResourceActionUpdate)}},
				Check:            resource.ComposeTestCheckFunc(s.wrote(), s.hasServerSecret),
			},
		},
	})
}

func TestAccWebhook_changedElsewhere(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{
			{Config: s.webhook("")},
			{
				PreConfig:        func() { s.change(func(w *titanxsim.Webhook) { w.Status = "inactive" }) },
				Config:           s.webhook(""),
				ConfigPlanChecks: planAction(plancheck.ResourceActionUpdate),
				Check:            resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallSetStatus), s.hasServerSecret),
			},
			{
				PreConfig:        func() { s.change(func(w *titanxsim.Webhook) { w.EventTypes = []string{"job.completed"} }) },
				Config:           s.webhook(""),
				ConfigPlanChecks: planAction(plancheck.ResourceActionDestroyBeforeCreate),
				Check:            resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallDelete, titanxsim.CallCreate, titanxsim.CallSetStatus), s.hasServerSecret),
			},
			{
				PreConfig:        func() { s.Remove(simUser, s.only().ID); s.later(2 * time.Minute) },
				Config:           s.webhook(""),
				ConfigPlanChecks: planAction(plancheck.ResourceActionCreate),
				Check:            resource.ComposeTestCheckFunc(s.wrote(titanxsim.CallCreate, titanxsim.CallSetStatus), s.hasServerSecret),
			},
		},
	})
}

func TestAccWebhook_lostSecretRefused(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{CreateSecret: "absent"}})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{
			{
				Config:             s.webhook(""),
				ConfigStateChecks:  []statecheck.StateCheck{attribute("secret_status", "lost")},
				ExpectNonEmptyPlan: true,
			},
			{Config: s.webhook(`on_lost_secret = "error"`), ExpectError: regexp.MustCompile(`lost[\s\S]*secret_wo`)},
			{
				PreConfig: func() { s.SetDialect(titanxsim.Dialect{}) },
				Config:    s.webhook(""),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(testAddress, plancheck.ResourceActionDestroyBeforeCreate),
					plancheck.ExpectUnknownValue(testAddress, tfjsonpath.New("secret")),
				}},
				Check: s.hasServerSecret,
			},
		},
	})
}

// planAction expects what the plan does with the webhook, and that nothing is
// left to do after the apply.
func planAction(want plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(testAddress, want)}}
}

func attribute(name, value string) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(testAddress, tfjsonpath.New(name), knownvalue.StringExact(value))
}

// hasServerSecret checks that the state has the very secret that the simulator
// signs with.
func (s *simulation) hasServerSecret(state *terraform.State) error {
	got := state.RootModule().Resources[testAddress].Primary.Attributes
	all := s.Webhooks(simUser)
	if len(all) != 1 || all[0].ID != got["id"] {
		return fmt.Errorf("the server has %d webhooks, and the state has %s", len(all), got["id"])
	}
	if got["secret"] != all[0].Secret {
		return fmt.Errorf("the secret in the state is not the server's")
	}
	return nil
}

// onServer checks the one webhook on the simulator.
func (s *simulation) onServer(holds func(titanxsim.Webhook) bool) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if w := s.only(); !holds(w) {
			return fmt.Errorf("on the server the webhook is %s %v %s", w.Name, w.EventTypes, w.Status)
		}
		return nil
	}
}

// change alters the one webhook behind Terraform's back.
func (s *simulation) change(alter func(*titanxsim.Webhook)) {
	w := s.only()
	alter(&w)
	s.Put(simUser, w)
	s.ResetRequests()
}

// TestAccWebhook_importPlaceholder imports what is not the id of a webhook.
func TestAccWebhook_importPlaceholder(t *testing.T) {
	t.Parallel()
	needs(t, cli.ImportByIdentity)
	for _, id := range []string{"pending:e30", ""} {
		c := newCLI(t, simulate(t, titanxsim.Config{}), webhookHCL("")+fmt.Sprintf("import {\n  to = titanx_webhook.test\n  identity = {\n    id = %q\n  }\n}\n", id))
		c.mustFail([]string{"plan"}, "is not the id of a webhook")
	}
}

// TestAccWebhook_wrongType edits the state by hand.
func TestAccWebhook_wrongType(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(""))
	c.must("apply", "-auto-approve")
	c.write("terraform.tfstate", strings.Replace(c.read("terraform.tfstate"), `"status": "active"`, `"status": ["active"]`, 1))
	c.mustFail([]string{"plan"}, "titanx_webhook.test")
}

// TestAccWebhook_taintMessages taints a webhook, and plans without a refresh or
// with another name: no message says that both webhooks stay, or that
// secret_wo is of use.
func TestAccWebhook_taintMessages(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, strings.Replace(webhookHCL(""), `"test"`+"\n  url", "var.name\n  url", 1)+"variable \"name\" { default = \"test\" }\n")
	c.must("apply", "-auto-approve")
	c.must("taint", "titanx_webhook.test")
	for _, args := range [][]string{{"plan", "-refresh=false"}, {"plan", "-var=name=renamed"}, {"plan"}} {
		out := c.must(args...)
		c.mustSay(out, "1 to add, 0 to change, 1 to destroy")
		if strings.Contains(out, "already exists") && !strings.Contains(strings.Join(strings.Fields(out), " "), "Unless it is tainted") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
}
