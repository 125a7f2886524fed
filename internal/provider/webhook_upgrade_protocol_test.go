// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// States of earlier releases (server.go, webhook_unchanged.go).

package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// firstState is a webhook's state as the first schema (version 0) wrote it. It
// is never changed: every later version must read it.
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
		CreatedAt: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC),
	})
}

// firstPrivate is the private state of firstState: the mark of a key alone, and
// imported as a value.
const firstPrivate = `{"seen_by":{"salt":"AAAAAAAAAAAAAAAAAAAAAA==","hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"imported":false}`

// privateState encodes values as the framework keeps them.
func privateState(t *testing.T, values string) []byte {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(values), &raw); err != nil {
		t.Fatal(err)
	}
	private := map[string][]byte{}
	for key, value := range raw {
		private[key] = value
	}
	text, err := json.Marshal(private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestUpgrade_firstState_protocol goes from the first schema's state, which has
// no identity, to a plan without a change.
func TestUpgrade_firstState_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putFirst()
	p := s.protocol(nil)
	i := p.upgrade(0, firstState)
	i.private = privateState(t, firstPrivate)
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
	if want := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC).Unix(); i.secretVersion(t) != want {
		t.Errorf("secret_version = %d after a refresh, want created_at, %d", i.secretVersion(t), want)
	}
	var mark string
	if err := json.Unmarshal(privateValues(i.private)[seenByKey], &mark); err != nil {
		t.Errorf("the refresh has not written a new mark: %v", err)
	}
	untriggered := p.upgrade(0, strings.Replace(firstState, `{"year": "2026"}`, "null", 1))
	untriggered.private = privateState(t, firstPrivate)
	if c := p.plan(untriggered, testWebhook(object{"rotation_triggers": map[string]string{"year": "2026"}, "rotate_after": "2160h"})); !slices.Equal(c.replace, []string{"rotation_triggers"}) {
		t.Errorf("imported = false: the first triggers replace for %v", c.replace)
	}
	c := p.plan(i, testWebhook(object{
		"rotation_triggers": map[string]string{"year": "2026"}, "rotate_after": "100000h",
	}))
	p.mustSucceed(c.diags)
	if len(c.replace) != 0 || len(s.writes()) != 0 {
		t.Errorf("planned a replacement for %v", c.replace)
	}
}

// releasedState is a webhook as a released version of the provider kept it.
type releasedState struct {
	SchemaVersion int64           `json:"schema_version"`
	Config        object          `json:"config"`
	State         json.RawMessage `json:"state"`
}

// releasedStates reads the states of testdata/states by version. The file of a
// released version is never changed.
func releasedStates(t *testing.T) map[string][]releasedState {
	t.Helper()
	files, err := filepath.Glob("testdata/states/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no states: %v", err)
	}
	versions := map[string][]releasedState{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var states []releasedState
		if err := json.Unmarshal(text, &states); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, state := range states {
			for name, value := range state.Config {
				if elements, ok := value.(map[string]any); ok {
					texts := map[string]string{}
					for key, element := range elements {
						texts[key] = element.(string)
					}
					state.Config[name] = texts
				}
			}
		}
		versions[strings.TrimSuffix(filepath.Base(file), ".json")] = states
	}
	return versions
}

// TestUpgrade_releasedStates_protocol goes from every state of every version to
// a refresh and a plan that change nothing but attributes that are new since.
func TestUpgrade_releasedStates_protocol(t *testing.T) {
	t.Parallel()
	for version, states := range releasedStates(t) {
		for n, released := range states {
			t.Run(fmt.Sprintf("%s state %d", version, n+1), func(t *testing.T) {
				t.Parallel()
				var kept map[string]any
				if err := json.Unmarshal(released.State, &kept); err != nil {
					t.Fatal(err)
				}
				s := simulate(t, titanxsim.Config{})
				created, err := time.Parse(time.RFC3339, kept["created_at"].(string))
				if err != nil {
					t.Fatal(err)
				}
				hook := titanxsim.Webhook{
					ID: kept["id"].(string), Name: kept["name"].(string), URL: kept["url"].(string), Status: kept["status"].(string), CreatedAt: created,
				}
				for _, event := range kept["event_types"].([]any) {
					hook.EventTypes = append(hook.EventTypes, event.(string))
				}
				s.Put(simUser, hook)

				p := s.protocol(nil)
				upgraded := p.upgrade(released.SchemaVersion, string(released.State))
				read, diags := p.read(upgraded)
				p.mustSucceed(diags)
				if !read.value.Equal(upgraded.value) {
					t.Errorf("the refresh changes the state:\n%v\n%v", upgraded.value, read.value)
				}
				c := p.plan(read, released.Config)
				p.mustSucceed(c.diags)
				if !c.noChange() || len(s.writes()) != 0 {
					t.Errorf("planned %v, replacing for %q, after %v", c.planned.value, c.replace, read.value)
				}
				for _, attribute := range []string{"secret", "encrypted_secret", "secret_status"} {
					want, _ := kept[attribute].(string)
					if got := c.planned.text(t, attribute); got != want {
						t.Errorf("%s = %q, want %q", attribute, got, want)
					}
				}
			})
		}
	}
}

// TestUpgrade_releasedStatesComplete keeps the states of the version to be
// released next, the topmost of the change log, in step with the schema: they
// have every attribute, and each is set in at least one.
func TestUpgrade_releasedStatesComplete(t *testing.T) {
	t.Parallel()
	changes, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	version, _, _ := strings.Cut(strings.TrimPrefix(string(changes), "## "), " ")
	states := releasedStates(t)[version]
	if len(states) == 0 {
		t.Fatalf("testdata/states has no %s.json: copy that of the version before", version)
	}
	attributes := map[string]bool{} // whether any state sets it
	for _, a := range simulate(t, titanxsim.Config{}).protocol(nil).webhookSchema().Block.Attributes {
		attributes[a.Name] = a.WriteOnly // which no state has
	}
	for n, state := range states {
		var kept map[string]any
		if err := json.Unmarshal(state.State, &kept); err != nil {
			t.Fatal(err)
		}
		for name := range attributes {
			value, ok := kept[name]
			if !ok {
				t.Errorf("state %d of %s has no %q", n+1, version, name)
			}
			attributes[name] = attributes[name] || value != nil
		}
		for name := range kept {
			if _, ok := attributes[name]; !ok {
				t.Errorf("state %d of %s has %q, which the schema has not", n+1, version, name)
			}
		}
	}
	for name, set := range attributes {
		if !set {
			t.Errorf("%s is null in all states of %s", name, version)
		}
	}
}

// TestUpgrade_otherVersions_protocol reads a state that lacks attributes, as
// one from before they were added, and one that has another, as one from before
// it was removed.
func TestUpgrade_otherVersions_protocol(t *testing.T) {
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

func TestUpgrade_schemaVersions_protocol(t *testing.T) {
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
