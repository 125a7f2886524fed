// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The provider server in process, for protocol tests.

package provider

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// protocolServer is the provider in process, spoken to as Terraform's core
// does, without a CLI.
type protocolServer struct {
	server
	t       testing.TB
	ctx     context.Context
	schemas *tfprotov6.GetProviderSchemaResponse

	applying bool // plan as Terraform does while it applies
	old      bool // speak as a CLI before 1.11, without write-only arguments
}

// object is a configuration by attribute: nil, string, []string,
// map[string]string, unknown, or []any of what may be unknown.
type object map[string]any

// unknown is a value that is known only after apply.
var unknown = new(struct{})

// protocol serves and configures the provider. Extra arguments replace those of
// the provider block.
func (s *simulation) protocol(extra object) *protocolServer {
	s.t.Helper()
	p, diags := s.tryProtocol(extra)
	p.mustSucceed(diags)
	return p
}

func (s *simulation) tryProtocol(extra object) (*protocolServer, []*tfprotov6.Diagnostic) {
	s.t.Helper()
	server := newServer(s.newProvider())
	p := &protocolServer{server: server, t: s.t, ctx: s.ctx}
	var err error
	if p.schemas, err = server.GetProviderSchema(p.ctx, &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		s.t.Fatal(err)
	}
	config := object{"api_key": s.apiKey, "base_url": s.baseURL}
	maps.Copy(config, extra)
	resp, err := server.ConfigureProvider(p.ctx, &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0",
		Config:           p.dynamic(p.schemas.Provider, config),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return p, resp.Diagnostics
}

// later moves the clock of provider and simulator, and goes on in another
// process, as a later run does.
func (p *protocolServer) later(s *simulation, d time.Duration) {
	p.t.Helper()
	s.later(d)
	*p = *s.protocol(nil)
}

// dynamic encodes an object by a schema; attributes that it lacks are null.
func (p *protocolServer) dynamic(schema *tfprotov6.Schema, o object) *tfprotov6.DynamicValue {
	p.t.Helper()
	return p.encode(schema, p.value(schema, o))
}

func (p *protocolServer) encode(schema *tfprotov6.Schema, value tftypes.Value) *tfprotov6.DynamicValue {
	p.t.Helper()
	encoded, err := tfprotov6.NewDynamicValue(schema.ValueType(), value)
	if err != nil {
		p.t.Fatal(err)
	}
	return &encoded
}

func (p *protocolServer) decode(schema *tfprotov6.Schema, value *tfprotov6.DynamicValue) tftypes.Value {
	p.t.Helper()
	if value == nil {
		return tftypes.NewValue(schema.ValueType(), nil)
	}
	decoded, err := value.Unmarshal(schema.ValueType())
	if err != nil {
		p.t.Fatal(err)
	}
	return decoded
}

func (p *protocolServer) value(schema *tfprotov6.Schema, o object) tftypes.Value {
	p.t.Helper()
	if o == nil {
		return tftypes.NewValue(schema.ValueType(), nil)
	}
	attributes := map[string]tftypes.Value{}
	for _, a := range schema.Block.Attributes {
		attributes[a.Name] = attributeValue(a.ValueType(), o[a.Name])
	}
	for name := range o {
		if _, ok := attributes[name]; !ok {
			p.t.Fatalf("no attribute %q", name)
		}
	}
	return tftypes.NewValue(schema.ValueType(), attributes)
}

func attributeValue(typ tftypes.Type, v any) tftypes.Value {
	switch v := v.(type) {
	case *struct{}:
		return tftypes.NewValue(typ, tftypes.UnknownValue)
	case []string:
		elements := make([]tftypes.Value, len(v))
		for i, element := range v {
			elements[i] = tftypes.NewValue(tftypes.String, element)
		}
		return tftypes.NewValue(typ, elements)
	case []any:
		elements := make([]tftypes.Value, len(v))
		for i, element := range v {
			elements[i] = attributeValue(tftypes.String, element)
		}
		return tftypes.NewValue(typ, elements)
	case map[string]string:
		elements := map[string]tftypes.Value{}
		if object, ok := typ.(tftypes.Object); ok {
			for name, attribute := range object.AttributeTypes {
				elements[name] = tftypes.NewValue(attribute, nil)
			}
		}
		for key, element := range v {
			elements[key] = tftypes.NewValue(tftypes.String, element)
		}
		return tftypes.NewValue(typ, elements)
	}
	return tftypes.NewValue(typ, v)
}

// instance is a resource as core keeps it between two calls. A zero instance
// does not exist.
type instance struct {
	value    tftypes.Value
	private  []byte
	identity *tfprotov6.ResourceIdentityData
}

func (i instance) exists() bool { return i.value.Type() != nil && !i.value.IsNull() }

// text returns an attribute that is a known string; "" if it is null,
// "(unknown)" if it is not known.
func (i instance) text(t testing.TB, attribute string) string {
	t.Helper()
	value, ok := attributes(t, i.value)[attribute]
	if !ok {
		t.Fatalf("no attribute %q", attribute)
	}
	if !value.IsKnown() {
		return "(unknown)"
	}
	var text *string
	if err := value.As(&text); err != nil {
		t.Fatal(err)
	}
	if text == nil {
		return ""
	}
	return *text
}

// change is a plan of one resource.
type change struct {
	prior, planned instance
	config         object
	replace        []string // the attributes that force a replacement, sorted
	diags          []*tfprotov6.Diagnostic
}

func (c change) noChange() bool {
	return len(c.replace) == 0 && c.prior.exists() && c.prior.value.Equal(c.planned.value)
}

const webhookType = "titanx_webhook"

func (p *protocolServer) webhookSchema() *tfprotov6.Schema {
	return p.schemas.ResourceSchemas[webhookType]
}

// validate returns what the provider says of a configuration before it plans.
func (p *protocolServer) validate(config object) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.ValidateResourceConfig(p.ctx, &tfprotov6.ValidateResourceConfigRequest{
		TypeName: webhookType, Config: p.dynamic(p.webhookSchema(), config),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: !p.old},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

// plan plans what becomes of a webhook under a configuration; a nil one
// destroys it.
func (p *protocolServer) plan(prior instance, config object) change {
	p.t.Helper()
	schema := p.webhookSchema()
	if prior.value.Type() == nil {
		prior.value = tftypes.NewValue(schema.ValueType(), nil)
	}
	resp, err := p.PlanResourceChange(p.ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName:         webhookType,
		PriorState:       p.encode(schema, prior.value),
		ProposedNewState: p.encode(schema, p.proposed(prior.value, config)),
		Config:           p.dynamic(schema, config),
		PriorPrivate:     prior.private,
		PriorIdentity:    prior.identity,
		ClientCapabilities: &tfprotov6.PlanResourceChangeClientCapabilities{
			DeferralAllowed: p.applying,
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	c := change{prior: prior, config: config, diags: resp.Diagnostics}
	c.planned = instance{p.decode(schema, resp.PlannedState), resp.PlannedPrivate, resp.PlannedIdentity}
	// Core replaces only for an attribute whose planned value differs from the
	// prior one.
	for _, path := range resp.RequiresReplace {
		was, is := attributes(p.t, prior.value), attributes(p.t, c.planned.value)
		if name := rootAttribute(path); !is[name].Equal(was[name]) {
			c.replace = append(c.replace, name)
		}
	}
	slices.Sort(c.replace)
	return c
}

// proposed merges a configuration with what the state knows of computed
// attributes, as core does.
func (p *protocolServer) proposed(prior tftypes.Value, config object) tftypes.Value {
	p.t.Helper()
	schema := p.webhookSchema()
	if config == nil || prior.IsNull() {
		return p.value(schema, config)
	}
	before, after := attributes(p.t, prior), attributes(p.t, p.value(schema, config))
	for _, a := range schema.Block.Attributes {
		if a.Computed && after[a.Name].IsNull() {
			after[a.Name] = before[a.Name]
		}
	}
	return tftypes.NewValue(schema.ValueType(), after)
}

// apply carries out a plan; where it replaces, the caller destroys and creates.
func (p *protocolServer) apply(c change) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	schema := p.webhookSchema()
	resp, err := p.ApplyResourceChange(p.ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName:        webhookType,
		PriorState:      p.encode(schema, c.prior.value),
		PlannedState:    p.encode(schema, c.planned.value),
		Config:          p.dynamic(schema, c.config),
		PlannedPrivate:  c.planned.private,
		PlannedIdentity: c.planned.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return instance{p.decode(schema, resp.NewState), resp.Private, resp.NewIdentity}, resp.Diagnostics
}

// create plans and applies a new webhook, and fails the test where that fails.
func (p *protocolServer) create(config object) instance {
	p.t.Helper()
	c := p.plan(instance{}, config)
	p.mustSucceed(c.diags)
	made, diags := p.apply(c)
	p.mustSucceed(diags)
	return made
}

// read refreshes a webhook.
func (p *protocolServer) read(i instance) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	schema := p.webhookSchema()
	resp, err := p.ReadResource(p.ctx, &tfprotov6.ReadResourceRequest{
		TypeName: webhookType, CurrentState: p.encode(schema, i.value), Private: i.private, CurrentIdentity: i.identity,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return instance{p.decode(schema, resp.NewState), resp.Private, resp.NewIdentity}, resp.Diagnostics
}

// mustAgree expects that whatever was known before is so still: core takes
// anything else for a bug of the provider.
func (p *protocolServer) mustAgree(before, after instance) {
	p.t.Helper()
	is := attributes(p.t, after.value)
	for name, value := range attributes(p.t, before.value) {
		if value.IsFullyKnown() && !value.Equal(is[name]) {
			p.t.Fatalf("inconsistent: %s was planned otherwise", name)
		}
	}
}

func attributes(t testing.TB, value tftypes.Value) map[string]tftypes.Value {
	t.Helper()
	var all map[string]tftypes.Value
	if err := value.As(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// importByID imports a webhook without reading it.
func (p *protocolServer) importByID(id string) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	return p.bring(&tfprotov6.ImportResourceStateRequest{TypeName: webhookType, ID: id})
}

func (p *protocolServer) importByIdentity(id string) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	data, err := tfprotov6.NewDynamicValue(identityType, tftypes.NewValue(identityType, map[string]tftypes.Value{"id": tftypes.NewValue(tftypes.String, id)}))
	if err != nil {
		p.t.Fatal(err)
	}
	return p.bring(&tfprotov6.ImportResourceStateRequest{TypeName: webhookType, Identity: &tfprotov6.ResourceIdentityData{IdentityData: &data}})
}

func (p *protocolServer) bring(req *tfprotov6.ImportResourceStateRequest) (instance, []*tfprotov6.Diagnostic) {
	p.t.Helper()
	resp, err := p.ImportResourceState(p.ctx, req)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(resp.ImportedResources) == 0 {
		return instance{}, resp.Diagnostics
	}
	got := resp.ImportedResources[0]
	return instance{p.decode(p.webhookSchema(), got.State), got.Private, got.Identity}, resp.Diagnostics
}

func (p *protocolServer) mustSucceed(diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			p.t.Fatalf("%s: %s", d.Summary, d.Detail)
		}
	}
}

// has reports whether a diagnostic of a severity is at an attribute ("" is
// none) and holds a text.
func has(diags []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity, attribute, text string) bool {
	return slices.ContainsFunc(diags, func(d *tfprotov6.Diagnostic) bool {
		return d.Severity == severity && rootAttribute(d.Attribute) == attribute && strings.Contains(d.Summary+"\n"+d.Detail, text)
	})
}

// rootAttribute is the attribute that a path begins with; "" for no path.
func rootAttribute(path *tftypes.AttributePath) string {
	if steps := path.Steps(); len(steps) > 0 {
		if name, ok := steps[0].(tftypes.AttributeName); ok {
			return string(name)
		}
	}
	return ""
}

// testWebhook is a valid configuration, with changes.
func testWebhook(changes object) object {
	config := object{
		"name": "test", "url": "https://hooks.example.com/titanx", "event_types": []string{"job.contact.scored"},
	}
	maps.Copy(config, changes)
	return config
}
