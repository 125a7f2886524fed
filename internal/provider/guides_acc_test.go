// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The configurations and commands of the guides.

package provider

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// guideBlock is a block of HCL, with the comments before it that name the
// configurations it is part of.
var (
	guideBlock = regexp.MustCompile("(?s)((?:<!-- run: [a-z-]+ -->\n)*)```terraform\n(.*?)```")
	guideRun   = regexp.MustCompile(`<!-- run: ([a-z-]+) -->`)
)

// guideConfigurations returns the configurations of a guide by the name in
// "<!-- run: name -->". Every block must be part of one.
func guideConfigurations(t *testing.T, guide string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../templates/guides/" + guide + ".md")
	if err != nil {
		t.Fatal(err)
	}
	configurations := map[string]string{}
	for _, block := range guideBlock.FindAllStringSubmatch(string(text), -1) {
		runs := guideRun.FindAllStringSubmatch(block[1], -1)
		if len(runs) == 0 {
			t.Errorf("%s: a block is not run:\n%s", guide, block[2])
		}
		for _, run := range runs {
			configurations[run[1]] += block[2]
		}
	}
	return configurations
}

// TestAccGuides does with the guides on the secret's life what they say.
func TestAccGuides(t *testing.T) {
	t.Parallel()
	for guide, scenarios := range map[string]map[string]func(*testing.T, *simulation, *folder){
		"rotating-without-losing-an-event": {"grace": guideGrace, "two-steps": guideTwoSteps, "schedule": guideSchedule},
		"adopting-existing-webhooks":       {"keep": guideKeep, "adopt": guideAdopt, "many": guideMany},
		"moving-between-states":            {"moved": guideMoved, "removed": guideRemoved},
		"keeping-the-secret-out-of-state":  {"encrypt": guideEncrypt, "decrypt": guideDecrypt},
	} {
		configurations := guideConfigurations(t, guide)
		if len(configurations) != len(scenarios) {
			t.Errorf("%s has %d configurations, want %d", guide, len(configurations), len(scenarios))
		}
		for name, scenario := range scenarios {
			t.Run(guide+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := simulate(t, titanxsim.Config{})
				scenario(t, s, newCLI(t, s, configurations[name]))
			})
		}
	}
}

// noChanges expects a plan without changes.
func (c *folder) noChanges(args ...string) string {
	c.t.Helper()
	out, code := c.run(append([]string{"plan", "-detailed-exitcode"}, args...)...)
	if code != 0 {
		c.t.Errorf("the plan is not empty:\n%s", out)
	}
	return out
}

// expectWrites checks, and forgets, what was sent.
func (s *simulation) expectWrites(t *testing.T, want ...titanxsim.Call) {
	t.Helper()
	if got := s.writes(); !slices.Equal(got, want) {
		t.Errorf("requests: %v, want %v", got, want)
	}
	s.ResetRequests()
}

func guideGrace(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.TerraformData)
	c.env = append(c.env, "TF_VAR_grace_period=1")
	c.mustSay(c.must("apply", "-auto-approve"), "sleep 0")
	first := s.only().Secret
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus)
	out := c.must("apply", "-auto-approve", "-var=generation=2")
	c.mustSay(out, `Replacing the webhook "`)
	waited, deleted := strings.Index(out, "terraform_data.grace: Creation complete"), strings.Index(out, "(deposed object")
	if !strings.Contains(out, "sleep 1") || waited < 0 || deleted < waited {
		t.Errorf("the old webhook is deleted before the grace period ends:\n%s", out)
	}
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallDelete)
	if s.only().Secret == first {
		t.Error("the secret is the same")
	}
	c.noChanges("-var=generation=2")
}

func guideTwoSteps(t *testing.T, s *simulation, c *folder) {
	c.must("apply", "-auto-approve")
	first := s.only()
	c.mustSay(c.must("apply", "-auto-approve", `-var=generations=["2026-01","2026-04"]`), "TitanX already delivers these events to this url")
	secrets := c.must("output", "-json", "secrets")
	both := s.Webhooks(simUser)
	for _, w := range both {
		c.mustSay(secrets, w.Secret)
	}
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallCreate, titanxsim.CallSetStatus)
	c.must("apply", "-auto-approve", `-var=generations=["2026-04"]`)
	s.expectWrites(t, titanxsim.CallDelete)
	if len(both) != 2 || s.only().ID == first.ID {
		t.Error("the old webhook is still there")
	}
	c.noChanges(`-var=generations=["2026-04"]`)
}

func guideSchedule(t *testing.T, s *simulation, c *folder) {
	const ninetyDays = 90 * 24 * time.Hour
	s.later(time.Hour - ninetyDays)
	c.must("apply", "-auto-approve")
	c.noChanges()
	s.change(func(w *titanxsim.Webhook) { w.CreatedAt = w.CreatedAt.Add(-2 * time.Hour) })
	c.noChanges("-refresh=false")
	s.later(ninetyDays - time.Hour)
	c.mustSay(c.must("apply", "-auto-approve"), "rotate_after has passed")
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallDelete)
	c.noChanges()
}

// guideMoved and guideRemoved begin with a webhook that is applied under
// another configuration.
func guideMoved(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.MovedBlocks)
	secret := applyBefore(s, c)
	c.mustSay(c.must("apply", "-auto-approve"), "0 added, 0 changed, 0 destroyed")
	c.mustSay(c.read("terraform.tfstate"), secret)
	c.noChanges()
	s.expectWrites(t)
}

