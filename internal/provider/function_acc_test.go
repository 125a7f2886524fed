// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// All provider functions, called by a CLI.

package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccVerifySignatureBase64 verifies a body with a decomposed character,
// which the CLI composes in a text.
func TestAccVerifySignatureBase64(t *testing.T) {
	t.Parallel()
	needs(t, cli.Functions)
	const body = "{\"firstName\":\"Zoe\u0308\"}"
	c := newCLI(t, simulate(t, titanxsim.Config{}), `
variable "signature" { type = string }
output "text" { value = provider::titanx::verify_signature("CANARY-secret", file("body.json"), var.signature) }
output "bytes" { value = provider::titanx::verify_signature_base64("CANARY-secret", filebase64("body.json"), var.signature) }
`)
	c.write("body.json", body)
	c.must("apply", "-auto-approve", "-var=signature="+signature.Sign("CANARY-secret", []byte(body)))
	if text, bytes := c.must("output", "-raw", "text"), c.must("output", "-raw", "bytes"); text != "false" || bytes != "true" {
		t.Errorf("as text: %s, as bytes: %s", text, bytes)
	}
}

func TestAccFunctions(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	needs(t, cli.Functions)
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories(),
		Steps: []resource.TestStep{{
			Config: s.webhook("") + `
locals {
  body = jsonencode({ eventType = "job.contact.scored", id = "1" })
  own  = provider::titanx::sign_payload(titanx_webhook.test.secret, local.body)
}
output "valid" {
  value = nonsensitive(provider::titanx::verify_signature(titanx_webhook.test.secret, local.body, local.own))
}
output "tampered" {
  value = nonsensitive(provider::titanx::verify_signature(titanx_webhook.test.secret, "${local.body} ", local.own))
}
output "known" {
  value = provider::titanx::sign_payload("key", "The quick brown fox jumps over the lazy dog")
}
`,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownOutputValue("valid", knownvalue.Bool(true)),
				statecheck.ExpectKnownOutputValue("tampered", knownvalue.Bool(false)),
				// The HMAC-SHA256 that Wikipedia's article on HMAC, in base64.
				statecheck.ExpectKnownOutputValue("known", knownvalue.StringExact("97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg=")),
			},
		}},
	})
}
