// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/base64"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

var _ function.Function = verifySignatureBase64Function{}

func newVerifySignatureBase64Function() function.Function { return verifySignatureBase64Function{} }

type verifySignatureBase64Function struct{}

func (verifySignatureBase64Function) Metadata(
	_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse,
) {
	resp.Name = "verify_signature_base64"
}

func (verifySignatureBase64Function) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = function.Definition{
		Summary: "Verify the signature of a delivery whose body is in base64",
		MarkdownDescription: "Returns whether a signature is the one that TitanX would send with a body. " +
			"Unlike `verify_signature`, it takes the body's bytes in base64, " +
			"such as from `filebase64`. Terraform normalizes text to Unicode NFC before a provider sees it, " +
			"which changes a body with decomposed characters. " +
			"A malformed signature is `false`, not an error.",
		Parameters: []function.Parameter{
			signedParameters()[0],
			function.StringParameter{
				Name:                "body_base64",
				MarkdownDescription: "The bytes of the request body, in standard base64.",
			},
			signatureParameter(),
		},
		Return: function.BoolReturn{},
	}
}

func (verifySignatureBase64Function) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var secret, encoded, sig string
	if resp.Error = req.Arguments.Get(ctx, &secret, &encoded, &sig); resp.Error != nil {
		return
	}
	if resp.Error = refuseEmptySecret(secret); resp.Error != nil {
		return
	}
	body, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(1,
			"The body is not standard base64. Read it with filebase64, or encode it with base64encode.")
		return
	}
	resp.Error = resp.Result.Set(ctx, signature.Verify(secret, body, sig))
}
