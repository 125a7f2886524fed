// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/net/idna"
)

// checkReachable rejects a url that TitanX cannot reach, unless the API itself
// is on this machine.
func (c *connection) checkReachable(plan webhookResourceModel, diags *diag.Diagnostics) {
	if c.local || plan.URL.IsUnknown() {
		return
	}
	if problem := unreachableURL(plan.URL.ValueString()); problem != "" {
		diags.AddAttributeError(path.Root("url"), "Webhook URL not reachable from the internet", problem)
	}
}

// unreachableURL says why TitanX could not reach a url from outside, or "". It
// looks at the text alone and resolves no name.
func unreachableURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return ""
	}
	host = strings.TrimSuffix(host, ".")
	ip, isAddress := hostAddress(host)
	var what string
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		what = "this machine"
	case !isAddress && !strings.Contains(host, "."):
		what = "a host name without a domain"
	case !isAddress:
		return ""
	case ip.IsLoopback() || ip.IsUnspecified() || thisNetwork.Contains(ip):
		what = "this machine"
	case ip.IsPrivate() || ip.IsLinkLocalUnicast() || sharedAddresses.Contains(ip):
		what = "a private or link-local address"
	case ip.IsMulticast() || reservedAddresses.Contains(ip):
		what = "a multicast or reserved address"
	default:
		return ""
	}
	return fmt.Sprintf("TitanX must reach the webhook from the internet, but %q is %s. "+
		"Use a public host name; to test with a server on this machine, also set base_url to this machine.",
		u.Hostname(), what)
}

// Addresses that are not public, beside those that net/netip knows: this
// network (RFC 1122), those between a carrier's NAT and its customers (RFC
// 6598), and those reserved for later, broadcast included (RFC 1112).
var (
	thisNetwork       = netip.MustParsePrefix("0.0.0.0/8")
	sharedAddresses   = netip.MustParsePrefix("100.64.0.0/10")
	reservedAddresses = netip.MustParsePrefix("240.0.0.0/4")
)

// hostProblem returns why no server can have the host and port of a url, or "".
func hostProblem(u *url.URL) string {
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "A server cannot have this port. Use a number from 1 to 65535, or leave the port out."
		}
	}
	if strings.HasPrefix(u.Host, "[") {
		switch ip, err := netip.ParseAddr(u.Hostname()); {
		case err != nil:
			return "The host in brackets is not an IPv6 address. Correct it, or use a host name."
		case ip.Zone() != "":
			return "Its IPv6 address has a zone, which has a meaning on one machine only. Use a public host name."
		}
		return ""
	}
	host, err := asciiHost(u.Hostname())
	if err != nil {
		return "Its host is not a valid international domain name. Correct it, or write it in its ASCII form (xn--…)."
	}
	name := strings.TrimSuffix(host, ".")
	switch {
	case strings.Contains(name, "*"):
		return "Its host contains *. TitanX delivers a webhook to one host: write its name."
	case name == "" || strings.HasPrefix(name, "."):
		return "Its host begins with a dot. Use a host name, such as hooks.example.com."
	case strings.Contains(host, ".."):
		return "Its host has two dots in a row. Remove one, or add the name that is missing between them."
	case len(name) > 253:
		return "Its host is longer than the 253 characters that a host name may have. Use a shorter name."
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if len(label) > 63 {
			return "A part of its host is longer than the 63 characters that are allowed between two dots. " +
				"Use a shorter name."
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			return "Its host may contain only letters, digits, hyphens, and dots. Remove every other character."
		}
	}
	if _, ok := numericIPv4(name); !ok && isNumber(labels[len(labels)-1]) {
		return "Its host ends with a number, but is not an IPv4 address. " +
			"Use a host name, such as hooks.example.com, or an address of four numbers from 0 to 255."
	}
	return ""
}

// hosts maps a host as browsers do, and leaves to hostProblem what a host may
// hold.
var hosts = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false),
	idna.CheckHyphens(false), idna.VerifyDNSLength(false))

// asciiHost returns a host in lower case and punycode.
func asciiHost(host string) (string, error) {
	if host = strings.ToLower(host); isASCII(host) {
		return host, nil
	}
	return hosts.ToASCII(host)
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > '~' })
}

// hostAddress returns the IP address that a host is, in any form that a C
// library reads. An IPv4 address inside an IPv6 one is taken out.
func hostAddress(host string) (netip.Addr, bool) {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		for _, p := range embeddedIPv4 {
			if p.prefix.Contains(ip.WithZone("")) {
				bytes := ip.As16()
				return netip.AddrFrom4([4]byte(bytes[p.at : p.at+4])), true
			}
		}
		return ip, true
	}
	return numericIPv4(host)
}

// embeddedIPv4 are the IPv6 prefixes that carry an IPv4 address, and where in
// the address it stands: compatible and mapped (RFC 4291), NAT64 (RFC 6052),
// 6to4 (RFC 3056).
var embeddedIPv4 = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("::ffff:0:0/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

// numericIPv4 reads an IPv4 address as inet_aton does: one to four numbers,
// each decimal, octal (0…) or hexadecimal (0x…), the last of which fills what
// is left of the 32 bits.
func numericIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var address uint64
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (4 - i)
		}
		if !isNumber(part) {
			return netip.Addr{}, false
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil {
			return netip.Addr{}, false
		}
		address = address<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
}

// isNumber reports whether a part of a host is meant as a number: it then
// cannot be a part of a name at the end of a host.
func isNumber(part string) bool {
	if hex, ok := strings.CutPrefix(part, "0x"); ok {
		return hex != "" && strings.Trim(hex, "0123456789abcdef") == ""
	}
	return part != "" && strings.Trim(part, "0123456789") == ""
}
