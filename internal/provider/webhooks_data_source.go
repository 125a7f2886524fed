// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
)

var _ datasource.DataSourceWithConfigure = (*webhooksDataSource)(nil)

func newWebhooksDataSource() datasource.DataSource { return &webhooksDataSource{} }

type webhooksDataSource struct{ conn *connection }

type webhooksModel struct {
	webhookFilterModel
	Webhooks []webhookModel `tfsdk:"webhooks"`
}

func (d *webhooksDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_webhooks"
}

func (d *webhooksDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"webhooks": schema.ListNestedAttribute{
			MarkdownDescription: "The webhooks, by name and then by id.",
			Computed:            true,
			NestedObject:        schema.NestedAttributeObject{Attributes: webhookAttributes()},
		},
	}
	for name, argument := range filterArguments() {
		attributes[name] = schema.StringAttribute{
			MarkdownDescription: argument.description,
			Optional:            true,
			Validators:          argument.validators,
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the webhooks of the API key's user: " +
			"all of them, or those that match every argument. It never returns a signing secret.",
		Attributes: attributes,
	}
}

func (d *webhooksDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.conn = connected(req.ProviderData)
}

func (d *webhooksDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model webhooksModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	matches := model.matcher(&resp.Diagnostics)
	client, ctx, done := d.conn.api(ctx, "list webhooks", &resp.Diagnostics)
	defer done()
	if client == nil {
		return
	}
	all, err := client.All(ctx)
	if err != nil {
		addAPIError(&resp.Diagnostics, "list webhooks", err)
		return
	}
	model.Webhooks = []webhookModel{}
	for _, w := range all {
		if matches(w) {
			model.Webhooks = append(model.Webhooks, newWebhookModel(w))
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}
