// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package provider is the TitanX provider for Terraform and OpenTofu.
package provider

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

var (
	_ provider.ProviderWithActions            = (*titanxProvider)(nil)
	_ provider.ProviderWithEphemeralResources = (*titanxProvider)(nil)
	_ provider.ProviderWithFunctions          = (*titanxProvider)(nil)
	_ provider.ProviderWithListResources      = (*titanxProvider)(nil)
)

// New returns the provider of the given version.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return newProvider(version) }
}

func newProvider(version string) *titanxProvider {
	return &titanxProvider{version: version, now: time.Now, conn: connected(nil)}
}

const providerName = "titanx"

type titanxProvider struct {
	version   string
	conn      *connection
	now       clock
	receivers http.RoundTripper    // how to reach receivers of deliveries; nil is the ordinary way
	adapt     func(*titanx.Config) // last word on the client's configuration; nil outside tests
}

// What planning a second webhook like another one results in (on_duplicate).
const (
	onDuplicateWarn  = "warn"
	onDuplicateError = "error"
)

type providerModel struct {
	APIKey         types.String `tfsdk:"api_key"`
	BaseURL        types.String `tfsdk:"base_url"`
	MaxRetries     types.Int64  `tfsdk:"max_retries"`
	RequestTimeout types.String `tfsdk:"request_timeout"`
	OnDuplicate    types.String `tfsdk:"on_duplicate"`
}

func (p *titanxProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = providerName
	resp.Version = p.version
}

func (p *titanxProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the webhooks of [TitanX](https://docs.titanx.io), and keeps the " +
			"signing secret that TitanX shows only once.",
		Attributes: map[string]schema.Attribute{
			"api_key": schema.StringAttribute{
				MarkdownDescription: "The API key of the TitanX user who owns the webhooks. " +
					"You can also set the environment variable `" + apiKeyVariable +
					"`; the argument takes precedence. The value may be ephemeral.",
				Optional:  true,
				Sensitive: true,
			},
			"base_url": schema.StringAttribute{
				MarkdownDescription: "The address of the API. You can also set the environment variable `" +
					baseURLVariable + "`. Defaults to `" + titanx.DefaultBaseURL +
					"`. Plain `http` is accepted only for a loopback address, so that the key is never sent " +
					"in clear text.",
				Optional: true,
			},
			"max_retries": schema.Int64Attribute{
				MarkdownDescription: "The maximum number of retries for a request that is safe to repeat, " +
					"after a lost connection or a server error. Defaults to `5`. A create is never repeated blindly.",
				Optional:   true,
				Validators: []validator.Int64{int64validator.Between(0, 20)},
			},
			"request_timeout": schema.StringAttribute{
				MarkdownDescription: "How long one attempt may take, as a duration such as `30s` (the " +
					"default). Waiting for a rate limit does not count.",
				Optional:   true,
				Validators: []validator.String{durationAtLeast(100 * time.Millisecond)},
			},
			"on_duplicate": schema.StringAttribute{
				MarkdownDescription: "What the provider does if a plan adds a webhook with the url and events of " +
					"another one: `warn` (the default) or `error`. Two such webhooks deliver every event twice. " +
					"Use `error` where nobody reads warnings. `error` requires Terraform 1.9 or newer; with other " +
					"CLIs, it acts as `warn`.",
				Optional:   true,
				Validators: []validator.String{stringvalidator.OneOf(onDuplicateWarn, onDuplicateError)},
			},
		},
	}
}

func (p *titanxProvider) Configure(
	ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse,
) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	apiKey := argumentOr(config.APIKey, "api_key", apiKeyVariable, &resp.Diagnostics)
	baseURL := argumentOr(config.BaseURL, "base_url", baseURLVariable, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	conn := newConnection()
	conn.duplicatesAreErrors = config.OnDuplicate.ValueString() == onDuplicateError &&
		marksApply(req.TerraformVersion, executable())
	p.conn, resp.ResourceData, resp.DataSourceData, resp.ListResourceData = conn, conn, conn, conn
	if _, err := titanx.New(titanx.Config{APIKey: "unused", BaseURL: baseURL}); err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("base_url"), "Invalid base_url",
			sentence(err.Error())+" Correct base_url, or the environment variable "+baseURLVariable+".")
		return
	}
	u, err := url.Parse(baseURL)
	conn.local = config.BaseURL.IsUnknown() || err == nil && titanx.IsLoopback(u.Hostname())
	for _, argument := range []struct {
		name  string
		value attr.Value
	}{
		{"api_key", config.APIKey},
		{"base_url", config.BaseURL},
		{"max_retries", config.MaxRetries},
		{"on_duplicate", config.OnDuplicate},
		{"request_timeout", config.RequestTimeout},
	} {
		if argument.value.IsUnknown() {
			conn.unknown = append(conn.unknown, argument.name)
		}
	}
	if len(conn.unknown) > 0 {
		if req.ClientCapabilities.DeferralAllowed {
			resp.Deferred = &provider.Deferred{Reason: provider.DeferredReasonProviderConfigUnknown}
		}
		return
	}
	cfg := titanx.Config{
		APIKey:  apiKey,
		BaseURL: baseURL,
		UserAgent: "terraform-provider-titanx/" + p.version +
			" (+https://registry.terraform.io/providers/titanx-io/titanx) Terraform/" + req.TerraformVersion,
		MaxRetries: titanx.DefaultMaxRetries,
		Proxy:      http.ProxyFromEnvironment,
		Logger:     newLogger(),
	}
	if cfg.APIKey == "" {
		conn.keyless = true // functions, the ephemeral resource and the action need no key
		return
	}
	if !config.MaxRetries.IsNull() {
		cfg.MaxRetries = int(config.MaxRetries.ValueInt64())
	}
	cfg.RequestTimeout = durationOf(config.RequestTimeout)
	if p.adapt != nil {
		p.adapt(&cfg)
	}
	client, err := titanx.New(cfg)
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("api_key"), "Invalid api_key",
			sentence(err.Error())+" Correct api_key, or the environment variable "+apiKeyVariable+
				". To remove a line break, use trimspace.")
		return
	}
	conn.client = client
	conn.key, conn.address = cfg.APIKey, normalAddress(cfg.BaseURL)
}

func (p *titanxProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return newWebhookResource(p.now) }}
}

func (p *titanxProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newWebhookDataSource, newWebhooksDataSource}
}

func (p *titanxProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newWebhookListResource}
}

func (p *titanxProvider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{func() action.Action { return newTestDeliveryAction(p.receivers) }}
}

func (p *titanxProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{
		newSignPayloadFunction, newVerifySignatureFunction, newVerifySignatureBase64Function}
}

func (p *titanxProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newWebhookSecretEphemeral}
}
