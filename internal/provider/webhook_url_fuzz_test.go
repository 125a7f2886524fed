// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"net/url"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// What the validator lets through is an address that TitanX can be given, in
// every spelling that means the same.
func FuzzURLProblem(f *testing.F) {
	for _, text := range []string{
		"https://your-app.com/webhooks/titanx", "HTTPS://Your-App.com:443", "http://a.example", "https://", "https:///x", "https://:443",
		"https://user:CANARY@a.example/", "https://a.example/#", "https://a.example/#x", "https:a.example", "ftp://a.example", "",
		"https://localhost", "https://10.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://a..example:99999",
		"https://b\u00fccher.example", "\x00", "https://a.example/ x",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		unreachableURL(text)
		if urlProblem(text) != "" {
			return
		}
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || strings.Contains(text, "#") {
			t.Errorf("%q has no problem", text)
			return
		}
		upper := strings.Replace(text, text[:len("https")], "HTTPS", 1)
		if problem := urlProblem(upper); problem != "" || !titanx.SameURL(text, upper) {
			t.Errorf("%q has no problem, but %q has: %s", text, upper, problem)
		}
		if unreachableURL(text) != unreachableURL(upper) {
			t.Errorf("%q can be reached, or %q: not both", text, upper)
		}
	})
}
