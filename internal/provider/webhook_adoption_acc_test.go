// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Adopting a secret: secret_wo and secret_wo_version (webhook_secret.go).

package provider

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

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
