// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// importHeld writes a configuration of the webhook titanx_webhook.test with
// further arguments, and imports one whose secret is heldSecret.
func importHeld(t *testing.T, s *simulation, arguments string) *folder {
	t.Helper()
	c := newCLI(t, s, webhookHCL(arguments)+`
variable "held" {
  type    = string
  default = null
}
variable "version_of_held" {
  type    = number
  default = 1
}
variable "name" {
  type    = string
  default = "test"
}
`)
	c.must("import", "titanx_webhook.test", s.putHeld().ID)
	return c
}

// TestAccAdoption_heldSecretNowhere looks for the held secret in all that an
// adoption into encrypted_secret leaves behind.
func TestAccAdoption_heldSecretNowhere(t *testing.T) {
	t.Parallel()
	needs(t, cli.WriteOnly)
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(fmt.Sprintf("secret_recipients = [%q]\n  secret_wo = var.held\n  secret_wo_version = 1", keyA.recipient))+`
variable "held" {
  type      = string
  ephemeral = true
  default   = null
}
output "encrypted_secret" { value = titanx_webhook.test.encrypted_secret }
`)
	c.env = append(c.env, "TF_VAR_held="+heldSecret)
	console := c.must("import", "titanx_webhook.test", s.putHeld().ID)
	console += c.must("plan", "-out=saved.tfplan")
	console += c.must("apply", "saved.tfplan")
	if decryptedBy(c.must("output", "-raw", "encrypted_secret"), keyA) != heldSecret {
		t.Error("the secret was not adopted")
	}
	c.noChanges()
	c.env = c.env[:len(c.env)-1]
	c.noChanges()
	s.expectWrites(t)
	for where, text := range map[string]string{"console": console, "state": c.read("terraform.tfstate"), "log": c.read("trace.log"), "plan": c.readPlan("saved.tfplan")} {
		if strings.Contains(text, heldSecret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(heldSecret))) {
			t.Errorf("the secret is in the %s", where)
		}
	}
}

// TestAccAdoption_secretStays leaves secret_wo in the configuration: it blocks
// neither a replacement, nor a rotation, nor a destroy.
func TestAccAdoption_secretStays(t *testing.T) {
	t.Parallel()
	needs(t, cli.WriteOnly)
	s := simulate(t, titanxsim.Config{})
	c := importHeld(t, s, "secret_wo = var.held\n  secret_wo_version = var.version_of_held")
	c.write("main.tf", strings.Replace(c.read("main.tf"), "name        = \"test\"\n", "name = var.name\n", 1))
	c.env = append(c.env, "TF_VAR_held="+heldSecret)
	c.must("apply", "-auto-approve")
	s.expectWrites(t)
	c.mustSay(c.must("apply", "-auto-approve", "-var=name=renamed"), "name changes", "issues a new signing secret")
	if secret := s.only().Secret; secret == heldSecret || !strings.Contains(c.read("terraform.tfstate"), secret) {
		t.Error("the state does not have the new secret")
	}
	c.noChanges("-var=name=renamed")
	c.must("apply", "-auto-approve", "-var=name=renamed", "-replace=titanx_webhook.test")
	c.must("apply", "-auto-approve", "-var=name=renamed", "-var=version_of_held=2")
	c.noChanges("-var=name=renamed", "-var=version_of_held=2")
	if strings.Contains(c.read("terraform.tfstate"), heldSecret) {
		t.Error("an issued secret was replaced by secret_wo")
	}
	c.must("destroy", "-auto-approve")
	if n := len(s.Webhooks(simUser)); n != 0 {
		t.Errorf("%d webhooks are left", n)
	}
	c.mustSay(c.must("apply", "-auto-approve"), "secret_wo has no effect on the new webhook")
}

// TestAccAdoption_ignored plans a webhook whose changes are ignored.
func TestAccAdoption_ignored(t *testing.T) {
	t.Parallel()
	needs(t, cli.WriteOnly)
	for _, ignored := range []string{"all", "[secret_wo_version]"} {
		t.Run(ignored, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := importHeld(t, s, "rotation_triggers = { name = var.name }\n  on_lost_secret = \"keep\"\n  secret_wo = var.held\n  secret_wo_version = var.version_of_held\n  lifecycle {\n    ignore_changes = "+ignored+"\n  }")
			c.env = append(c.env, "TF_VAR_held="+heldSecret)
			c.must("apply", "-auto-approve")
			c.noChanges("-var=version_of_held=2")
			c.must("apply", "-auto-approve", "-replace=titanx_webhook.test", "-var=version_of_held=2")
			c.noChanges("-var=version_of_held=2")
			c.must("destroy", "-auto-approve")
		})
	}
}

