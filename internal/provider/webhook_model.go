// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// webhookResourceModel is the configuration, plan or state of a titanx_webhook.
type webhookResourceModel struct {
	ID               types.String `tfsdk:"id"`
	Name             types.String `tfsdk:"name"`
	URL              types.String `tfsdk:"url"`
	EventTypes       types.Set    `tfsdk:"event_types"`
	Status           types.String `tfsdk:"status"`
	OnLostSecret     types.String `tfsdk:"on_lost_secret"`
	Secret           types.String `tfsdk:"secret"`
	SecretWO         types.String `tfsdk:"secret_wo"` // null but in a configuration
	SecretWOVersion  types.Int64  `tfsdk:"secret_wo_version"`
	SecretVersion    types.Int64  `tfsdk:"secret_version"`
	SecretStatus     types.String `tfsdk:"secret_status"`
	SecretRecipients types.Set    `tfsdk:"secret_recipients"`
	EncryptedSecret  types.String `tfsdk:"encrypted_secret"`
	RotationTriggers types.Map    `tfsdk:"rotation_triggers"`
	RotateAfter      types.String `tfsdk:"rotate_after"`
	CreatedAt        types.String `tfsdk:"created_at"`
}

// webhookIdentityModel is what identifies a webhook to Terraform.
type webhookIdentityModel struct {
	ID types.String `tfsdk:"id"`
}

// webhookAttributeTypes returns the types of the model's attributes, by name.
// The framework's own Get and Set compile a regular expression for every field
// of every call, and take five times as long.
var webhookAttributeTypes = sync.OnceValue(func() map[string]attr.Type {
	var described resource.SchemaResponse
	new(webhookResource).Schema(context.Background(), resource.SchemaRequest{}, &described)
	return described.Schema.Type().(attr.TypeWithAttributeTypes).AttributeTypes()
})

// decode sets the model to a configuration, plan or state.
func (m *webhookResourceModel) decode(ctx context.Context, raw tftypes.Value, diags *diag.Diagnostics) {
	var attributes map[string]tftypes.Value
	err := raw.As(&attributes)
	for field, value := range reflect.ValueOf(m).Elem().Fields() {
		name := field.Tag.Get("tfsdk")
		if attribute, ok := attributes[name]; ok && err == nil {
			var decoded attr.Value
			if decoded, err = webhookAttributeTypes()[name].ValueFromTerraform(ctx, attribute); err == nil {
				value.Set(reflect.ValueOf(decoded))
			}
		}
	}
	if err != nil {
		diags.AddError("Unexpected value",
			fmt.Sprintf("This is a bug in the provider: %v. Report it to the provider's maintainers.", err))
	}
}

// encode returns the model as a plan or state.
func (m webhookResourceModel) encode(ctx context.Context, diags *diag.Diagnostics) tftypes.Value {
	attributes := map[string]attr.Value{}
	for field, value := range reflect.ValueOf(m).Fields() {
		attributes[field.Tag.Get("tfsdk")] = valueOf(value)
	}
	object, problems := types.ObjectValue(webhookAttributeTypes(), attributes)
	raw, err := object.ToTerraformValue(ctx)
	diags.Append(problems...)
	if err != nil {
		diags.AddError("Unexpected value",
			fmt.Sprintf("This is a bug in the provider: %v. Report it to the provider's maintainers.", err))
	}
	return raw
}

// equal reports whether every attribute is equal.
func (m webhookResourceModel) equal(other webhookResourceModel) bool {
	others := reflect.ValueOf(other)
	for field, value := range reflect.ValueOf(m).Fields() {
		if !valueOf(value).Equal(valueOf(others.FieldByIndex(field.Index))) {
			return false
		}
	}
	return true
}

// valueOf is the attribute that a field of the model holds.
func valueOf(field reflect.Value) attr.Value { return field.Interface().(attr.Value) }

// setDefaults sets the arguments that a configuration leaves out.
func (m *webhookResourceModel) setDefaults(config webhookResourceModel) {
	if config.Status.IsNull() {
		m.Status = types.StringValue(titanx.StatusActive)
	}
	if config.OnLostSecret.IsNull() {
		m.OnLostSecret = types.StringValue(onLostReplace)
	}
	if config.SecretWOVersion.IsNull() {
		m.SecretWOVersion = types.Int64Null()
	}
}

