// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// Every test that speaks to a protocolServer has what unchangedWebhooks answers
// answered by the framework as well, and fails where the two differ.

func (p *protocolServer) UpgradeResourceState(ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	short := p.server.unchanged.upgrade(req)
	if short == nil {
		return p.server.UpgradeResourceState(ctx, req)
	}
	long, err := p.frameworkServer.UpgradeResourceState(ctx, req)
	if err == nil {
		p.mustAnswerAlike("upgrade", answer{state: short.UpgradedState}, answer{state: long.UpgradedState, diagnostics: long.Diagnostics})
	}
	return short, err
}

func (p *protocolServer) ReadResource(ctx context.Context, req *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	short := p.server.unchanged.read(req)
	if short == nil {
		return p.server.ReadResource(ctx, req)
	}
	long, err := p.frameworkServer.ReadResource(ctx, req)
	if err == nil {
		p.mustAnswerAlike("read", answer{short.NewState, short.Private, short.NewIdentity, nil, short.Diagnostics}, answer{long.NewState, long.Private, long.NewIdentity, nil, long.Diagnostics})
	}
	return short, err
}

func (p *protocolServer) PlanResourceChange(ctx context.Context, req *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	short := p.server.unchanged.plan(req)
	if short == nil {
		return p.server.PlanResourceChange(ctx, req)
	}
	long, err := p.frameworkServer.PlanResourceChange(ctx, req)
	if err == nil {
		p.mustAnswerAlike("plan", answer{short.PlannedState, short.PlannedPrivate, short.PlannedIdentity, short.RequiresReplace, short.Diagnostics},
			answer{long.PlannedState, long.PlannedPrivate, long.PlannedIdentity, long.RequiresReplace, long.Diagnostics})
	}
	return short, err
}

// answer is what the calls that change nothing have in common.
type answer struct {
	state       *tfprotov6.DynamicValue
	private     []byte
	identity    *tfprotov6.ResourceIdentityData
	replace     []*tftypes.AttributePath
	diagnostics []*tfprotov6.Diagnostic
}

func (p *protocolServer) mustAnswerAlike(call string, short, long answer) {
	p.t.Helper()
	typ := p.webhookSchema().ValueType()
	ours, err := short.state.Unmarshal(typ)
	theirs, err2 := long.state.Unmarshal(typ)
	if err := errors.Join(err, err2); err != nil {
		p.t.Error(err)
		return
	}
	if diff, err := theirs.Diff(ours); len(diff) > 0 || err != nil {
		p.t.Errorf("%s from the bytes returns another state than the framework: %v, %v", call, diff, err)
	}
	if a, b := p.identityText(short.identity), p.identityText(long.identity); a != b {
		p.t.Errorf("%s from the bytes returns identity %q, the framework %q", call, a, b)
	}
	if diff := cmp.Diff(privateValues(long.private), privateValues(short.private)); diff != "" {
		p.t.Errorf("%s from the bytes returns other private state than the framework: %s", call, diff)
	}
	if len(long.replace)+len(long.diagnostics)+len(short.replace)+len(short.diagnostics) > 0 {
		p.t.Errorf("%s: the framework replaces %v and says %v", call, long.replace, summaries(long.diagnostics))
	}
}

// identityText is the id in an identity; "" if there is none, or a null one.
func (p *protocolServer) identityText(identity *tfprotov6.ResourceIdentityData) string {
	p.t.Helper()
	if identity == nil {
		return ""
	}
	value, err := identity.IdentityData.Unmarshal(identityType)
	if err != nil {
		p.t.Errorf("identity: %v", err)
	}
	if value.IsNull() {
		return ""
	}
	return instance{value: value}.text(p.t, "id")
}

