// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"

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
