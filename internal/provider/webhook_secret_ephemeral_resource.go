// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func newWebhookSecretEphemeral() ephemeral.EphemeralResource { return webhookSecretEphemeral{} }

// webhookSecretEphemeral decrypts encrypted_secret for the length of a run. It
// asks no API.
type webhookSecretEphemeral struct{}

type webhookSecretModel struct {
	EncryptedSecret types.String `tfsdk:"encrypted_secret"`
	Identity        types.String `tfsdk:"identity"`
	Secret          types.String `tfsdk:"secret"`
}

func (webhookSecretEphemeral) Metadata(
	_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse,
) {
	resp.TypeName = req.ProviderTypeName + "_webhook_secret"
}

func (webhookSecretEphemeral) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Decrypts the `encrypted_secret` of a `titanx_webhook` during a run. " +
			"The signing secret can reach a write-only argument or a provider's configuration without being stored.",
		Attributes: map[string]schema.Attribute{
			"encrypted_secret": schema.StringAttribute{
				MarkdownDescription: "The `encrypted_secret` of a `titanx_webhook`.",
				Required:            true,
			},
			"identity": schema.StringAttribute{
				MarkdownDescription: "The private key that matches one of the webhook's `secret_recipients`. " +
					"It is an age identity (`AGE-SECRET-KEY-…`), the whole file that `age-keygen` writes, " +
					"or an SSH private key (ed25519 or RSA) without a passphrase. Pass it from an ephemeral variable.",
				Required:  true,
				Sensitive: true,
			},
			"secret": schema.StringAttribute{
				MarkdownDescription: "The signing secret.",
				Computed:            true,
				Sensitive:           true,
			},
		},
	}
}

func (webhookSecretEphemeral) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var model webhookSecretModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	identities, err := parseIdentities(model.Identity.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("identity"), "Invalid identity", sentence(err.Error()))
		return
	}
	secret, err := decryptWith(identities, model.EncryptedSecret.ValueString())
	if err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("encrypted_secret"), "Unable to decrypt the signing secret",
			sentence(err.Error()))
		return
	}
	model.Secret = types.StringValue(secret)
	resp.Diagnostics.Append(resp.Result.Set(ctx, model)...)
}
