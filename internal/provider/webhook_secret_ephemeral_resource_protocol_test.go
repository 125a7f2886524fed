// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const webhookSecretType = "titanx_webhook_secret"

// openSecret opens the ephemeral resource, and returns its secret.
func (p *protocolServer) openSecret(config object) (string, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	schema := p.schemas.EphemeralResourceSchemas[webhookSecretType]
	resp, err := p.OpenEphemeralResource(context.Background(), &tfprotov6.OpenEphemeralResourceRequest{
		TypeName: webhookSecretType, Config: p.dynamic(schema, config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.Result == nil {
		return "", resp.Diagnostics
	}
	return instance{value: p.decode(schema, resp.Result)}.text(p.t, "secret"), resp.Diagnostics
}

func TestWebhookSecret_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	key := newAgeKey()
	edwards, rivest, _, _ := newSSHKeys(t)
	webhook := p.create(testWebhook(object{"secret_recipients": []string{key.recipient, edwards.recipient, rivest.recipient}}))
	encrypted := webhook.text(t, "encrypted_secret")
	for name, identity := range map[string]string{"age": key.identity, "ed25519": edwards.identity, "rsa": rivest.identity} {
		secret, diags := p.openSecret(object{"encrypted_secret": encrypted, "identity": identity})
		p.mustSucceed(diags)
		if secret != s.only().Secret {
			t.Errorf("%s: the secret is not the server's", name)
		}
	}
	if secret, diags := p.openSecret(object{"encrypted_secret": encrypted, "identity": newAgeKey().identity}); secret != "" || !has(diags, isError, "encrypted_secret", "matches none") {
		t.Errorf("wrong identity: %v", summaries(diags))
	}
	valid, err := p.ValidateEphemeralResourceConfig(t.Context(), &tfprotov6.ValidateEphemeralResourceConfigRequest{
		TypeName: webhookSecretType, Config: p.dynamic(p.schemas.EphemeralResourceSchemas[webhookSecretType], object{"identity": key.identity}),
	})
	if err != nil || len(valid.Diagnostics) != 1 || !has(valid.Diagnostics, isError, "encrypted_secret", "secret_recipients is not set") {
		t.Errorf("null: %v, %v", err, summaries(valid.Diagnostics))
	}
	if secret, diags := p.openSecret(object{"encrypted_secret": encrypted, "identity": "CANARY"}); secret != "" || !has(diags, isError, "identity", "not an age identity") {
		t.Errorf("no identity: %v", summaries(diags))
	}
}