// TestUnchanged_protocol returns which calls are answered without the
// framework: those about webhooks that are as they were, however they came to
// be so, and no others. (That the answers are right is checked wherever a test
// sends such a call.)
func TestUnchanged_protocol(t *testing.T) {
	t.Parallel()
	type situation struct {
		*simulation
		webhook instance
		config  object
	}
	arrived := func(state string) func(*situation, *protocolServer) {
		return func(s *situation, p *protocolServer) {
			s.webhook, s.config = p.arrive(s.simulation, state), testWebhook(secretBase)
			for _, changes := range secretStates[state].configs {
				s.config = testWebhook(secretBase).with(changes)
			}
		}
	}
	made := func(changes object) func(*situation, *protocolServer) {
		return func(s *situation, p *protocolServer) {
			s.config = testWebhook(changes)
			s.webhook = p.create(s.config)
		}
	}
	for name, tc := range map[string]struct {
		arrange    func(*situation, *protocolServer)
		change     func(*situation)
		read, plan bool
	}{
		"known":                   {arrived("known"), nil, true, true},
		"adopted":                 {arrived("adopted"), nil, true, true},
		"adopted, no longer set":  {arrived("adopted, no longer set"), nil, true, true},
		"encrypted":               {arrived("encrypted"), nil, true, true},
		"kept without its secret": {arrived("lost"), nil, true, true},
		"inactive":                {made(object{"status": "inactive"}), nil, true, true},
		"policy error":            {made(object{"on_lost_secret": "error"}), nil, true, true},
		"everything set": {made(object{"on_lost_secret": "keep", "status": "inactive", "rotation_triggers": map[string]string{"a": "1"}, "rotate_after": "48h",
			"event_types": []string{"job.completed", "job.contact.scored"}}), nil, true, true},

		"expired": {arrived("expired"), nil, true, false},
		"lost":    {arrived("lost"), func(s *situation) { s.config["on_lost_secret"] = "replace" }, true, false},
		"never known, and an error": {func(s *situation, p *protocolServer) {
			s.SetDialect(titanxsim.Dialect{CreateSecret: "absent"})
			made(object{"on_lost_secret": "error"})(s, p)
		}, nil, true, false},
		"status is the default again": {made(object{"status": "inactive"}), func(s *situation) { delete(s.config, "status") }, true, false},
		"policy is the default again": {made(object{"on_lost_secret": "keep"}), func(s *situation) { delete(s.config, "on_lost_secret") }, true, false},
		"another name":                {made(nil), func(s *situation) { s.config["name"] = "another" }, true, false},
		"the url spelt otherwise":     {made(nil), func(s *situation) { s.config["url"] = "HTTPS://hooks.example.com:443/titanx" }, true, false},
		"destroyed":                   {made(nil), func(s *situation) { s.config = nil }, true, true},

		"expired since": {made(object{"rotate_after": "1h"}), func(s *situation) { s.later(longerThanRotateAfter) }, false, false},
		"expires soon":  {made(object{"rotate_after": "1h"}), func(s *situation) { s.later(55 * time.Minute) }, true, true},
		"renamed at TitanX": {made(nil), func(s *situation) {
			w := s.only()
			w.Name = "renamed"
			s.Remove(simUser, w.ID)
			s.Put(simUser, w)
		}, false, true},
		"touched at TitanX": {made(nil), func(s *situation) {
			w := s.only()
			w.UpdatedAt = w.UpdatedAt.Add(time.Hour)
			s.Remove(simUser, w.ID)
			s.Put(simUser, w)
		}, true, true},
		"gone at TitanX":        {made(nil), func(s *situation) { s.Remove(simUser, s.only().ID) }, false, true},
		"seen under no key yet": {made(nil), func(s *situation) { s.webhook.private = nil }, false, true},
		"not there":             {made(nil), func(s *situation) { s.webhook = instance{} }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &situation{simulation: simulate(t, titanxsim.Config{})}
			tc.arrange(s, s.protocol(nil))
			if tc.change != nil {
				tc.change(s)
			}
			p := s.protocol(nil)
			schema := p.webhookSchema()
			if !s.webhook.exists() {
				s.webhook.value = tftypes.NewValue(schema.ValueType(), nil)
			}
			state := p.encode(schema, s.webhook.value)
			read := &tfprotov6.ReadResourceRequest{TypeName: webhookType, CurrentState: state, Private: s.webhook.private, CurrentIdentity: s.webhook.identity}
			if p.server.unchanged.read(read) != nil {
				t.Error("read before there is a list")
			}
			if _, err := p.conn().client.All(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := p.server.unchanged.read(read) != nil; got != tc.read {
				t.Errorf("read without the framework: %t", got)
			}
			plan := &tfprotov6.PlanResourceChangeRequest{
				TypeName: webhookType, PriorState: state, ProposedNewState: p.encode(schema, p.proposed(s.webhook.value, s.config)), Config: p.dynamic(schema, s.config),
				PriorPrivate: s.webhook.private, PriorIdentity: s.webhook.identity,
			}
			if got := p.server.unchanged.plan(plan) != nil; got != tc.plan {
				t.Errorf("planned without the framework: %t", got)
			}
		})
	}
}

