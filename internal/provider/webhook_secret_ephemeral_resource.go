// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/crypto/ssh"
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

// parseIdentities reads a private key, or a file of age-keygen. Its error
// quotes nothing of it.
func parseIdentities(text string) ([]age.Identity, error) {
	text = strings.TrimSpace(text)
	if err := misread(text); err != nil {
		return nil, err
	}
	var locked *ssh.PassphraseMissingError
	switch {
	case strings.HasPrefix(text, "age1"), strings.HasPrefix(text, "ssh-"):
		return nil, errors.New("this is a public key: use the private key that belongs to it")
	case strings.HasPrefix(text, armor.Header), strings.HasPrefix(text, "age-encryption.org/"):
		return nil, errors.New("the identity is itself encrypted: decrypt it with age -d, and use the result")
	case strings.HasPrefix(text, "-----BEGIN"):
		identity, err := agessh.ParseIdentity([]byte(text))
		if errors.As(err, &locked) || strings.HasPrefix(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
			return nil, errors.New("the SSH private key is protected with a passphrase, which nobody can " +
				"enter during a run: " +
				"use a key without a passphrase, or preferably an age identity that age-keygen creates " +
				"for this purpose")
		}
		if err != nil {
			return nil, errors.New("it is not an SSH private key of type ed25519 or RSA, or a part is " +
				"missing: include the first and the last line")
		}
		return []age.Identity{identity}, nil
	}
	identities, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil {
		return nil, errors.New("it is not an age identity: use one that begins with AGE-SECRET-KEY-1, as " +
			"age-keygen prints it, or an SSH private key without a passphrase")
	}
	return identities, nil
}

// decryptWith decrypts what encryptTo has made. Its error quotes nothing.
func decryptWith(identities []age.Identity, encrypted string) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(encrypted), armor.Header) {
		return "", errors.New("it is not an age file in ASCII armor: use the encrypted_secret of a " +
			"titanx_webhook that has secret_recipients")
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(encrypted)), identities...)
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) {
		return "", errors.New("the identity matches none of the recipients that it was encrypted to: " +
			"use the private key of one of the webhook's secret_recipients")
	}
	var secret []byte
	if err == nil {
		secret, err = io.ReadAll(plain)
	}
	if err != nil {
		return "", errors.New("it begins like an age file but is damaged: use the complete, unchanged encrypted_secret")
	}
	return string(secret), nil
}
