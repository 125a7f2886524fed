// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/datasourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

var (
	_ datasource.DataSourceWithConfigure        = (*webhookDataSource)(nil)
	_ datasource.DataSourceWithConfigValidators = (*webhookDataSource)(nil)
)

func newWebhookDataSource() datasource.DataSource { return &webhookDataSource{} }

type webhookDataSource struct{ conn *connection }

func (d *webhookDataSource) Metadata(
	_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_webhook"
}

func (d *webhookDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := webhookAttributes()
	for name, description := range map[string]string{
		"id":   "The webhook's id at TitanX. Set exactly one of `id`, `name`, and `url`.",
		"name": "The webhook's name. It is an error if several webhooks have it.",
		"url": "Where TitanX delivers. The case of the scheme and host, and the default port, make no " +
			"difference. It is an error if several webhooks have it.",
	} {
		attributes[name] = schema.StringAttribute{
			MarkdownDescription: description,
			Optional:            true,
			Computed:            true,
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Finds one webhook of the API key's user by its id, name, or url. " +
			"It never returns the signing secret, which TitanX shows only once, to the resource that " +
			"creates the webhook.",
		Attributes: attributes,
	}
}

func (d *webhookDataSource) ConfigValidators(context.Context) []datasource.ConfigValidator {
	return []datasource.ConfigValidator{
		datasourcevalidator.ExactlyOneOf(path.MatchRoot("id"), path.MatchRoot("name"), path.MatchRoot("url")),
	}
}

func (d *webhookDataSource) Configure(
	_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse,
) {
	d.conn = connected(req.ProviderData)
}

func (d *webhookDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var config webhookModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	client, ctx, done := d.conn.api(ctx, "read webhook", &resp.Diagnostics)
	defer done()
	if client == nil {
		return
	}
	var found titanx.Webhook
	if config.ID.IsNull() {
		found = findOne(ctx, client, config, &resp.Diagnostics)
	} else {
		found = findByID(ctx, client, config.ID.ValueString(), &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	model := newWebhookModel(found)
	if !config.URL.IsNull() {
		model.URL = config.URL // in the configuration's spelling
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}

func findByID(ctx context.Context, client *titanx.Client, id string, diags *diag.Diagnostics) titanx.Webhook {
	found, err := client.Find(ctx, id)
	if errors.Is(err, titanx.ErrNotFound) {
		diags.AddAttributeError(path.Root("id"), "No such webhook",
			fmt.Sprintf("No webhook of this API key's user has the id %q. A key cannot see other users' webhooks.", id))
	} else if err != nil {
		addAPIError(diags, "read webhook", err)
	}
	return found
}

// findOne finds the webhook with the name or the url of a configuration.
func findOne(ctx context.Context, client *titanx.Client, config webhookModel, diags *diag.Diagnostics) titanx.Webhook {
	attribute, wanted := "name", config.Name.ValueString()
	shown := fmt.Sprintf("the name %q", wanted)
	matches := func(w titanx.Webhook) bool { return w.Name == wanted }
	if config.Name.IsNull() {
		attribute, wanted = "url", config.URL.ValueString()
		shown = "this url at " + hostOf(wanted) // the rest of it may be a token
		matches = func(w titanx.Webhook) bool { return titanx.SameURL(w.URL, wanted) }
	}
	all, err := client.All(ctx)
	if err != nil {
		addAPIError(diags, "read webhook", err)
		return titanx.Webhook{}
	}
	var found []titanx.Webhook
	for _, w := range all {
		if matches(w) {
			found = append(found, w)
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) > 1:
		diags.AddAttributeError(path.Root(attribute), "Several webhooks match",
			fmt.Sprintf("%d webhooks have %s: %s. Set id to select one of them.", len(found), shown,
				describe(client, found)))
	case len(all) == 0:
		diags.AddAttributeError(path.Root(attribute), "No such webhook",
			"This API key's user has no webhook. A key cannot see other users' webhooks.")
	default:
		diags.AddAttributeError(path.Root(attribute), "No such webhook",
			fmt.Sprintf("No webhook of this API key's user has %s. There are: %s. "+
				"A key cannot see other users' webhooks.", shown, describe(client, all)))
	}
	return titanx.Webhook{}
}

// webhookAttributes are what the data sources tell of a webhook.
func webhookAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			MarkdownDescription: "The webhook's id at TitanX.",
			Computed:            true,
		},
		"name": schema.StringAttribute{
			MarkdownDescription: "The webhook's name.",
			Computed:            true,
		},
		"url": schema.StringAttribute{
			MarkdownDescription: "Where TitanX delivers.",
			Computed:            true,
		},
		"event_types": schema.SetAttribute{
			MarkdownDescription: "The events that are delivered.",
			Computed:            true,
			ElementType:         types.StringType,
		},
		"status": schema.StringAttribute{
			MarkdownDescription: "`active` or `inactive`.",
			Computed:            true,
		},
		"created_at": schema.StringAttribute{
			MarkdownDescription: "When TitanX created the webhook (RFC 3339, UTC).",
			Computed:            true,
		},
		"updated_at": schema.StringAttribute{
			MarkdownDescription: "When TitanX last changed the webhook (RFC 3339, UTC), if TitanX returns it.",
			Computed:            true,
		},
	}
}
