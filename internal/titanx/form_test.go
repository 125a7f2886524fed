// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"strings"
	"testing"
)

func TestIsNameForm(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("scored contacts ", 8)
	for _, tc := range []struct {
		asked, stored string
		want          bool
	}{
		{"crm", "crm", true},
		{"crm ", "crm", true},
		{"\tcrm\u00a0", "crm", true},
		{"CRM", "crm", true},
		{"crm", "CRM", true},
		{"Zo\u00eb", "Zoe\u0308", true},
		{"a  b", "a b", true},
		{"a & b", "a &amp; b", true},
		{long, long[:64], true},
		{long, long[:63], true},
		{long, long[:shortestCut], true},
		{long, long[:shortestCut-1], false},
		{strings.ToUpper(long), strings.TrimSpace(long[:64]), true},
		{"Scored contacts", "scored con\u2026", true},
		{"crm", "crm 2", false},
		{"crm-production", "crm", false},
		{"crm", "cr", false},
		{"crm", "", false},
		{"crm", "hubspot", false},
		{"Zo\u00eb", "Zoe", false},
		{long[:64], long, false},
	} {
		if got := IsNameForm(tc.asked, tc.stored); got != tc.want {
			t.Errorf("%q stored as %q: %t", tc.asked, tc.stored, got)
		}
	}
}

func TestWebhook_WithoutMasked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, url           string // as they are
		shownName, shownURL string
		wantName, wantURL   string
	}{
		{"crm", "https://a.example/token", "crm", "https://a.example/token", "crm", "https://a.example/token"},
		{"crm", "https://a.example/token", "crm", "https://a.example/to***", "crm", ""},
		{"crm", "https://A.example/token", "crm", "https://a.example/\u2022\u2022\u2022en", "crm", ""},
		{"crm", "https://a.example/x?k=token&v=1", "crm", "https://a.example/x?k=***&v=1", "crm", ""},
		{"crm", "https://a.example/token", "crm", "https://a.exam...", "crm", ""},
		{"crm", "https://a.example/token", "crm", "https://b.example/to***", "crm", "https://b.example/to***"},
		{"crm", "https://a.example/token", "crm", "https://a.example/to***x", "crm", "https://a.example/to***x"},
		{"crm", "https://a.example/a", "crm", "https://a.example/a***a", "crm", "https://a.example/a***a"},
		{"crm", "https://a.example/***", "crm", "https://a.example/***", "crm", "https://a.example/***"},
		{"crm", "https://a.example/a*b", "crm", "https://a.example/a*", "crm", "https://a.example/a*"},
		{"scored contacts", "", "scored con\u2026", "https://a.example/***", "", ""},
		{"scored contacts", "", "scored jobs...", "", "scored jobs...", ""},
		{"", "", "scored con...", "", "scored con...", ""},
	} {
		got := Webhook{Name: tc.shownName, URL: tc.shownURL}.WithoutMasked(tc.name, tc.url)
		if got.Name != tc.wantName || got.URL != tc.wantURL {
			t.Errorf("%q %q shown as %q %q: %q %q", tc.name, tc.url, tc.shownName, tc.shownURL, got.Name, got.URL)
		}
	}
}

func TestIsURLForm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		asked, stored string
		want          bool
	}{
		{"https://b\u00fccher.example.com/a", "https://xn--bcher-kva.example.com/a", true},
		{"https://a.example/a%2fb", "https://a.example/a%2Fb", true},
		{"https://a.example/a?token=x", "https://a.example/a", true},
		{"https://a.example/a?token=x", "https://a.example/a?token=***", true},
		{"https://a.example/a?token=x&v=1", "https://a.example/a?token=REDACTED&v=1", true},
		{"https://A.example:443/A", "https://a.example/a", true},
		{"https://a.example/a/", "https://a.example/a", true},
		{"https://a.example", "https://a.example/", true},
		{"https://a.example/a?x;y", "https://A.example/a?x;y", true},
		{"https://a.example/a?x=1&y=%zz", "https://a.example/a?x=*", false},
		{"https://A.example/token", "https://a.example/***", true},
		{"https://a.example/token", "https://a.example/to\u2026", true},
		{"https://a.example/token", "https://b.example/***", false},
		{"https://a.example/a?x=1", "https://a.example/a?x=***&y=%zz", false},
		{"https://a.example/a?token=x", "https://a.example/a?token=y", false},
		{"https://a.example/a?token=x", "https://a.example/a?other=***", false},
		{"https://a.example/a?token=x", "https://a.example/a?token=x&more=1", false},
		{"https://a.example/a", "https://a.example/a?token=x", false},
		{"https://a.example/a", "https://a.example/b", false},
		{"https://a.example/a", "https://b.example/a", false},
		{"https://a.example:8443/a", "https://a.example/a", false},
		{"https://a.example/a", "http://a.example/a", false},
	} {
		if got := IsURLForm(tc.asked, tc.stored); got != tc.want {
			t.Errorf("%q stored as %q: %t", tc.asked, tc.stored, got)
		}
	}
}

func TestIsEventsForm(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		asked, stored string
		want          bool
	}{
		{"a", "a", true},
		{"a", "a b", true},
		{"b a", "a b c", true},
		{"a b", "a", false},
		{"a", "b", false},
		{"a", "", false},
	} {
		if got := IsEventsForm(strings.Fields(tc.asked), strings.Fields(tc.stored)); got != tc.want {
			t.Errorf("%q stored as %q: %t", tc.asked, tc.stored, got)
		}
	}
}
