// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"os"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestProvider_descriptions_protocol looks for what the documentation would
// show without a word.
func TestProvider_descriptions_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	described := 0
	check := func(where, description string) {
		described++
		if description == "" {
			t.Errorf("%s has no description", where)
		}
	}
	schema := func(where string, s *tfprotov6.Schema) {
		check(where, s.Block.Description)
		eachAttribute(where, s.Block, func(where string, a *tfprotov6.SchemaAttribute) { check(where, a.Description) })
	}
	schema("provider", p.schemas.Provider)
	for kind, schemas := range map[string]map[string]*tfprotov6.Schema{
		"resource": p.schemas.ResourceSchemas, "data source": p.schemas.DataSourceSchemas,
		"ephemeral resource": p.schemas.EphemeralResourceSchemas, "list resource": p.schemas.ListResourceSchemas,
	} {
		if len(schemas) == 0 {
			t.Errorf("the provider has no %s", kind)
		}
		for name, s := range schemas {
			schema(kind+" "+name, s)
		}
	}
	for name, action := range p.schemas.ActionSchemas {
		schema("action "+name, action.Schema)
	}
	for name, function := range p.schemas.Functions {
		check("function "+name, function.Description)
		check("summary of "+name, function.Summary)
		for _, parameter := range function.Parameters {
			check(name+"."+parameter.Name, parameter.Description)
		}
	}
	identities, err := p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, attribute := range identities.IdentitySchemas[webhookType].IdentityAttributes {
		check("identity "+attribute.Name, attribute.Description)
	}
	if described < 50 {
		t.Errorf("only %d descriptions looked at", described)
	}
}

// eachAttribute visits the attributes of a block, the nested ones too.
func eachAttribute(where string, block *tfprotov6.SchemaBlock, visit func(where string, a *tfprotov6.SchemaAttribute)) {
	var walk func(string, []*tfprotov6.SchemaAttribute)
	walk = func(where string, attributes []*tfprotov6.SchemaAttribute) {
		for _, a := range attributes {
			visit(where+"."+a.Name, a)
			if a.NestedType != nil {
				walk(where+"."+a.Name, a.NestedType.Attributes)
			}
		}
	}
	walk(where, block.Attributes)
	for _, nested := range block.BlockTypes {
		eachAttribute(where+"."+nested.TypeName, nested.Block, visit)
	}
}

// TestProvider_oldCLI_protocol lives a webhook's life as Terraform 1.0 speaks
// to a provider: without identity, capabilities, deferral, and without asking
// for what came later.
func TestProvider_oldCLI_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	configured, err := p.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.0.0", Config: p.dynamic(p.schemas.Provider, object{"api_key": s.apiKey, "base_url": s.baseURL}),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.mustSucceed(configured.Diagnostics)
	forget := func(i instance, diags []*tfprotov6.Diagnostic) instance {
		t.Helper()
		p.mustSucceed(diags)
		i.identity = nil
		return i
	}
	apply := func(prior instance, config object) instance {
		t.Helper()
		c := p.plan(prior, config)
		p.mustSucceed(c.diags)
		c.planned.identity = nil
		return forget(p.apply(c))
	}

	made := apply(instance{}, testWebhook(nil))
	secret := made.text(t, "secret")
	if secret == "" || secret != s.only().Secret {
		t.Error("the new webhook's state does not hold its secret")
	}
	upgraded, err := p.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"id":"` + made.text(t, "id") + `"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.mustSucceed(upgraded.Diagnostics)
	read := forget(p.read(made))
	if c := p.plan(read, testWebhook(nil)); !c.noChange() {
		t.Errorf("the plan after a refresh is not empty: it replaces because of %q", c.replace)
	}
	inactive := apply(read, testWebhook(object{"status": "inactive"}))
	if got := s.only(); got.Status != "inactive" || inactive.text(t, "secret") != secret {
		t.Errorf("after an update the webhook is %s, and the secret kept: %t", got.Status, inactive.text(t, "secret") == secret)
	}
	imported := forget(p.importByID(made.text(t, "id")))
	if got := forget(p.read(imported)); got.text(t, "name") != "test" {
		t.Error("an imported webhook has no name")
	}
	if gone := apply(inactive, nil); gone.exists() || len(s.Webhooks(simUser)) != 0 {
		t.Error("the webhook still exists")
	}
}

