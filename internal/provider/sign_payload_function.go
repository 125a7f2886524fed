// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

var _ function.Function = signPayloadFunction{}

func newSignPayloadFunction() function.Function { return signPayloadFunction{} }

type signPayloadFunction struct{}

func (signPayloadFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "sign_payload"
}

func (signPayloadFunction) Definition(
	_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse,
) {
	resp.Definition = function.Definition{
		Summary: "Sign a delivery body as TitanX does",
		MarkdownDescription: "Returns the value of the `" + signature.Header +
			"` header that TitanX would send with a body: the HMAC-SHA256 of the body in standard base64. " +
			"Use it in `terraform test` to show that a receiver accepts what TitanX sends.",
		Parameters: signedParameters(),
		Return:     function.StringReturn{},
	}
}

func (signPayloadFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var secret, body string
	if resp.Error = req.Arguments.Get(ctx, &secret, &body); resp.Error != nil {
		return
	}
	if resp.Error = refuseEmptySecret(secret); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, signature.Sign(secret, []byte(body)))
}

// refuseEmptySecret returns an error for a secret that signs nothing: a lost
// one that became "" must not make a receiver's test pass. The secret is the
// first argument.
func refuseEmptySecret(secret string) *function.FuncError {
	if strings.TrimSpace(secret) != "" {
		return nil
	}
	return function.NewArgumentFuncError(0,
		"The signing secret is empty. The secret of a titanx_webhook is null if it is lost, "+
			"or if secret_recipients is set: see its secret_status.")
}

// signedParameters are what every signature is made of.
func signedParameters() []function.Parameter {
	return []function.Parameter{
		function.StringParameter{
			Name:                "secret",
			MarkdownDescription: "The webhook's signing secret, including its prefix. An empty secret is an error.",
		},
		function.StringParameter{
			Name: "body",
			MarkdownDescription: "The request body, byte for byte (UTF-8). " +
				"JSON that was parsed and encoded again is a different body.",
		},
	}
}
