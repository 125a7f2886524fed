// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// unchangedWebhooks answers what Terraform asks about a webhook that is as it
// was, which is most of what it ever asks. It also answers where nothing is
// left to decide: the plan of a destroy, and the second plan of a new webhook.
// The framework takes the values of such a call apart and puts them together
// again a dozen times; here each is read once. The rules are those of the
// resource. What they do not leave as it was, or what needs the API, is left to
// the framework: each method then returns nil.
type unchangedWebhooks struct {
	provider *titanxProvider
	typeName string
	version  int64            // of the schema
	wire     tftypes.Type     // the schema's type as Terraform sends it
	fields   map[string][]int // the model's fields, by attribute
}

func newUnchangedWebhooks(p *titanxProvider) unchangedWebhooks {
	ctx := context.Background()
	var metadata resource.MetadataResponse
	var described resource.SchemaResponse
	r := newWebhookResource(p.now)
	r.Metadata(ctx, resource.MetadataRequest{ProviderTypeName: providerName}, &metadata)
	r.Schema(ctx, resource.SchemaRequest{}, &described)
	fields := map[string][]int{}
	for field := range reflect.TypeFor[webhookResourceModel]().Fields() {
		fields[field.Tag.Get("tfsdk")] = field.Index
	}
	return unchangedWebhooks{p, metadata.TypeName, described.Schema.Version, described.Schema.Type().TerraformType(ctx),
		fields}
}

// upgrade answers for a state of the present version, which Terraform takes as
// JSON, too, and itself decodes by the schema.
func (u unchangedWebhooks) upgrade(req *tfprotov6.UpgradeResourceStateRequest) *tfprotov6.UpgradeResourceStateResponse {
	if req.TypeName != u.typeName || req.Version != u.version || req.RawState == nil {
		return nil
	}
	id, ok := describes(u.wire, req.RawState.JSON)
	if !ok {
		return nil
	}
	u.provider.conn.inState(id)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &tfprotov6.DynamicValue{JSON: req.RawState.JSON}}
}

// describes reports whether a type has all attributes of a JSON object, with
// values of their types, and returns its id. Core would reject any other,
// without saying of which resource it is: the framework's error has the
// address.
func describes(typ tftypes.Type, state json.RawMessage) (id string, ok bool) {
	object, ok := typ.(tftypes.Object)
	var attributes map[string]json.RawMessage
	if !ok || json.Unmarshal(state, &attributes) != nil {
		return "", false
	}
	for name, value := range attributes {
		if typ, ok := object.AttributeTypes[name]; !ok || !holds(typ, value) {
			return "", false
		}
	}
	_ = json.Unmarshal(attributes["id"], &id) // "" is no webhook's
	return id, true
}

// holds reports whether a JSON value is of one of the types that a webhook's
// attributes have.
func holds(typ tftypes.Type, value json.RawMessage) bool {
	var into any
	switch {
	case typ.Is(tftypes.String):
		return value[0] == '"' || value[0] == 'n'
	case typ.Is(tftypes.Number):
		into = new(json.Number)
	case typ.Is(tftypes.Set{}):
		into = new([]*string)
	case typ.Is(tftypes.Map{}):
		into = new(map[string]*string)
	}
	return json.Unmarshal(value, into) == nil
}

// read answers for a webhook that the run's list has as the state has it.
func (u unchangedWebhooks) read(req *tfprotov6.ReadResourceRequest) *tfprotov6.ReadResourceResponse {
	conn := u.provider.conn
	if req.TypeName != u.typeName || !conn.ready() {
		return nil
	}
	private := privateValues(req.Private)
	if !conn.marked(private[seenByKey]) || private[uncertainKey] != nil {
		return nil
	}
	state, ok := u.decode(req.CurrentState)
	if !ok {
		return nil
	}
	listed, ok := conn.client.Listed(state.ID.ValueString())
	if !ok {
		return nil
	}
	listed = withStatus(listed, private[statusKey])
	listed, learned := decodeForms(private[formsKey]).undo(listed)
	if learned {
		return nil
	}
	fresh := state.refreshed(listed, conn.now(u.provider.now), state.wasAdopted(private[adoptedKey]))
	if !fresh.equal(state) {
		return nil
	}
	identity, err := tfprotov6.NewDynamicValue(identityType, tftypes.NewValue(identityType, map[string]tftypes.Value{
		"id": tftypes.NewValue(tftypes.String, state.ID.ValueString()),
	}))
	if err != nil {
		return nil
	}
	conn.inState(state.ID.ValueString())
	conn.refreshed.Store(state.ID.ValueString(), nil)
	return &tfprotov6.ReadResourceResponse{
		NewState:    req.CurrentState,
		Private:     req.Private,
		NewIdentity: &tfprotov6.ResourceIdentityData{IdentityData: &identity},
	}
}

