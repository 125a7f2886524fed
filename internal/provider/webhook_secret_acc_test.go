// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// cliRows are the rows of secretTable that differ in what core does.
var cliRows = []string{
	"known/refresh", "known/status changes", "known/name changes", "known/age passes", "known/recipient is added", "known/rotate_after is longer",
	"lost/policy becomes replace", "lost/policy becomes error", "lost/secret is set", "lost, with a recipient/policy becomes replace",
	"adopted, no longer set/recipient is added", "encrypted/refresh", "encrypted/recipients are removed", "expired/name changes",
	"expired/rotate_after is longer",
}

// TestAccSecret_table carries out rows of the secret's life with a CLI. All
// rows run at the level of the protocol.
func TestAccSecret_table(t *testing.T) {
	t.Parallel()
	for _, row := range secretTable {
		if !slices.Contains(cliRows, row.state+"/"+row.event) {
			continue
		}
		before, after := configsOf(row.state, row.event)
		how := secretStates[row.state]
		t.Run(row.state+"/"+row.event, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(row.state, "adopted") || row.event == "secret is set" {
				needs(t, cli.WriteOnly)
			}
			s := simulate(t, titanxsim.Config{})
			steps := s.arriveSteps(row.state)
			last := resource.TestStep{
				PreConfig: func() {
					if how.expired || row.event == "age passes" {
						s.later(longerThanRotateAfter)
					}
					s.ResetRequests()
				},
				Config: s.webhookOf(after),
			}
			if row.action == refused {
				last.ExpectError = regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(row.says), " ", `[\s│]+`))
			} else {
				last.ConfigPlanChecks = planned(row.action, row.forcedBy)
				last.ConfigStateChecks = []statecheck.StateCheck{attribute("secret_status", row.becomes)}
				last.Check = func(state *terraform.State) error {
					if writes := s.writeNames(); writes != row.writes {
						return fmt.Errorf("requests: %s", writes)
					}
					stored := state.RootModule().Resources[testAddress].Primary.Attributes
					checkSecret(t, s.holds(row.state, row.event, row.action), stored["secret_status"], stored["secret"], stored["encrypted_secret"])
					return nil
				}
			}
			steps = append(steps, last)
			if row.action == refused { // the webhook is as it was, and the end of the test needs a plan that is not refused
				steps = append(steps, resource.TestStep{PlanOnly: true, ExpectNonEmptyPlan: how.expired || row.event == "age passes", Config: s.webhookOf(before)})
			}
			resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: s.factories(), Steps: steps})
			if row.action == refused && s.writeNames() != "delete" { // which the end of the test sends
				t.Errorf("requests: %s", s.writeNames())
			}
		})
	}
}

// arriveSteps bring a webhook into a state of the table, but for its age.
func (s *simulation) arriveSteps(state string) []resource.TestStep {
	how := secretStates[state]
	var steps []resource.TestStep
	if how.imported {
		steps = append(steps, resource.TestStep{
			Config: s.webhookOf(testWebhook(nil)), ResourceName: testAddress,
			ImportState: true, ImportStateId: s.putHeld().ID, ImportStatePersist: true,
		})
	}
	for _, changes := range how.configs {
		steps = append(steps, resource.TestStep{Config: s.webhookOf(testWebhook(secretBase).with(changes))})
	}
	return steps
}

// planned expects an action, and what forces it.
func planned(action, by string) resource.ConfigPlanChecks {
	actions := map[string]plancheck.ResourceActionType{
		noChange: plancheck.ResourceActionNoop, update: plancheck.ResourceActionUpdate, replace: plancheck.ResourceActionDestroyBeforeCreate,
	}
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(testAddress, actions[action]), forcedBy(by)}}
}