// TestAccAdoption_withdrawn has a secret that is not known when planning, and
// null in the apply: an error, with nothing changed.
func TestAccAdoption_withdrawn(t *testing.T) {
	t.Parallel()
	needs(t, cli.WriteOnly)
	for _, policy := range []string{"replace", "keep"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := importHeld(t, s, "on_lost_secret = \""+policy+"\"\n  secret_wo = terraform_data.later.id == \"\" ? \"CANARY\" : null\n  secret_wo_version = 1")
			c.write("later.tf", "resource \"terraform_data\" \"later\" {}\n")
			s.ResetRequests()
			before := c.instances()
			out, code := c.run("apply", "-auto-approve")
			says := "No secret to adopt"
			if c.isOpenTofu() || policy == "keep" {
				says = "produced inconsistent final plan"
			}
			c.mustSay(out, says)
			if code != 1 || len(s.writes()) != 0 {
				t.Errorf("ended with %d, after %v", code, s.writes())
			}
			if after := c.instances(); after[0].Attributes != before[0].Attributes {
				t.Error("the state changed")
			}
		})
	}
}

// TestAccSecret_computed sets secret, which TitanX issues.
func TestAccSecret_computed(t *testing.T) {
	t.Parallel()
	c := newCLI(t, simulate(t, titanxsim.Config{}), webhookHCL(`secret = "CANARY-secret"`))
	c.mustFail([]string{"plan"}, "titanx_webhook.test", "read-only")
}

// TestAccLost_named explains each lost secret of a plan, and destroys. Core
// plans before it destroys, so that the policy error says how.
func TestAccLost_named(t *testing.T) {
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

// TestAccImport_placeholder imports what is not the id of a webhook.
func TestAccImport_placeholder(t *testing.T) {
	t.Parallel()
	needs(t, cli.ImportByIdentity)
	for _, id := range []string{"pending:e30", ""} {
		c := newCLI(t, simulate(t, titanxsim.Config{}), webhookHCL("")+fmt.Sprintf("import {\n  to = titanx_webhook.test\n  identity = {\n    id = %q\n  }\n}\n", id))
		c.mustFail([]string{"plan"}, "is not the id of a webhook")
	}
}

// TestAccState_wrongType edits the state by hand.
func TestAccState_wrongType(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(""))
	c.must("apply", "-auto-approve")
	c.write("terraform.tfstate", strings.Replace(c.read("terraform.tfstate"), `"status": "active"`, `"status": ["active"]`, 1))
	c.mustFail([]string{"plan"}, "titanx_webhook.test")
}

// TestAccWrongKey_counted refreshes many webhooks under another user's key.
func TestAccWrongKey_counted(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Keys: map[string]string{"CANARY-own": simUser, "CANARY-foreign": "bob"}})
	s.apiKey = "CANARY-own"
	c := newCLI(t, s, `
resource "titanx_webhook" "test" {
  count       = 12
  name        = "test ${count.index}"
  url         = "https://hooks.example.com/${count.index}"
  event_types = ["job.completed"]
}
`)
	c.must("apply", "-auto-approve")
	c.env = append(c.env, apiKeyVariable+"=CANARY-foreign")
	out := c.mustFail([]string{"plan"}, "12 webhooks not visible", "another api_key or base_url")
	if n := strings.Count(out, "Error:"); n != 1 {
		t.Errorf("%d errors:\n%s", n, out)
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

// TestAccPending_preventDestroy cannot replace a placeholder under
// prevent_destroy, and says how.
func TestAccPending_preventDestroy(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL("lifecycle {\n    prevent_destroy = true\n  }"))
	s.Inject(lostResponse)
	down := broken(titanxsim.CallList)
	down.After = 2
	s.Inject(down)
	c.mustFail([]string{"apply", "-auto-approve"}, "uncertain")
	s.ClearFaults()
	c.mustFail([]string{"apply", "-auto-approve"}, "is pending", "prevent_destroy is set, set it to false")
	c.must("untaint", "titanx_webhook.test")
	c.mustFail([]string{"apply", "-auto-approve"}, "is pending", "prevent_destroy is set, set it to false")
	c.write("main.tf", strings.Replace(c.read("main.tf"), "prevent_destroy = true", "prevent_destroy = false", 1))
	c.must("apply", "-auto-approve")
	c.noChanges()
	c.mustAgree(s)
}

// TestAccTaint_messages taints a webhook, and plans without a refresh or
// with another name: no message says that both webhooks stay, or that
// secret_wo is of use.
func TestAccTaint_messages(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, strings.Replace(webhookHCL(""), `"test"`+"\n  url", "var.name\n  url", 1)+"variable \"name\" { default = \"test\" }\n")
	c.must("apply", "-auto-approve")
	c.must("taint", "titanx_webhook.test")
	for _, args := range [][]string{{"plan", "-refresh=false"}, {"plan", "-var=name=renamed"}, {"plan"}} {
		out := c.must(args...)
		c.mustSay(out, "1 to add, 0 to change, 1 to destroy")
		if strings.Contains(out, "exists already") && !strings.Contains(strings.Join(strings.Fields(out), " "), "Unless it is tainted") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
}