func guideRemoved(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.RemovedBlocks)
	c.write("main.tf", strings.ReplaceAll(c.read("main.tf"), "titanx_webhook.contacts", "titanx_webhook.test"))
	applyBefore(s, c)
	c.must("apply", "-auto-approve")
	s.expectWrites(t)
	if strings.Contains(c.read("terraform.tfstate"), s.only().ID) {
		t.Error("the webhook is still in the state")
	}
}

// applyBefore applies another configuration first, and returns its secret.
func applyBefore(s *simulation, c *folder) string {
	c.t.Helper()
	after := c.read("main.tf")
	c.write("main.tf", strings.Join(strings.SplitAfterN(after, "provider \"titanx\" {}\n", 2)[:1], "")+webhookHCL(""))
	c.must("apply", "-auto-approve")
	s.ResetRequests()
	c.write("main.tf", after)
	return s.only().Secret
}

// guideWebhooks creates the webhooks that the guide adopts.
func guideWebhooks(s *simulation) {
	s.Put(simUser, titanxsim.Webhook{
		ID: "0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11", Name: "contacts", URL: "https://hooks.example.com/titanx",
		EventTypes: []string{"job.contact.scored"}, Secret: heldSecret,
	})
	s.Put(simUser, titanxsim.Webhook{
		ID: "5d2f4d0b-9d3c-4a55-8a39-2f1f0f0f7c22", Name: "jobs", URL: "https://hooks.example.com/jobs", EventTypes: []string{"job.completed"},
	})
}

func guideKeep(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.ImportBlocks)
	guideWebhooks(s)
	out := c.must("apply", "-auto-approve")
	c.mustSay(out, "1 to import, 0 to add, 0 to change, 0 to destroy")
	c.noChanges()
	s.expectWrites(t)
}

func guideAdopt(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.ImportBlocks)
	needs(t, cli.WriteOnly)
	guideWebhooks(s)
	c.mustSay(c.must("plan"), "will be replaced")
	c.env = append(c.env, "TF_VAR_contacts_secret="+heldSecret)
	c.mustSay(c.must("apply", "-auto-approve"), "1 to import, 0 to add, 1 to change, 0 to destroy")
	c.noChanges()
	c.env = c.env[:len(c.env)-1]
	c.noChanges()
	s.expectWrites(t)
	c.mustSay(c.read("terraform.tfstate"), `"secret_status": "adopted"`)
	c.mustSay(c.read("terraform.tfstate"), heldSecret)

	version := c.must("output", "-raw", "secret_version")
	main := c.read("main.tf")
	c.write("main.tf", strings.Replace(main, "secret_wo_version = 1", "secret_wo_version = 2", 1))
	c.mustFail([]string{"plan"}, "No secret to adopt")
	c.env = append(c.env, "TF_VAR_contacts_secret="+anotherSecret)
	c.mustSay(c.must("apply", "-auto-approve"), "0 to add, 1 to change, 0 to destroy")
	s.expectWrites(t)
	c.mustSay(c.read("terraform.tfstate"), anotherSecret)
	if c.must("output", "-raw", "secret_version") == version {
		t.Error("secret_version is the same after another adoption")
	}
}

func guideMany(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.ImportBlocks)
	guideWebhooks(s)
	c.must("apply", "-auto-approve")
	blocks := c.must("output", "-raw", "import_blocks")
	c.write("imports.tf", blocks)
	if !can(t, c.CLI, cli.ImportGenerated) { // the guide has another way for Terraform 1.16
		c.write("imports.tf", regexp.MustCompile(`(?m)^( +id += .+)$`).ReplaceAllString(blocks, "$1\n  provider = titanx"))
	}
	c.must("plan", "-generate-config-out=webhooks.tf")
	c.write("imports.tf", blocks)
	c.mustSay(c.must("plan"), "2 to import, 0 to add, 0 to change, 0 to destroy")
	c.mustSay(c.read("webhooks.tf"), `= "keep"`)
	c.must("apply", "-auto-approve")
	c.noChanges()
	s.expectWrites(t)
}

func guideEncrypt(t *testing.T, s *simulation, c *folder) {
	c.env = append(c.env, `TF_VAR_recipients=["`+keyA.recipient+`","`+keyB.recipient+`"]`)
	c.must("apply", "-auto-approve")
	encrypted := c.must("output", "-raw", "encrypted_secret")
	for _, key := range []keyPair{keyA, keyB} {
		if decryptedBy(encrypted, key) != s.only().Secret {
			t.Error("a recipient cannot decrypt the secret")
		}
	}
	if strings.Contains(c.read("terraform.tfstate"), s.only().Secret) {
		t.Error("the state holds the secret")
	}
	c.noChanges()
	c.env = append(c.env, `TF_VAR_recipients=["`+keyB.recipient+`"]`)
	c.mustSay(c.must("apply", "-auto-approve"), "secret_recipients changes")
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallDelete)
}

func guideDecrypt(t *testing.T, s *simulation, c *folder) {
	needs(t, cli.EphemeralResources)
	c.env = append(c.env, `TF_VAR_recipients=["`+keyA.recipient+`"]`, "TF_VAR_identity="+keyA.identity)
	c.must("apply", "-auto-approve")
	c.noChanges()
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus)
	if strings.Contains(c.read("terraform.tfstate")+c.read("trace.log"), s.only().Secret) {
		t.Error("the secret is in the state or the log")
	}
}
