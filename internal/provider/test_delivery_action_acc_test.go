// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// delivering returns a webhook, and a test delivery of its secret that another
// resource triggers.
func (s *simulation) delivering(to fmt.Stringer, secret, arguments string) string {
	return s.hcl(deliveryHCL(to, secret, arguments) + triggeringResource)
}

const (
	trigger = `
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.titanx_test_delivery.test]
    }
  }
`
	triggeringResource = "resource \"terraform_data\" \"test\" {\n  input = titanx_webhook.test.id\n" + trigger + "}\n"
)

func deliveryHCL(to fmt.Stringer, secret, arguments string) string {
	return fmt.Sprintf(`
resource "titanx_webhook" "test" {
  name        = "test"
  url         = %q
  event_types = ["job.contact.scored"]
  %s
}
action "titanx_test_delivery" "test" {
  config {
    url    = titanx_webhook.test.url
    secret = %s
  }
}
`, to.String(), arguments, secret)
}

const (
	plainSecret     = "titanx_webhook.test.secret"
	decryptedSecret = "ephemeral.titanx_webhook_secret.test.secret"
)

// decrypting returns an ephemeral resource for the secret of the webhook, and
// the argument that encrypts the secret.
func decrypting(t *testing.T) (arguments, ephemeral string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("secret_recipients = [%q]", identity.Recipient()),
		fmt.Sprintf("ephemeral \"titanx_webhook_secret\" \"test\" {\n  encrypted_secret = titanx_webhook.test.encrypted_secret\n  identity = %q\n}\n", identity)
}

// verifyingReceiver returns a receiver that verifies with the secret of the
// only webhook, and counts what it takes.
func (s *simulation) verifyingReceiver() (to *url.URL, taken *atomic.Int64) {
	s.t.Helper()
	taken = new(atomic.Int64)
	return s.receiver(true, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !signature.Verify(s.only().Secret, body, r.Header.Get(signature.Header)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		taken.Add(1)
	}), taken
}

func TestAccTestDelivery(t *testing.T) {
	t.Parallel()
	recipients, ephemeral := decrypting(t)
	for name, tc := range map[string]struct{ secret, arguments, more string }{
		"plain":     {plainSecret, "", ""},
		"encrypted": {decryptedSecret, recipients, ephemeral},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			to, taken := s.verifyingReceiver()
			needs(t, cli.Actions)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				Steps: []resource.TestStep{{
					Config: s.delivering(to, tc.secret, tc.arguments) + tc.more,
					Check: func(state *terraform.State) error {
						if taken.Load() != 1 {
							return fmt.Errorf("%d deliveries were taken, want one", taken.Load())
						}
						if stored := strings.Contains(state.String(), s.only().Secret); stored != (tc.secret == plainSecret) {
							return fmt.Errorf("the secret is in the state: %v", stored)
						}
						return s.wrote(titanxsim.CallCreate, titanxsim.CallSetStatus)(nil)
					},
				}},
			})
		})
	}
}

// TestAccTestDelivery_planFile checks which secrets a saved plan has. Where a
// Terraform removes the plain one too, the action's page and DESIGN.md can say
// so.
func TestAccTestDelivery_planFile(t *testing.T) {
	t.Parallel()
	recipients, ephemeral := decrypting(t)
	for name, tc := range map[string]struct {
		secret, arguments, more string
		want                    bool
	}{
		"ephemeral": {decryptedSecret, recipients, ephemeral, false},
		"plain":     {plainSecret, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			to := &url.URL{Scheme: "https", Host: "hooks.example.com"}
			c := newCLI(t, s, deliveryHCL(to, tc.secret, tc.arguments)+triggeringResource+tc.more)
			needs(t, cli.Actions)
			c.must("apply", "-auto-approve", "-target=titanx_webhook.test")
			c.must("plan", "-out=saved.tfplan")
			// The state in the file has the plain secret, too: look at the
			// changes alone.
			if got := strings.Contains(c.readPlan("saved.tfplan", "tfplan"), s.only().Secret); got != tc.want {
				t.Errorf("the secret is in the planned changes: %v, want %v", got, tc.want)
			}
			if got := strings.Contains(c.readPlan("saved.tfplan"), s.only().Secret); got != tc.want {
				t.Errorf("the secret is in the plan file: %v, want %v", got, tc.want)
			}
		})
	}
}

// TestAccTestDelivery_versions checks what the action's page says of each
// Terraform version.
func TestAccTestDelivery_versions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SSL_CERT_FILE, with which the provider trusts the receiver, has no effect on " + runtime.GOOS)
	}
	recipients, ephemeral := decrypting(t)
	for name, tc := range map[string]struct {
		secret, arguments, more string
		invoke                  bool   // after the apply
		since16                 string // what Terraform 1.16 says; "" if it delivers
	}{
		"trigger on the webhook, plain secret":     {plainSecret, trigger, "", false, ""},
		"trigger on the webhook, ephemeral secret": {decryptedSecret, recipients + trigger, ephemeral, false, "action reference cycle"},
		"invoke, plain secret":                     {plainSecret, "", triggeringResource, true, ""},
		"invoke, ephemeral secret":                 {decryptedSecret, recipients, triggeringResource + ephemeral, true, "No signing secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			to, taken := s.verifyingReceiver()
			c := newCLI(t, s, deliveryHCL(to, tc.secret, tc.arguments)+tc.more)
			needs(t, cli.Actions)
			c.write("receiver.pem", receiverCertificate(t))
			c.env = append(c.env, "SSL_CERT_FILE="+filepath.Join(c.dir, "receiver.pem"))
			want, args := int64(1), []string{"apply", "-auto-approve"}
			if tc.invoke {
				c.must(args...)
				want, args = 2, append(args, "-invoke=action.titanx_test_delivery.test")
			}
			out, code := c.run(args...)
			if c.Minor >= 16 && tc.since16 != "" {
				c.mustSay(out, tc.since16)
				want--
			} else if code != 0 {
				t.Errorf("ended with %d:\n%s", code, out)
			}
			if taken.Load() != want {
				t.Errorf("%d deliveries were taken, want %d", taken.Load(), want)
			}
		})
	}
}

// receiverCertificate returns the certificate of every receiver, in PEM.
func receiverCertificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil) // all have one certificate
	defer server.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
}

func TestAccTestDelivery_failures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		trusted bool
		handle  http.HandlerFunc
		want    string
	}{
		"401":            {true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, `Receiver refuses the signature`},
		"checks nothing": {true, func(http.ResponseWriter, *http.Request) {}, `Receiver does not verify the signature`},
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
			needs(t, cli.Actions)
			resource.Test(t, resource.TestCase{
				ProtoV6ProviderFactories: s.factories(),
				Steps:                    []resource.TestStep{{Config: s.delivering(to, plainSecret, ""), ExpectError: regexp.MustCompile(tc.want)}},
			})
		})
	}
}