// TestAccSecret_unknown takes values from a resource that is made in the same
// run, and applies the plan with core's own checks. The other cases of
// secretUnknowns run at the level of the protocol.
func TestAccSecret_unknown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"everything", "policy", "recipients, lost", "recipients, lost, and none", "recipients, none", "recipients, some", "rotate_after, expired",
		"secret of a lost one",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc := secretUnknowns[name]
			if tc.resolved["secret_wo"] != nil {
				needs(t, cli.WriteOnly)
			}
			s := simulate(t, titanxsim.Config{})
			config, input := tc.config(), ""
			for attribute, value := range tc.resolved {
				config[attribute] = expression("terraform_data.later.output." + attribute)
				input += fmt.Sprintf("    %s = %s\n", attribute, hclValue(t, value))
			}
			needs(t, cli.TerraformData)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				Steps: append(s.arriveSteps(tc.state), resource.TestStep{
					PreConfig: func() {
						if secretStates[tc.state].expired {
							s.later(longerThanRotateAfter)
						}
					},
					Config:            s.webhookOf(config) + "resource \"terraform_data\" \"later\" {\n  input = {\n" + input + "  }\n}\n",
					ConfigPlanChecks:  planned(tc.action, tc.forcedBy),
					ConfigStateChecks: []statecheck.StateCheck{attribute("secret_status", tc.becomes)},
				}),
			})
		})
	}
}

// TestAccSecret_unknownOnOldCLI checks the error for a secret_wo that a plan
// does not know, on a CLI that would keep it in the state.
func TestAccSecret_unknownOnOldCLI(t *testing.T) {
	t.Parallel()
	needs(t, cli.TerraformData)
	if installed, err := realCLI(); err != nil {
		t.Fatal(err)
	} else if can(t, installed, cli.WriteOnly) {
		t.Skipf("%s has %s", installed.Version, cli.WriteOnly)
	}
	s := simulate(t, titanxsim.Config{})
	config := testWebhook(object{"secret_wo": expression("terraform_data.later.output")})
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{{
			Config:      s.webhookOf(config) + "resource \"terraform_data\" \"later\" {\n  input = \"CANARY\"\n}\n",
			ExpectError: regexp.MustCompile("secret_wo is not known yet"),
		}},
	})
}

// webhookOf is the HCL of a configuration.
func (s *simulation) webhookOf(config object) string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(config)) {
		fmt.Fprintf(&lines, "  %s = %s\n", name, hclValue(s.t, config[name]))
	}
	return s.hcl("resource \"titanx_webhook\" \"test\" {\n" + lines.String() + "}\n")
}

// expression is HCL for an attribute's value.
type expression string

func hclValue(t testing.TB, value any) string {
	t.Helper()
	switch value := value.(type) {
	case nil:
		return "null"
	case expression:
		return string(value)
	case int:
		return strconv.Itoa(value)
	case string:
		return strconv.Quote(value)
	case []string:
		return `["` + strings.Join(value, `", "`) + `"]`
	case map[string]string:
		pairs := make([]string, 0, len(value))
		for key, element := range value {
			pairs = append(pairs, key+" = "+strconv.Quote(element))
		}
		return "{ " + strings.Join(pairs, ", ") + " }"
	}
	t.Fatalf("no HCL for a %T", value)
	return ""
}

// forcedBy checks which attributes force the replacement of the webhook.
type forcedBy string

func (f forcedBy) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	var paths []string
	for _, change := range req.Plan.ResourceChanges {
		if change.Address != testAddress {
			continue
		}
		for _, path := range change.Change.ReplacePaths {
			if steps, ok := path.([]any); ok && len(steps) > 0 {
				paths = append(paths, fmt.Sprint(steps[0]))
			}
		}
	}
	slices.Sort(paths)
	if got := strings.Join(paths, " "); got != string(f) {
		resp.Error = fmt.Errorf("the replacement is forced by %q, want %q", got, string(f))
	}
}

func TestAccSecret_refreshOnly(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	config := s.webhookOf(testWebhook(secretBase))
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{
			{Config: config, ConfigStateChecks: []statecheck.StateCheck{attribute("secret_status", "known")}, Check: s.wrote(titanxsim.CallCreate, titanxsim.CallSetStatus)},
			{
				PreConfig:          func() { s.later(longerThanRotateAfter) },
				RefreshState:       true,
				ExpectNonEmptyPlan: true,
				Check: resource.ComposeTestCheckFunc(s.wrote(), s.hasServerSecret,
					resource.TestCheckResourceAttr(testAddress, "secret_status", "expired")),
			},
			{
				PreConfig:    func() { s.later(-longerThanRotateAfter) },
				RefreshState: true,
				Check: resource.ComposeTestCheckFunc(s.wrote(), s.hasServerSecret,
					resource.TestCheckResourceAttr(testAddress, "secret_status", "known")),
			},
		},
	})
}