// plan answers where the configuration asks for what the state has, and no rule
// wants anything else.
func (u unchangedWebhooks) plan(req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse {
	conn := u.provider.conn
	if req.TypeName != u.typeName || !conn.ready() {
		return nil
	}
	if req.ClientCapabilities != nil && req.ClientCapabilities.DeferralAllowed && isNull(req.PriorState) {
		return u.planAgain(req)
	}
	state, known := u.decode(req.PriorState)
	if known && isNull(req.ProposedNewState) && !conn.notePlanned(state.ID) { // as planDestroy
		return &tfprotov6.PlanResourceChangeResponse{
			PlannedState:    req.ProposedNewState,
			PlannedPrivate:  req.PriorPrivate,
			PlannedIdentity: req.PriorIdentity,
		}
	}
	proposed, wanted := u.decode(req.ProposedNewState)
	config, given := u.decode(req.Config)
	proposed.SecretWO = types.StringNull() // core proposes it, and stores it nowhere
	if !known || !wanted || !given || !proposed.equal(state) {
		return nil
	}
	planned := state
	var diags diag.Diagnostics
	private := privateValues(req.PriorPrivate)
	change := newChange(conn, u.provider.now, func(key string) []byte { return private[key] }, config, state, &planned,
		&diags)
	change.run()
	if len(diags) > 0 || !planned.equal(state) {
		return nil
	}
	if conn.notePlanned(state.ID) {
		return nil
	}
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState:    req.PriorState,
		PlannedPrivate:  req.PriorPrivate,
		PlannedIdentity: req.PriorIdentity,
	}
}

// planAgain answers for a new webhook that Terraform plans once more while it
// applies: what needs the API has been checked by the first plan.
func (u unchangedWebhooks) planAgain(req *tfprotov6.PlanResourceChangeRequest) *tfprotov6.PlanResourceChangeResponse {
	planned, wanted := u.decode(req.ProposedNewState)
	config, given := u.decode(req.Config)
	planned.SecretWO = types.StringNull() // core proposes it, and stores it nowhere
	if !wanted || !given {
		return nil
	}
	var diags diag.Diagnostics
	planCreate(config, &planned, true, &diags)
	u.provider.conn.checkReachable(planned, &diags)
	state, err := tfprotov6.NewDynamicValue(u.wire, planned.encode(context.Background(), &diags))
	if err != nil || len(diags) > 0 {
		return nil
	}
	return &tfprotov6.PlanResourceChangeResponse{
		PlannedState:    &state,
		PlannedPrivate:  req.PriorPrivate,
		PlannedIdentity: req.PriorIdentity,
	}
}

// isNull reports whether there is no value. Its msgpack is one byte.
func isNull(sent *tfprotov6.DynamicValue) bool {
	return sent == nil || len(sent.MsgPack) == 1 && sent.MsgPack[0] == msgpcode.Nil
}

// secretUnknown reports whether a configuration has a secret_wo that is not
// known yet.
func (u unchangedWebhooks) secretUnknown(config *tfprotov6.DynamicValue) bool {
	m, ok := u.decode(config)
	return ok && m.SecretWO.IsUnknown()
}

// identityType is a webhook's identity as Terraform sends it.
var identityType = tftypes.Object{AttributeTypes: map[string]tftypes.Type{"id": tftypes.String}}

// decode returns false for null, and for what the framework had better find
// fault with. It reads the bytes itself, because the framework takes many times
// as long.
func (u unchangedWebhooks) decode(sent *tfprotov6.DynamicValue) (m webhookResourceModel, ok bool) {
	if sent == nil {
		return m, false
	}
	from := msgpack.NewDecoder(bytes.NewReader(sent.MsgPack))
	attributes, err := from.DecodeMapLen()
	if err != nil || attributes != len(u.fields) {
		return m, false
	}
	model := reflect.ValueOf(&m).Elem()
	for range attributes {
		name, err := from.DecodeString()
		field, known := u.fields[name]
		if err != nil || !known || decodeAttribute(from, model.FieldByIndex(field).Addr().Interface()) != nil {
			return m, false
		}
	}
	return m, true
}

// decodeAttribute reads a value of one of the types that a webhook's attributes
// have.
func decodeAttribute(from *msgpack.Decoder, into any) error {
	switch into := into.(type) {
	case *types.String:
		return decodeValue(from, into, types.StringNull(), types.StringUnknown(), func() (types.String, error) {
			text, err := from.DecodeString()
			return types.StringValue(text), err
		})
	case *types.Int64:
		return decodeValue(from, into, types.Int64Null(), types.Int64Unknown(), func() (types.Int64, error) {
			n, err := from.DecodeInt64()
			return types.Int64Value(n), err
		})
	case *types.Set:
		return decodeValue(from, into, types.SetNull(types.StringType), types.SetUnknown(types.StringType),
			func() (types.Set, error) {
				n, err := from.DecodeArrayLen()
				var elements []attr.Value
				for i := 0; i < n && err == nil; i++ {
					var element types.String
					err = decodeAttribute(from, &element)
					elements = append(elements, element)
				}
				return types.SetValueMust(types.StringType, elements), err
			})
	case *types.Map:
		return decodeValue(from, into, types.MapNull(types.StringType), types.MapUnknown(types.StringType),
			func() (types.Map, error) {
				n, err := from.DecodeMapLen()
				elements := map[string]attr.Value{}
				for i := 0; i < n && err == nil; i++ {
					var key string
					var element types.String
					if key, err = from.DecodeString(); err == nil {
						err = decodeAttribute(from, &element)
					}
					elements[key] = element
				}
				return types.MapValueMust(types.StringType, elements), err
			})
	}
	return errors.ErrUnsupported
}

// decodeValue reads null, an unknown value, which Terraform sends as an
// extension, or what known reads.
func decodeValue[T any](from *msgpack.Decoder, into *T, null, unknown T, known func() (T, error)) error {
	code, err := from.PeekCode()
	switch {
	case err != nil:
		return err
	case code == msgpcode.Nil:
		*into = null
		return from.Skip()
	case msgpcode.IsExt(code):
		*into = unknown
		return from.Skip()
	}
	*into, err = known()
	return err
}
