// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

var (
	_ basetypes.StringTypable                    = webhookURLType{}
	_ basetypes.StringValuableWithSemanticEquals = webhookURL{}
)

// webhookURLType is a string in which the case of scheme and host and the default port make no difference.
type webhookURLType struct{ basetypes.StringType }

func (t webhookURLType) Equal(o attr.Type) bool {
	_, ok := o.(webhookURLType)
	return ok
}

func (t webhookURLType) String() string { return "webhookURLType" }

func (t webhookURLType) ValueType(context.Context) attr.Value { return webhookURL{} }

func (t webhookURLType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return webhookURL{in}, nil
}

func (t webhookURLType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	text, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("unexpected value of type %T", value)
	}
	return webhookURL{text}, nil
}

type webhookURL struct{ basetypes.StringValue }

func newWebhookURL(text string) webhookURL { return webhookURL{types.StringValue(text)} }

func (u webhookURL) Type(context.Context) attr.Type { return webhookURLType{} }

func (u webhookURL) Equal(o attr.Value) bool {
	other, ok := o.(webhookURL)
	return ok && u.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals keeps the configuration's spelling where TitanX answers with another of the same address.
func (u webhookURL) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(webhookURL)
	return ok && u.same(other), nil
}

func (u webhookURL) same(other webhookURL) bool {
	return titanx.SameURL(u.ValueString(), other.ValueString())
}

// webhookURLValidator refuses what TitanX documents that it refuses, before anything is sent.
type webhookURLValidator struct{}

func (webhookURLValidator) Description(context.Context) string {
	return "an absolute https URL without user info or fragment"
}

func (v webhookURLValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (webhookURLValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if problem := urlProblem(req.ConfigValue.ValueString()); problem != "" {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid webhook URL", problem)
	}
}

func urlProblem(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "It cannot be read as a URL. Give an absolute one, such as https://hooks.example.com/titanx."
	case strings.EqualFold(u.Scheme, "http"):
		return "TitanX delivers only over TLS. Use https:// instead of http://, with a certificate that the public trusts."
	case !strings.EqualFold(u.Scheme, "https"):
		return "TitanX delivers only over https. Give an absolute URL, such as https://hooks.example.com/titanx."
	case u.Hostname() == "":
		return "It has no host. Give an absolute URL, such as https://hooks.example.com/titanx."
	case u.User != nil:
		return "It holds user info, which would be stored and sent in clear. Remove it: receivers verify the signature of a delivery instead."
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "It has a fragment (the part after #), which is never sent to a server. Remove it."
	}
	return ""
}

// unreachableURL says why TitanX could not reach a url from outside, or "". It looks at the text alone and resolves no name.
func unreachableURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	var what string
	switch {
	case err != nil && (host == "localhost" || strings.HasSuffix(host, ".localhost")):
		what = "this machine"
	case err != nil && !strings.Contains(host, "."):
		what = "a host name without a domain"
	case err != nil:
		return ""
	case ip.IsLoopback() || ip.IsUnspecified():
		what = "this machine"
	case ip.IsPrivate() || ip.IsLinkLocalUnicast() || sharedAddresses.Contains(ip):
		what = "a private or link-local address"
	case ip.IsMulticast():
		what = "a multicast address"
	default:
		return ""
	}
	return fmt.Sprintf("TitanX must reach the webhook from the internet, but %q is %s. Use a public host name; to test against a server on this machine, set base_url to it as well.", u.Hostname(), what)
}

// sharedAddresses are those between a carrier's NAT and its customers (RFC 6598).
var sharedAddresses = netip.MustParsePrefix("100.64.0.0/10")