// TestAccSecret_ephemeral shows what the ephemeral resource provides to another
// provider's configuration.
func TestAccSecret_ephemeral(t *testing.T) {
	t.Parallel()
	edwards, rivest, _, _ := newSSHKeys(t)
	for kind, key := range map[string]keyPair{"age": keyA, "ed25519": edwards, "rsa": rivest} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			factories := s.factories()
			factories["echo"] = echoprovider.NewProviderServer()
			config := func(identity string) string {
				return s.webhook(fmt.Sprintf("secret_recipients = [%q]", key.recipient)) + fmt.Sprintf(`
ephemeral "titanx_webhook_secret" "test" {
  encrypted_secret = titanx_webhook.test.encrypted_secret
  identity         = %q
}
provider "echo" {
  data = ephemeral.titanx_webhook_secret.test.secret
}
resource "echo" "test" {}
`, identity)
			}
			needs(t, cli.EphemeralResources)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{Config: config(keyB.identity), ExpectError: regexp.MustCompile(`matches[\s│]+none[\s│]+of[\s│]+the[\s│]+recipients`)},
					{
						Config: config(key.identity),
						ConfigStateChecks: []statecheck.StateCheck{
							attribute("secret_status", "encrypted"),
							statecheck.ExpectKnownValue(testAddress, tfjsonpath.New("secret"), knownvalue.Null()),
						},
						Check: func(state *terraform.State) error {
							if state.RootModule().Resources["echo.test"].Primary.Attributes["data"] != s.only().Secret {
								return fmt.Errorf("the echo is not the server's secret")
							}
							return nil
						},
					},
				},
			})
		})
	}
}

// TestAccSecret_outOfState looks for the plain secret in all that runs with
// secret_recipients leave behind.
func TestAccSecret_outOfState(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(`
  status            = var.status
  secret_recipients = ["`+keyA.recipient+`"]
  rotation_triggers = { generation = var.generation }`)+`
variable "status" { default = "active" }
variable "generation" { default = "1" }
output "encrypted_secret" { value = titanx_webhook.test.encrypted_secret }
`)
	if can(t, c.CLI, cli.EphemeralResources) {
		c.write("ephemeral.tf", `
variable "identity" {
  ephemeral = true
  sensitive = true
}
ephemeral "titanx_webhook_secret" "test" {
  encrypted_secret = titanx_webhook.test.encrypted_secret
  identity         = var.identity
}
`)
		c.env = append(c.env, "TF_VAR_identity="+keyA.identity)
	}
	var console strings.Builder
	secrets := map[string]bool{}
	run := func(args ...string) { console.WriteString(c.must(args...)) }
	applied := func() {
		t.Helper()
		secrets[s.only().Secret] = true
		if decryptedBy(c.must("output", "-raw", "encrypted_secret"), keyA) != s.only().Secret {
			t.Error("what is stored does not decrypt to the server's secret")
		}
	}
	run("apply", "-auto-approve")
	applied()
	run("apply", "-auto-approve", "-var=status=inactive")
	run("plan", "-out=update.tfplan")
	run("plan", "-var=generation=2", "-out=replace.tfplan")
	run("show", "-json", "replace.tfplan")
	run("apply", "replace.tfplan")
	applied()
	run("apply", "-auto-approve", "-refresh-only", "-var=generation=2")
	run("show", "-json")

	if len(secrets) != 2 {
		t.Fatalf("%d secrets were issued, want 2", len(secrets))
	}
	left := map[string]string{"console": console.String(), "plan to update": c.readPlan("update.tfplan"), "plan to replace": c.readPlan("replace.tfplan")}
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup", "trace.log"} {
		left[name] = c.read(name)
	}
	for where, text := range left {
		for secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
				t.Errorf("a secret is in the %s", where)
			}
		}
		if strings.Contains(text, keyA.identity) {
			t.Errorf("the identity is in the %s", where)
		}
	}
}

