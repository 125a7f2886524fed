// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// delivering is a webhook whose creation triggers a test delivery to a receiver, with a secret from an expression.
func (s *simulation) delivering(to fmt.Stringer, secret, arguments string) string {
	return s.hcl(fmt.Sprintf(`
resource "titanx_webhook" "test" {
  name        = "test"
  url         = %q
  event_types = ["job.contact.scored"]
  %s
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.titanx_test_delivery.test]
    }
  }
}
action "titanx_test_delivery" "test" {
  config {
    url    = titanx_webhook.test.url
    secret = %s
  }
}
`, to.String(), arguments, secret))
}

const plainSecret = "titanx_webhook.test.secret"

func TestAccTestDelivery(t *testing.T) {
	t.Parallel()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ secret, arguments, more string }{
		"plain": {plainSecret, "", ""},
		"encrypted": {
			"ephemeral.titanx_webhook_secret.test.secret",
			fmt.Sprintf("secret_recipients = [%q]", identity.Recipient()),
			fmt.Sprintf("ephemeral \"titanx_webhook_secret\" \"test\" {\n  encrypted_secret = titanx_webhook.test.encrypted_secret\n  identity = %q\n}\n", identity),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			var valid, invalid atomic.Int64
			to := s.receiver(true, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || !signature.Verify(s.only().Secret, body, r.Header.Get(signature.Header)) {
					invalid.Add(1)
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				valid.Add(1)
			})
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
				Steps: []resource.TestStep{{
					Config: s.delivering(to, tc.secret, tc.arguments) + tc.more,
					Check: func(state *terraform.State) error {
						if valid.Load() != 1 || invalid.Load() != 0 {
							return fmt.Errorf("%d valid and %d invalid deliveries, want one valid", valid.Load(), invalid.Load())
						}
						if stored := strings.Contains(state.String(), s.only().Secret); stored != (tc.secret == plainSecret) {
							return fmt.Errorf("the secret is in the state: %v", stored)
						}
						return s.wrote(titanxsim.CallCreate)(nil)
					},
				}},
			})
		})
	}
}

func TestAccTestDelivery_failures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trusted bool
		handle  http.HandlerFunc
		want    string
	}{
		"401": {true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, `Receiver refuses the signature`},
		"slow": {true, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the server notices a caller that leaves once the body is read
			<-r.Context().Done()
		}, `Receiver too slow`},
		"certificate": {false, func(http.ResponseWriter, *http.Request) { t.Error("delivered without trust") }, `Certificate of the receiver not trusted`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			to := s.receiver(tc.trusted, tc.handle)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
				Steps:                    []resource.TestStep{{Config: s.delivering(to, plainSecret, ""), ExpectError: regexp.MustCompile(tc.want)}},
			})
		})
	}
}
