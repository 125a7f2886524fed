// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

var _ list.ListResourceWithConfigure = (*webhookListResource)(nil)

func newWebhookListResource() list.ListResource { return &webhookListResource{} }

type webhookListResource struct{ conn *connection }

func (r *webhookListResource) Metadata(
	_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_webhook"
}

func (r *webhookListResource) ListResourceConfigSchema(
	_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse,
) {
	attributes := map[string]schema.Attribute{}
	for name, argument := range filterArguments() {
		attributes[name] = schema.StringAttribute{
			MarkdownDescription: argument.description,
			Optional:            true,
			Validators:          argument.validators,
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the webhooks of the API key's user. " +
			"Use it to find and import those that Terraform does not manage yet. " +
			"Without arguments, it lists all of them. With arguments, it lists those that match every one. " +
			"Generated configuration has `on_lost_secret = \"keep\"`, because TitanX does not show signing " +
			"secrets again. So an import does not replace any of them.",
		Attributes: attributes,
	}
}

func (r *webhookListResource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.conn = connected(req.ProviderData)
}

// List streams the webhooks as their pages arrive, and asks for no page that
// the limit does not need. An error comes after the webhooks that were read
// well.
func (r *webhookListResource) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var filter webhookFilterModel
	diags := req.Config.Get(ctx, &filter)
	matches := filter.matcher(&diags)
	client, ctx, done := r.conn.api(ctx, "list webhooks", &diags)
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		defer done()
		left := req.Limit
		for w, err := range client.List(ctx) {
			if err != nil {
				var diags diag.Diagnostics
				addAPIError(&diags, "list webhooks", err)
				push(list.ListResult{Diagnostics: diags})
				return
			}
			if !matches(w) {
				continue
			}
			if left--; !push(listResult(ctx, client, req, w)) || left == 0 {
				return
			}
		}
	}
}

// listResult is one webhook for Terraform's list: as an import would bring it,
// or nothing but the reason why it cannot be shown.
func listResult(ctx context.Context, client *titanx.Client, req list.ListRequest, w titanx.Webhook) list.ListResult {
	result := req.NewListResult(ctx)
	result.DisplayName = client.Clean(cmp.Or(w.Name, w.ID))
	model := newImportedModel(w)
	result.Diagnostics.Append(result.Identity.Set(ctx, model.identity())...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, model)...)
	}
	if result.Diagnostics.HasError() {
		return list.ListResult{Diagnostics: result.Diagnostics}
	}
	return result
}