// TestAccSecret_intoCiphertext encrypts a secret that the state has in plain
// text: afterward only the backup has it.
func TestAccSecret_intoCiphertext(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL("secret_recipients = var.recipients")+"\nvariable \"recipients\" {\n  type    = set(string)\n  default = null\n}\n")
	console := c.must("apply", "-auto-approve")
	secret := s.only().Secret
	if !strings.Contains(c.read("terraform.tfstate"), secret) {
		t.Fatal("the state does not have the plain text yet")
	}
	console += c.must("apply", "-auto-approve", `-var=recipients=["`+keyA.recipient+`"]`)
	console += c.must("plan", "-out=saved.tfplan", `-var=recipients=["`+keyA.recipient+`"]`)
	for where, text := range map[string]string{"state": c.read("terraform.tfstate"), "plan": c.readPlan("saved.tfplan"), "log": c.read("trace.log"), "console": console} {
		if strings.Contains(text, secret) {
			t.Errorf("the secret is in the %s", where)
		}
	}
	if s.only().Secret != secret {
		t.Error("the webhook was replaced")
	}
}

// TestAccImport_generated imports five webhooks into a configuration that the
// CLI writes, and finds nothing to change.
func TestAccImport_generated(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	var blocks strings.Builder
	for i := range 5 {
		w := s.Put(simUser, titanxsim.Webhook{
			Name: fmt.Sprintf("webhook %d", i), URL: fmt.Sprintf("https://hooks.example.com/titanx/%d", i),
			EventTypes: [][]string{{"job.completed"}, {"job.contact.scored", "job.completed"}}[i%2], Status: []string{"active", "inactive"}[i%2],
		})
		fmt.Fprintf(&blocks, "import {\n  to = titanx_webhook.imported_%d\n  id = %q\n}\n", i, w.ID)
	}
	c := newCLI(t, s, blocks.String())
	needs(t, cli.ImportGenerated)
	c.must("plan", "-generate-config-out=generated.tf")
	if out := c.must("plan"); !strings.Contains(out, "Plan: 5 to import, 0 to add, 0 to change, 0 to destroy.") {
		t.Errorf("the plan of the generated configuration:\n%s", out)
	}
	if kept := strings.Count(c.read("generated.tf"), `= "keep"`); kept != 5 {
		t.Errorf("%d of 5 webhooks are generated with on_lost_secret = keep", kept)
	}
	before := s.Webhooks(simUser)
	c.must("apply", "-auto-approve")
	c.noChanges()
	if diff := gocmp.Diff(before, s.Webhooks(simUser)); diff != "" || len(s.writes()) != 0 {
		t.Errorf("importing wrote: %v %s", s.writes(), diff)
	}
}

// TestAccSecret_computed sets secret, which TitanX issues.
func TestAccSecret_computed(t *testing.T) {
	t.Parallel()
	c := newCLI(t, simulate(t, titanxsim.Config{}), webhookHCL(`secret = "CANARY-secret"`))
	c.mustFail([]string{"plan"}, "titanx_webhook.test", "read-only")
}

// TestAccSecret_lostNamed explains each lost secret of a plan, and destroys.
// Core plans before it destroys, so that the policy error says how.
func TestAccSecret_lostNamed(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"replace", "error"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, `
resource "titanx_webhook" "test" {
  count          = 3
  name           = "test ${count.index}"
  url            = "https://hooks.example.com/${count.index}"
  event_types    = ["job.completed"]
  on_lost_secret = "`+policy+`"
}
`)
			for i := range 3 {
				w := s.Put(simUser, titanxsim.Webhook{Name: fmt.Sprintf("test %d", i), URL: fmt.Sprintf("https://hooks.example.com/%d", i), EventTypes: []string{"job.completed"}})
				c.must("import", fmt.Sprintf("titanx_webhook.test[%d]", i), w.ID)
			}
			out, _ := c.run("plan")
			for i := range 3 {
				c.mustSay(out, fmt.Sprintf(`Signing secret of webhook "test %d" lost`, i))
			}
			destroy := []string{"destroy", "-auto-approve"}
			if policy == "error" {
				c.mustFail(destroy, "-refresh=false")
				destroy = append(destroy, "-refresh=false")
			}
			c.must(destroy...)
			if n := len(s.Webhooks(simUser)); n != 0 {
				t.Errorf("%d webhooks are left", n)
			}
		})
	}
}
