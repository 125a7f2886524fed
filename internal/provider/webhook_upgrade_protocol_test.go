// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// firstState is a webhook's state as the first schema (version 0) wrote it. It is never changed: every later version must read it.
const firstState = `{
  "id": "b4e6a5ac-6f9c-4a34-8f1e-0f8a1c5a7f10",
  "name": "test",
  "url": "https://hooks.example.com/titanx",
  "event_types": ["job.contact.scored"],
  "status": "active",
  "on_lost_secret": "replace",
  "secret": "CANARY-secret",
  "secret_status": "known",
  "secret_recipients": null,
  "encrypted_secret": null,
  "rotation_triggers": {"year": "2026"},
  "rotate_after": "2160h",
  "created_at": "2026-11-20T10:00:00Z",
  "updated_at": "2026-11-20T10:00:00Z",
  "timeouts": {"create": "5m", "read": null, "update": null, "delete": null}
}`

func (p *protocolServer) upgrade(version int64, state string) instance {
	p.t.Helper()
	resp, err := p.UpgradeResourceState(p.t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: webhookType, Version: version, RawState: &tfprotov6.RawState{JSON: []byte(state)},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.mustSucceed(resp.Diagnostics)
	return instance{value: p.decode(p.webhookSchema(), resp.UpgradedState)}
}

func (s *simulation) putFirst() {
	s.Put(simUser, titanxsim.Webhook{
		ID: "b4e6a5ac-6f9c-4a34-8f1e-0f8a1c5a7f10", Name: "test", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"},
	})
}

// TestFirstState_protocol goes from the first schema's state, which has neither identity nor private data, to a plan without a
// change.
func TestFirstState_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putFirst()
	p := s.protocol(nil)
	i := p.upgrade(0, firstState)
	for attribute, want := range map[string]string{
		"id": "b4e6a5ac-6f9c-4a34-8f1e-0f8a1c5a7f10", "name": "test", "secret": "CANARY-secret", "secret_status": "known", "rotate_after": "2160h",
		"created_at": "2026-11-20T10:00:00Z", "encrypted_secret": "", "on_lost_secret": "replace",
	} {
		if got := i.text(t, attribute); got != want {
			t.Errorf("%s = %q, want %q", attribute, got, want)
		}
	}
	i, diags := p.read(i)
	p.mustSucceed(diags)
	if id := p.identityOf(i.identity); id != "b4e6a5ac-6f9c-4a34-8f1e-0f8a1c5a7f10" {
		t.Errorf("identity %q after a refresh of a state without one", id)
	}
	if i.text(t, "secret") != "CANARY-secret" {
		t.Error("the refresh has changed the secret")
	}
	c := p.plan(i, testWebhook(object{
		"rotation_triggers": map[string]string{"year": "2026"}, "rotate_after": "100000h",
	}))
	p.mustSucceed(c.diags)
	if len(c.replace) != 0 || len(s.writes()) != 0 {
		t.Errorf("planned a replacement for %v", c.replace)
	}
}

// TestStateOfOtherVersions_protocol reads a state that lacks attributes, as one from before they were added, and one that has
// another, as one from before it was removed.
func TestStateOfOtherVersions_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	for name, state := range map[string]string{
		"less": `{"id": "1", "name": "test", "secret": "CANARY-secret"}`,
		"more": strings.Replace(firstState, `"id"`, `"removed": {"deep": [1]}, "id"`, 1),
	} {
		if got := p.upgrade(0, state).text(t, "secret"); got != "CANARY-secret" {
			t.Errorf("%s: the secret became %q", name, got)
		}
	}
}

func TestSchemaVersions_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	if v := p.webhookSchema().Version; v != 0 {
		t.Errorf("the schema has version %d: add an upgrade from 0, and its test", v)
	}
	schemas, err := p.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if v := schemas.IdentitySchemas[webhookType].Version; v != 0 {
		t.Errorf("the identity has version %d: add an upgrade from 0, and its test", v)
	}
}

func TestImportByIdentity_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putFirst()
	p := s.protocol(nil)
	id := s.only().ID
	data, err := tfprotov6.NewDynamicValue(identityType, tftypes.NewValue(identityType, map[string]tftypes.Value{"id": tftypes.NewValue(tftypes.String, id)}))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{
		TypeName: webhookType, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &data},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.mustSucceed(resp.Diagnostics)
	byIdentity := instance{value: p.decode(p.webhookSchema(), resp.ImportedResources[0].State)}
	byID, diags := p.importByID(id)
	p.mustSucceed(diags)
	if got := byIdentity.text(t, "id"); got != id || !byIdentity.value.Equal(byID.value) {
		t.Errorf("imported %v by identity, %v by id", byIdentity.value, byID.value)
	}
}
