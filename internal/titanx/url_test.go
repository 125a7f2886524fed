// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import "testing"

func TestSameURL(t *testing.T) {
	t.Parallel()
	const address = "https://hooks.example.com/titanx?a=1"
	for _, same := range []string{
		address, "HTTPS://hooks.example.com/titanx?a=1", "https://HOOKS.Example.com/titanx?a=1",
		"https://hooks.example.com:443/titanx?a=1", "https://hooks.example.com:/titanx?a=1",
	} {
		if !SameURL(address, same) || !SameURL(same, address) {
			t.Errorf("%s is another address", same)
		}
	}
	for _, other := range []string{
		"", "https://hooks.example.com/TITANX?a=1", "https://hooks.example.com/titanx?a=2", "https://hooks.example.com/titanx/?a=1",
		"https://hooks.example.com:8443/titanx?a=1", "https://hooks.example.org/titanx?a=1", "http://hooks.example.com/titanx?a=1",
		"https://hooks.example.com:80/titanx?a=1", "https://hooks.example.com:443", "https://[::1", "hooks.example.com/titanx?a=1",
	} {
		if SameURL(address, other) || SameURL(other, address) {
			t.Errorf("%s is the same address", other)
		}
	}
	for a, b := range map[string]string{
		"https://hooks.example.com":         "https://hooks.example.com/",
		"https://hooks.example.com?a=1":     "https://hooks.example.com/?a=1",
		"https://[2001:DB8::1]:443/x":       "https://[2001:db8::1]/x",
		"https://b\u00fccher.example/":      "https://B\u00dcCHER.example",
		"https://b\u00fccher.example.com/a": "https://xn--bcher-kva.example.com/a",
		"https://a.example/a%2fb%c3%bc":     "https://a.example/a%2Fb%C3%BC",
		"not a url, but the same not a url": "not a url, but the same not a url",
	} {
		if !SameURL(a, b) {
			t.Errorf("%s and %s are different addresses", a, b)
		}
	}
}

// The canonical form of an address is an address, has itself as canonical form,
// and decides equality both ways.
func FuzzSameURL(f *testing.F) {
	for _, text := range []string{
		"https://your-app.com/webhooks/titanx", "HTTPS://YOUR-APP.com:443", "https://a.example:/?q#f", "https://[2001:DB8::1]:443/x",
		"https://b\u00fccher.example/%C3%BC", "https://user:CANARY@a.example/", "https://:443", "", "//a", "https://%41.example",
		"https://a.example:443:443", "//::", "mailto:a@b", "https://a.example/%2e%2e/x",
	} {
		f.Add(text, "https://your-app.com/webhooks/titanx")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		canonical := URLKey(a)
		if again := URLKey(canonical); again != canonical {
			t.Errorf("URLKey(%q) = %q, and of that %q", a, canonical, again)
		}
		if !SameURL(a, a) || !SameURL(a, canonical) || !SameURL(canonical, a) {
			t.Errorf("%q is another address than itself", a)
		}
		if SameURL(a, b) != SameURL(b, a) || SameURL(a, b) != SameURL(canonical, URLKey(b)) {
			t.Errorf("SameURL(%q, %q) depends on the order or spelling", a, b)
		}
	})
}
