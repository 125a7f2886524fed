// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

var _ function.Function = verifySignatureFunction{}

func newVerifySignatureFunction() function.Function { return verifySignatureFunction{} }

type verifySignatureFunction struct{}

func (verifySignatureFunction) Metadata(
	_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse,
) {
	resp.Name = "verify_signature"
}

func (verifySignatureFunction) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = function.Definition{
		Summary: "Verify the signature of a delivery",
		MarkdownDescription: "Returns whether a signature is the one that TitanX would send with a body. " +
			"The comparison takes constant time. " +
			"Terraform normalizes text to Unicode NFC: for a body with decomposed characters, use " +
			"`verify_signature_base64`. " +
			"A malformed signature is `false`, not an error.",
		Parameters: append(signedParameters(), signatureParameter()),
		Return:     function.BoolReturn{},
	}
}

func signatureParameter() function.Parameter {
	return function.StringParameter{
		Name:                "signature",
		MarkdownDescription: "The value of the `" + signature.Header + "` header.",
	}
}

func (verifySignatureFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var secret, body, sig string
	if resp.Error = req.Arguments.Get(ctx, &secret, &body, &sig); resp.Error != nil {
		return
	}
	if resp.Error = refuseEmptySecret(secret); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, signature.Verify(secret, []byte(body), sig))
}