func (m webhookResourceModel) identity() webhookIdentityModel {
	return webhookIdentityModel{ID: m.ID}
}

// createRequest returns the request for a webhook. Managed is that of the
// request, and may be nil.
func (m webhookResourceModel) createRequest(managed func(id string) bool) titanx.CreateRequest {
	return titanx.CreateRequest{
		Name:       m.Name.ValueString(),
		URL:        m.URL.ValueString(),
		EventTypes: texts(m.EventTypes),
		Status:     m.Status.ValueString(),
		Managed:    managed,
	}
}

// refresh takes over what TitanX says of the webhook. What it does not say
// stays as it was, and no answer touches the secret.
func (m *webhookResourceModel) refresh(w titanx.Webhook) {
	m.ID = types.StringValue(w.ID)
	if w.Name != "" {
		m.Name = types.StringValue(w.Name)
	}
	if w.URL != "" && !titanx.SameURL(m.URL.ValueString(), w.URL) {
		m.URL = types.StringValue(w.URL)
	}
	if w.EventTypes != nil {
		m.EventTypes = textSet(w.EventTypes)
	}
	if w.Status != "" && !titanx.SameStatus(m.Status.ValueString(), w.Status) {
		m.Status = types.StringValue(w.Status)
	}
	m.CreatedAt = timeOr(w.CreatedAt, m.CreatedAt)
}

// refreshed returns the webhook as TitanX has it now. A state from before there
// was secret_version gets one.
func (m webhookResourceModel) refreshed(w titanx.Webhook, now time.Time, adopted bool) webhookResourceModel {
	m.refresh(w)
	m.SecretStatus = m.secretStatus(now, adopted)
	if m.SecretVersion.IsNull() {
		m.setIssued(now)
	}
	return m
}

// timeOr returns a timestamp, or the previous one where TitanX returns none.
func timeOr(t time.Time, before types.String) types.String {
	if !t.IsZero() {
		return types.StringValue(t.Format(time.RFC3339Nano))
	}
	if before.IsUnknown() {
		return types.StringNull()
	}
	return before
}

// newImportedModel is a webhook as an import brings it: without its secret, and
// to be kept without it.
func newImportedModel(w titanx.Webhook) webhookResourceModel {
	m := webhookResourceModel{
		EventTypes:       types.SetNull(types.StringType),
		OnLostSecret:     types.StringValue(onLostKeep),
		SecretStatus:     types.StringValue(secretLost),
		SecretRecipients: types.SetNull(types.StringType),
		RotationTriggers: types.MapNull(types.StringType),
	}
	m.refresh(w)
	return m
}

// webhookModel is a webhook in a data source. It has no secret: TitanX returns
// that only once.
type webhookModel struct {
	ID         types.String `tfsdk:"id"`
	Name       types.String `tfsdk:"name"`
	URL        types.String `tfsdk:"url"`
	EventTypes types.Set    `tfsdk:"event_types"`
	Status     types.String `tfsdk:"status"`
	CreatedAt  types.String `tfsdk:"created_at"`
	UpdatedAt  types.String `tfsdk:"updated_at"`
}

// newWebhookModel returns a webhook as TitanX returns it. What it does not
// return is null.
func newWebhookModel(w titanx.Webhook) webhookModel {
	m := newImportedModel(w)
	return webhookModel{
		ID: m.ID, Name: m.Name, URL: m.URL, EventTypes: m.EventTypes, Status: m.Status, CreatedAt: m.CreatedAt,
		UpdatedAt: timeOr(w.UpdatedAt, types.StringNull()),
	}
}

// texts are the known elements of a set of strings.
func texts(set types.Set) []string {
	var out []string
	for _, element := range set.Elements() {
		if text, ok := element.(types.String); ok && !text.IsNull() && !text.IsUnknown() {
			out = append(out, text.ValueString())
		}
	}
	return out
}

func textSet(elements []string) types.Set {
	values := make([]attr.Value, len(elements))
	for i, element := range elements {
		values[i] = types.StringValue(element)
	}
	return types.SetValueMust(types.StringType, values)
}