// conn is what the provider's configuration gave.
func (p *protocolServer) conn() *connection { return p.server.unchanged.provider.conn }

// TestUnchanged_withoutClient_protocol leaves everything to the framework while
// the provider's arguments are unknown.
func TestUnchanged_withoutClient_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	config := testWebhook(nil)
	made := s.protocol(nil).create(config)
	p := s.protocol(object{"api_key": unknown})
	schema := p.webhookSchema()
	state := p.encode(schema, made.value)
	if p.server.unchanged.plan(&tfprotov6.PlanResourceChangeRequest{TypeName: webhookType, PriorState: state, ProposedNewState: state, Config: p.dynamic(schema, config)}) != nil {
		t.Error("planned with an unknown key")
	}
	if p.server.unchanged.read(&tfprotov6.ReadResourceRequest{TypeName: webhookType, CurrentState: state, Private: made.private}) != nil {
		t.Error("read with an unknown key")
	}
}

// TestUnchanged_again_protocol checks which plans of a new webhook are answered
// without the framework: those of an apply that have nothing to say.
func TestUnchanged_again_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config   object
		applying bool
		want     bool
	}{
		"in an apply":         {nil, true, true},
		"in a plan":           {nil, false, false},
		"everything set":      {object{"on_lost_secret": "keep", "status": "inactive", "rotation_triggers": map[string]string{"a": "1"}, "rotate_after": "48h"}, true, true},
		"with a secret_wo":    {object{"secret_wo": heldSecret, "secret_wo_version": 1}, true, true},
		"recipients unknown":  {object{"secret_recipients": unknown}, true, true},
		"an unreachable host": {object{"url": "https://localhost/titanx"}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := simulate(t, titanxsim.Config{}).protocol(nil)
			p.applying = tc.applying
			p.conn().local = false
			config, schema := testWebhook(tc.config), p.webhookSchema()
			proposed := p.dynamic(schema, config)
			got := p.server.unchanged.plan(&tfprotov6.PlanResourceChangeRequest{
				TypeName: webhookType, PriorState: p.dynamic(schema, nil), ProposedNewState: proposed, Config: proposed,
				ClientCapabilities: &tfprotov6.PlanResourceChangeClientCapabilities{DeferralAllowed: tc.applying},
			}) != nil
			if got != tc.want {
				t.Errorf("planned without the framework: %t", got)
			}
			p.plan(instance{}, config)
		})
	}
}