// TestProvider_oldCLISchema checks that what every Terraform can use needs
// nothing that came later. A write-only argument (1.11) would be an ordinary
// one to an older CLI, and go into its state.
func TestProvider_oldCLISchema(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	for _, schemas := range []map[string]*tfprotov6.Schema{p.schemas.ResourceSchemas, p.schemas.DataSourceSchemas} {
		for name, schema := range schemas {
			eachAttribute(name, schema.Block, func(where string, a *tfprotov6.SchemaAttribute) {
				if a.WriteOnly && where != "titanx_webhook.secret_wo" {
					t.Errorf("%s is write-only", where)
				}
			})
		}
	}
}

// TestProvider_missingKey_protocol checks that everything that needs the API
// names both ways to set the key, and that nothing else asks for it.
func TestProvider_missingKey_protocol(t *testing.T) {
	t.Parallel()
	if os.Getenv(apiKeyVariable) != "" {
		t.Skip(apiKeyVariable + " is set")
	}
	s := simulate(t, titanxsim.Config{})
	webhook := s.protocol(nil).create(testWebhook(nil))
	s.ResetRequests()
	p := s.protocol(object{"api_key": nil})
	missing := func(what string, diags []*tfprotov6.Diagnostic, want int) {
		t.Helper()
		if len(diags) != want || want > 0 && (!has(diags, isError, "", "api_key argument") || !has(diags, isError, "", apiKeyVariable)) {
			t.Errorf("%s: %v, want %d errors", what, summaries(diags), want)
		}
	}
	read, diags := p.read(webhook)
	missing("read", diags, 1)
	if !read.value.Equal(webhook.value) {
		t.Error("the read changed the state")
	}
	_, diags = p.read(webhook)
	missing("second read", diags, 0)
	missing("plan after a read", p.plan(instance{}, testWebhook(nil)).diags, 0)
	p = s.protocol(object{"api_key": nil})
	missing("plan of a new webhook", p.plan(instance{}, testWebhook(nil)).diags, 1)
	change := p.plan(webhook, testWebhook(object{"status": "inactive"}))
	missing("plan of a change", change.diags, 0)
	_, diags = p.apply(change)
	missing("change", diags, 1)
	_, diags = p.apply(p.plan(webhook, nil))
	missing("delete", diags, 1)
	if got := len(s.Requests()); got != 0 {
		t.Errorf("%d requests", got)
	}
	if p.sign("CANARY-secret", "{}") == "" {
		t.Error("the function needs a key")
	}
	key := newAgeKey()
	if secret, diags := p.openSecret(object{"encrypted_secret": encryptFor(t, "CANARY-secret", key), "identity": key.identity}); secret != "CANARY-secret" {
		t.Errorf("the ephemeral resource needs a key: %v", summaries(diags))
	}
}

// TestProvider_oldCLIWriteOnly lets a CLI before 1.11 validate secret_wo while
// it is not known, and rejects a value, and one that the plan does not know.
func TestProvider_oldCLIWriteOnly(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	p.old = true
	for value, rejected := range map[any]bool{nil: false, unknown: false, heldSecret: true} {
		if diags := p.validate(testWebhook(object{"secret_wo": value})); hasError(diags) != rejected || rejected && !has(diags, isError, "secret_wo", "Terraform 1.11") {
			t.Errorf("%v: %v", value, summaries(diags))
		}
	}
	lost := p.imported(s)
	for value, rejected := range map[any]bool{nil: false, unknown: true} {
		diags := p.plan(lost, testWebhook(object{"secret_wo": value, "on_lost_secret": "keep"})).diags
		if hasError(diags) != rejected || rejected && !has(diags, isError, "secret_wo", "Terraform 1.11") {
			t.Errorf("plan with %v: %v", value, summaries(diags))
		}
	}
	p.old = false
	if diags := p.validate(testWebhook(object{"secret_wo": heldSecret})); len(diags) != 0 {
		t.Errorf("on a new CLI: %v", summaries(diags))
	}
}
