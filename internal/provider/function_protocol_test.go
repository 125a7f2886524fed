// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// All provider functions.

package provider

import (
	"context"
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// call calls a function with texts; nil is null.
func (p *protocolServer) call(name string, arguments ...any) (tftypes.Value, *tfprotov6.FunctionError) {
	p.t.Helper()
	req := &tfprotov6.CallFunctionRequest{Name: name}
	for _, argument := range arguments {
		value, err := tfprotov6.NewDynamicValue(tftypes.String, tftypes.NewValue(tftypes.String, argument))
		if err != nil {
			p.t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &value)
	}
	resp, err := p.CallFunction(context.Background(), req)
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.Error != nil {
		return tftypes.Value{}, resp.Error
	}
	result, err := resp.Result.Unmarshal(p.schemas.Functions[name].Return.Type)
	if err != nil {
		p.t.Fatal(err)
	}
	return result, nil
}

func (p *protocolServer) sign(secret, body string) string {
	p.t.Helper()
	result, refusal := p.call("sign_payload", secret, body)
	if refusal != nil {
		p.t.Fatalf("sign_payload: %s", refusal.Text)
	}
	var sig string
	if err := result.As(&sig); err != nil {
		p.t.Fatal(err)
	}
	return sig
}

func (p *protocolServer) verify(secret, body, sig string) bool {
	p.t.Helper()
	result, refusal := p.call("verify_signature", secret, body, sig)
	if refusal != nil {
		p.t.Fatalf("verify_signature: %s", refusal.Text)
	}
	var valid bool
	if err := result.As(&valid); err != nil {
		p.t.Fatal(err)
	}
	return valid
}

// unconfigured serves the provider as core does for functions: they need no
// configuration.
func unconfigured(t *testing.T) *protocolServer {
	t.Helper()
	p, _ := simulate(t, titanxsim.Config{}).tryProtocol(object{"api_key": unknown})
	return p
}

func TestFunctions_openSSL_protocol(t *testing.T) {
	t.Parallel()
	p := unconfigured(t)
	vectors, err := os.ReadFile("../signature/testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	for line := range strings.Lines(string(vectors)) {
		fields := strings.Fields(line)
		body, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[1], "-"))
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(body) {
			continue // Terraform's strings cannot hold it
		}
		texts++
		if got := p.sign(fields[0], string(body)); got != fields[2] {
			t.Errorf("sign_payload of %q = %s, openssl says %s", body, got, fields[2])
		}
		if !p.verify(fields[0], string(body), fields[2]) {
			t.Errorf("verify_signature refuses openssl's signature of %q", body)
		}
	}
	if texts < 10 {
		t.Errorf("only %d vectors are texts", texts)
	}
}

func TestVerifySignature_protocol(t *testing.T) {
	t.Parallel()
	p := unconfigured(t)
	const secret, body = "CANARY-secret", `{"payload":{"firstName":"Zoë"},"id":"1"}` + "\n"
	sig := p.sign(secret, body)
	for name, tc := range map[string]struct {
		secret, body, sig string
		want              bool
	}{
		"valid":             {secret, body, sig, true},
		"other secret":      {secret + "x", body, sig, false},
		"other body":        {secret, strings.TrimSpace(body), sig, false},
		"no signature":      {secret, body, "", false},
		"no base64":         {secret, body, "%%%", false},
		"hexadecimal":       {secret, body, strings.Repeat("0f", 32), false},
		"prefixed":          {secret, body, "sha256=" + sig, false},
		"unpadded":          {secret, body, strings.TrimRight(sig, "="), false},
		"with a line break": {secret, body, sig + "\n", false},
		"empty body":        {secret, "", p.sign(secret, ""), true},
	} {
		if got := p.verify(tc.secret, tc.body, tc.sig); got != tc.want {
			t.Errorf("%s: verify_signature = %v", name, got)
		}
	}
}

// TestFunctions_emptySecret_protocol: a lost secret that became "" must
// not let a receiver's test pass.
func TestFunctions_emptySecret_protocol(t *testing.T) {
	t.Parallel()
	p := unconfigured(t)
	for _, secret := range []string{"", " ", "\n"} {
		for name, arguments := range map[string][]any{
			"sign_payload":     {secret, "{}"},
			"verify_signature": {secret, "{}", signature.Sign(secret, []byte("{}"))},

			"verify_signature_base64": {secret, "e30=", signature.Sign(secret, []byte("{}"))},
		} {
			_, refusal := p.call(name, arguments...)
			if refusal == nil || !strings.Contains(refusal.Text, "secret is empty") || refusal.FunctionArgument == nil || *refusal.FunctionArgument != 0 {
				t.Errorf("%s(%q, …): %v", name, secret, refusal)
			}
		}
	}
}

func TestFunctions_redactedErrors_protocol(t *testing.T) {
	t.Parallel()
	p := unconfigured(t)
	for name, arguments := range map[string][]any{
		"sign_payload":     {"CANARY-secret", nil},
		"verify_signature": {"CANARY-secret", "{}", nil},
	} {
		_, refusal := p.call(name, arguments...)
		if refusal == nil || strings.Contains(refusal.Text, "CANARY") {
			t.Errorf("%s of null: %v", name, refusal)
		}
	}
}

func TestVerifySignatureBase64_protocol(t *testing.T) {
	t.Parallel()
	p := unconfigured(t)
	const secret = "CANARY-secret"
	bodies := map[string][]byte{"decomposed": []byte("Zoe\u0308"), "composed": []byte("Zo\u00eb"), "no text": {0xff, 0}, "empty": {}}
	for signed, body := range bodies {
		sig := signature.Sign(secret, body)
		for name, other := range bodies {
			result, refusal := p.call("verify_signature_base64", secret, base64.StdEncoding.EncodeToString(other), sig)
			var valid bool
			if refusal != nil || result.As(&valid) != nil || valid != (name == signed) {
				t.Errorf("%s, signed %s: %t, %v", name, signed, valid, refusal)
			}
		}
	}
	if _, refusal := p.call("verify_signature_base64", secret, "e30", "x"); refusal == nil || !strings.Contains(refusal.Text, "filebase64") || *refusal.FunctionArgument != 1 {
		t.Errorf("unpadded base64: %v", refusal)
	}
}