// TestUnchanged_state_protocol passes a state of the present schema on as it is
// in the file, and no other.
func TestUnchanged_state_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	u := p.server.unchanged
	all := map[string]any{}
	for _, a := range p.webhookSchema().Block.Attributes {
		all[a.Name] = nil
	}
	whole, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		req  tfprotov6.UpgradeResourceStateRequest
		want bool
	}{
		"as it is":                   {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: whole}}, true},
		"another version":            {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, Version: 1, RawState: &tfprotov6.RawState{JSON: whole}}, false},
		"another type":               {tfprotov6.UpgradeResourceStateRequest{TypeName: "titanx_other", RawState: &tfprotov6.RawState{JSON: whole}}, false},
		"an attribute too many":      {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"removed": 1, "id": "1"}`)}}, false},
		"a number for a name":        {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"id": "1", "name": 1}`)}}, false},
		"a text for a set":           {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"event_types": "x"}`)}}, false},
		"a number in a set":          {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"event_types": [1]}`)}}, false},
		"a list for a map":           {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"rotation_triggers": []}`)}}, false},
		"a text for a number":        {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"secret_version": "soon"}`)}}, false},
		"values of every type":       {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"id": "1", "event_types": ["a", null], "rotation_triggers": {"a": "1", "b": null}, "secret_version": 1, "name": null}`)}}, true},
		"not an object":              {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`[]`)}}, false},
		"fewer attributes":           {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"id": "1"}`)}}, true},
		"of the first schema":        {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(firstState)}}, false},
		"cut":                        {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: whole[:40]}}, false},
		"from before Terraform 0.12": {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{Flatmap: map[string]string{"id": "1"}}}, false},
		"none":                       {tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType}, false},
	} {
		got := u.upgrade(&tc.req)
		if (got != nil) != tc.want || got != nil && !bytes.Equal(got.UpgradedState.JSON, tc.req.RawState.JSON) {
			t.Errorf("%s: passed on: %t", name, got != nil)
		}
	}
}

// drawn are the values that an attribute has in random cases.
type drawn struct {
	state  []any
	config []any // beside those of the state
}

// draws has every attribute of the schema. The values of a webhook that is as
// it was come first.
func draws(w titanxsim.Webhook) map[string]drawn {
	return map[string]drawn{
		"id":                {[]any{w.ID, "pending:e30"}, nil},
		"name":              {[]any{w.Name, "other", nil}, []any{unknown}},
		"url":               {[]any{w.URL, "HTTPS://hooks.example.com:443/titanx", "https://other.example.com", nil}, []any{unknown}},
		"event_types":       {[]any{w.EventTypes, []string{"job.completed"}, nil}, []any{unknown, []any{unknown}}},
		"status":            {[]any{w.Status, "inactive", "paused", nil}, []any{unknown}},
		"on_lost_secret":    {[]any{"replace", "keep", "error"}, []any{nil, unknown}},
		"secret":            {[]any{w.Secret, nil}, nil},
		"secret_status":     {[]any{"known", "adopted", "encrypted", "expired", "lost"}, nil},
		"secret_recipients": {[]any{nil, []string{keyA.recipient}, []string{keyB.recipient}}, []any{unknown, []any{keyA.recipient, unknown}}},
		"encrypted_secret":  {[]any{nil, "CANARY-encrypted"}, nil},
		"rotation_triggers": {[]any{nil, map[string]string{"a": "1"}, map[string]string{"a": "2"}, map[string]string{}}, []any{unknown}},
		"rotate_after":      {[]any{nil, "1h", "10h", "876000h"}, []any{unknown}},
		"created_at":        {[]any{w.CreatedAt.Format(time.RFC3339Nano), w.CreatedAt.Add(-2 * time.Hour).Format(time.RFC3339Nano), nil}, nil},
		"secret_version":    {[]any{w.CreatedAt.Unix(), int64(1), nil}, nil},
		"secret_wo":         {[]any{nil}, []any{heldSecret, unknown}},
		"secret_wo_version": {[]any{nil, int64(1), int64(2)}, []any{unknown}},
	}
}

