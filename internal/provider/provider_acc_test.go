// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// withoutKey removes the API key from the environment of the CLI.
func (c *folder) withoutKey() {
	for i, variable := range c.env {
		if strings.HasPrefix(variable, apiKeyVariable+"=") {
			c.env = append(c.env[:i:i], c.env[i+1:]...)
			return
		}
	}
}

// TestAccProvider_withoutKey applies what does not need the API.
func TestAccProvider_withoutKey(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.Put(simUser, titanxsim.Webhook{Secret: "CANARY-secret"})
	to, taken := s.verifyingReceiver()
	for name, tc := range map[string]struct {
		feature cli.Feature
		config  string
	}{
		"functions": {cli.Functions, `output "test" { value = provider::titanx::sign_payload("CANARY-secret", "{}") }`},
		"ephemeral resource": {cli.EphemeralResources, fmt.Sprintf("ephemeral \"titanx_webhook_secret\" \"test\" {\n  encrypted_secret = <<-EOT\n%sEOT\n  identity = %q\n}\n",
			encryptFor(t, "CANARY-secret", keyA), keyA.identity)},
		"action": {cli.Actions, fmt.Sprintf("resource \"terraform_data\" \"test\" {%s}\n%s", trigger,
			fmt.Sprintf("action \"titanx_test_delivery\" \"test\" {\n  config {\n    url    = %q\n    secret = \"CANARY-secret\"\n  }\n}\n", to))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, tc.feature)
			c := newCLI(t, s, tc.config)
			c.withoutKey()
			if name == "action" {
				if runtime.GOOS != "linux" {
					t.Skip("SSL_CERT_FILE has no effect on " + runtime.GOOS)
				}
				c.write("receiver.pem", receiverCertificate(t))
				c.env = append(c.env, "SSL_CERT_FILE="+filepath.Join(c.dir, "receiver.pem"))
			}
			c.must("apply", "-auto-approve")
			if name == "action" && taken.Load() != 1 {
				t.Errorf("%d deliveries were taken, want 1", taken.Load())
			}
		})
	}
}

// TestAccProvider_missingKey plans new and existing webhooks.
func TestAccProvider_missingKey(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, strings.Replace(webhookHCL("count = 3"), `"https://hooks.example.com/titanx"`, `"https://hooks.example.com/${count.index}"`, 1))
	key := c.env
	for _, when := range []string{"new webhooks", "existing webhooks"} {
		c.withoutKey()
		out, code := c.run("plan")
		if n := strings.Count(c.mustSay(out, "Missing TitanX API key", "provider's api_key argument", apiKeyVariable), "Missing TitanX API key"); n != 1 || code != 1 {
			t.Errorf("%s: ended with %d and %d errors, want one:\n%s", when, code, n, out)
		}
		c.env = key
		c.must("apply", "-auto-approve")
	}
}
