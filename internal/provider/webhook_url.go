// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// deliveryURL rejects what TitanX documents that it rejects, before anything
// is sent.
var deliveryURL = stringCheck{"an absolute https URL without user info or fragment",
	func(text string, at path.Path, diags *diag.Diagnostics) {
		if problem := urlProblem(text); problem != "" {
			diags.AddAttributeError(at, "Invalid webhook URL", problem)
		}
	}}

func urlProblem(text string) string {
	if problem := characterProblem(text); problem != "" {
		return problem
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "It cannot be read as a URL. Use an absolute URL, such as https://hooks.example.com/titanx."
	case strings.EqualFold(u.Scheme, "http"):
		return "TitanX delivers only over TLS. Use https:// instead of http://, with a publicly trusted certificate."
	case !strings.EqualFold(u.Scheme, "https"):
		return "TitanX delivers only over https. Use an absolute URL, such as https://hooks.example.com/titanx."
	case u.Hostname() == "":
		return "It has no host. Use an absolute URL, such as https://hooks.example.com/titanx."
	case u.User != nil:
		return "It contains user info, which would be stored and sent in clear text. Remove it: " +
			"receivers verify the signature of a delivery instead."
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		return "It has a fragment (the part after #), which is never sent to a server. Remove it."
	case !isASCII(strings.Replace(text, u.Host, "", 1)):
		return "Outside the host, it contains a character that is not ASCII. " +
			"Write that part percent-encoded, for example with urlencode(…)."
	}
	return hostProblem(u)
}

// characterProblem returns what is wrong with the white space, the control
// and the invisible characters of a url, or "".
func characterProblem(text string) string {
	if strings.TrimSpace(text) != text {
		return "It begins or ends with a space or a line break. Remove that, for example with trimspace(…)."
	}
	for _, r := range text {
		switch {
		case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return "It contains a line break. Use an absolute URL in one line, such as " +
				"https://hooks.example.com/titanx."
		case unicode.IsControl(r):
			return "It contains a control character. Remove it."
		case unicode.IsSpace(r):
			return "It contains a space. A host has none; elsewhere write it as %20, for example with urlencode(…)."
		case unicode.Is(unicode.Cf, r):
			return fmt.Sprintf("It contains an invisible character (U+%04X), as copied text often does. "+
				"Type the URL again.", r)
		}
	}
	return ""
}