// TestUnchanged_random_protocol reads and plans webhooks with random values,
// and has what is answered from the bytes compared with the framework's answer.
func TestUnchanged_random_protocol(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := simulate(t, titanxsim.Config{})
	s.Put(simUser, titanxsim.Webhook{Name: "test", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"}, Status: "active", Secret: "CANARY-secret"})
	attributes := draws(s.only())
	p := s.protocol(nil)
	if _, err := p.conn().client.All(t.Context()); err != nil {
		t.Fatal(err)
	}
	schema := p.webhookSchema()
	read, planned := 0, 0
	for n := range uint64(1500) {
		random := rand.New(rand.NewPCG(seed, n))
		// Most values are those of a webhook that is as it was.
		pick := func(first any, all []any, oneIn int) any {
			if random.IntN(oneIn) > 0 {
				return first
			}
			return all[random.IntN(len(all))]
		}
		state, config := object{}, object{}
		for _, a := range schema.Block.Attributes {
			d, ok := attributes[a.Name]
			if !ok {
				t.Fatalf("no values for %s: add it to draws, and see whether webhook_unchanged.go knows it", a.Name)
			}
			state[a.Name] = pick(d.state[0], d.state, 12)
			if a.Optional || a.Required {
				config[a.Name] = pick(state[a.Name], slices.Concat(d.state, d.config), 12)
			}
		}
		private := map[string][]byte{}
		for key, value := range map[string][]byte{
			seenByKey: p.conn().mark(), importedKey: []byte("true"), adoptedKey: []byte("1"), uncertainKey: []byte("[]"), statusKey: []byte(`"inactive"`),
			formsKey: []byte(`{"name":{"asked":["other"],"answered":["test"]},"url":{"asked":["https://hooks.example.com/titanx"]}}`),
		} {
			if (key == seenByKey) == (random.IntN(8) > 0) {
				private[key] = value
			}
		}
		var text []byte
		if len(private) > 0 {
			var err error
			if text, err = json.Marshal(private); err != nil {
				t.Fatal(err)
			}
		}
		webhook := instance{value: p.value(schema, state), private: text}
		encoded := p.encode(schema, webhook.value)
		if p.server.unchanged.read(&tfprotov6.ReadResourceRequest{TypeName: webhookType, CurrentState: encoded, Private: text}) != nil {
			read++
		}
		if p.server.unchanged.plan(&tfprotov6.PlanResourceChangeRequest{
			TypeName: webhookType, PriorState: encoded, ProposedNewState: p.encode(schema, p.proposed(webhook.value, config)), Config: p.dynamic(schema, config), PriorPrivate: text,
		}) != nil {
			planned++
		}
		p.plan(webhook, config) // before the read, which knows the age
		p.read(webhook)
		p.plan(webhook, config)
		p.applying = true
		p.plan(instance{private: text}, config)
		p.applying = false
		if t.Failed() {
			t.Fatalf("case %d:\nstate %v\nconfiguration %v\nprivate %s", n, state, config, text)
		}
	}
	if read < 200 || planned < 100 {
		t.Errorf("only %d reads and %d plans were answered from the bytes", read, planned)
	}
}

// TestUnchanged_schema finds what the framework does beside the resource's
// own rules, and the fast path does not.
func TestUnchanged_schema(t *testing.T) {
	t.Parallel()
	r := newWebhookResource(time.Now)
	var described resource.SchemaResponse
	r.Schema(t.Context(), resource.SchemaRequest{}, &described)
	fields := map[string]bool{}
	for field := range reflect.TypeFor[webhookResourceModel]().Fields() {
		fields[field.Tag.Get("tfsdk")] = true
	}
	known := draws(titanxsim.Webhook{})
	for name, attribute := range described.Schema.Attributes {
		if _, ok := known[name]; !ok || !fields[name] {
			t.Errorf("%s is not in the model, or not in draws", name)
		}
		for _, feature := range []string{"PlanModifiers", "Default", "CustomType"} {
			if value := reflect.ValueOf(attribute).FieldByName(feature); value.IsValid() && !value.IsZero() {
				t.Errorf("%s has %s, which webhook_unchanged.go does not carry out", name, feature)
			}
		}
	}
	if len(described.Schema.Blocks) > 0 || len(fields) != len(described.Schema.Attributes) {
		t.Error("the schema has blocks, or the model has fields that are no attributes")
	}
	if _, ok := r.(resource.ResourceWithUpgradeState); ok {
		t.Error("the resource upgrades states: webhook_unchanged.go must leave those to it")
	}
}
