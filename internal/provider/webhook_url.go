// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// deliveryURL rejects what TitanX documents that it rejects, before anything
// is sent.
var deliveryURL = stringCheck{"an absolute https URL without user info or fragment", func(text string, at path.Path, diags *diag.Diagnostics) {
	if problem := urlProblem(text); problem != "" {
		diags.AddAttributeError(at, "Invalid webhook URL", problem)
	}
}}

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
