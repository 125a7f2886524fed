// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	isError   = tfprotov6.DiagnosticSeverityError
	isWarning = tfprotov6.DiagnosticSeverityWarning
)

func TestWebhook_badInput_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	for name, tc := range map[string]struct {
		change    object
		severity  tfprotov6.DiagnosticSeverity
		attribute string
		advice    string
	}{
		"http":               {object{"url": "http://hooks.example.com"}, isError, "url", "Use https://"},
		"no scheme":          {object{"url": "hooks.example.com/titanx"}, isError, "url", "Use an absolute URL"},
		"no host":            {object{"url": "https:///titanx"}, isError, "url", "no host"},
		"user info":          {object{"url": "https://user@hooks.example.com"}, isError, "url", "Remove it"},
		"fragment":           {object{"url": "https://hooks.example.com/#x"}, isError, "url", "Remove it"},
		"control character":  {object{"url": "https://hooks.example.com/\x00"}, isError, "url", "control character"},
		"newline at the end": {object{"url": "https://hooks.example.com/titanx\n"}, isError, "url", "trimspace("},
		"space inside":       {object{"url": "https://hooks.example.com/a b"}, isError, "url", "%20"},
		"non-ASCII path":     {object{"url": "https://hooks.example.com/b\u00fccher"}, isError, "url", "urlencode("},
		"port 0":             {object{"url": "https://hooks.example.com:0/"}, isError, "url", "1 to 65535"},
		"empty label":        {object{"url": "https://hooks..example.com/"}, isError, "url", "two dots"},
		"wildcard":           {object{"url": "https://*.example.com/"}, isError, "url", "one host"},
		"name, space at end": {object{"name": "crm "}, isWarning, "name", "trimspace("},
		"name, space first":  {object{"name": "\u00a0crm"}, isWarning, "name", "trimspace("},
		"name, newline":      {object{"name": "crm\n"}, isWarning, "name", "trimspace("},
		"name, tab inside":   {object{"name": "crm\tprod"}, isWarning, "name", "control character"},
		"empty name":         {object{"name": ""}, isError, "name", "at least 1"},
		"no events":          {object{"event_types": []string{}}, isError, "event_types", "at least 1"},
		"malformed event":    {object{"event_types": []string{"job contact.scored"}}, isError, "event_types", "job.contact.scored"},
		"unknown event":      {object{"event_types": []string{"job.complete"}}, isWarning, "event_types", "Known events: job.completed and job.contact.scored"},
		"unknown status":     {object{"status": "paused"}, isWarning, "status", "Known statuses: active, inactive"},
		"bad status":         {object{"status": "very active"}, isError, "status", "one word: active or inactive"},
		"bad policy":         {object{"on_lost_secret": "ignore"}, isError, "on_lost_secret", `"keep"`},
		"empty secret":       {object{"secret_wo": ""}, isError, "secret_wo", "at least 1"},
		"bad recipient":      {object{"secret_recipients": []string{"age1nonsense"}}, isError, "secret_recipients", "a part is missing"},
		"private key":        {object{"secret_recipients": []string{"AGE-SECRET-KEY-CANARY"}}, isError, "secret_recipients", "private key"},
		"no recipients":      {object{"secret_recipients": []string{}}, isError, "secret_recipients", "at least 1"},
		"days":               {object{"rotate_after": "90d"}, isError, "rotate_after", "90 days are 2160h"},
		"no unit":            {object{"rotate_after": "90"}, isError, "rotate_after", "units h, m, and s"},
		"zero duration":      {object{"rotate_after": "0s"}, isError, "rotate_after", "at least 1m0s"},
		"negative duration":  {object{"rotate_after": "-2160h"}, isError, "rotate_after", "at least 1m0s"},
		"short duration":     {object{"rotate_after": "1ns"}, isError, "rotate_after", "at least 1m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := p.validate(testWebhook(tc.change))
			if !has(diags, tc.severity, tc.attribute, tc.advice) {
				t.Errorf("no diagnostic at %s with %q: %v", tc.attribute, tc.advice, summaries(diags))
			}
		})
	}
	for _, set := range []string{"event_types", "secret_recipients"} {
		if diags := p.validate(testWebhook(object{set: []any{nil}})); len(diags) != 1 || !has(diags, isError, set, "null") {
			t.Errorf("a null in %s: %v", set, summaries(diags))
		}
	}
	if diags := p.validate(testWebhook(nil)); len(diags) != 0 {
		t.Errorf("a valid webhook: %v", summaries(diags))
	}
}

func TestWebhook_planRefusals_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	local := s.protocol(nil)
	public := s.protocol(object{"base_url": "https://titanx.example/api/public/v2"})

	for _, host := range []string{
		"localhost", "receiver.localhost", "LOCALHOST.", "intranet", "127.0.0.1", "10.1.2.3", "192.168.1.1:8443", "172.16.0.1", "169.254.169.254",
		"100.64.0.1", "0.0.0.0", "[::1]", "[fe80::1]", "[fd00::1]", "[::ffff:10.0.0.1]",
	} {
		config := testWebhook(object{"url": "https://" + host + "/titanx"})
		if diags := public.plan(instance{}, config).diags; !has(diags, isError, "url", "Use a public host name") {
			t.Errorf("%s is not refused: %v", host, summaries(diags))
		}
		if diags := local.plan(instance{}, config).diags; len(diags) != 0 {
			t.Errorf("%s is refused though the API is on loopback: %v", host, summaries(diags))
		}
	}
	for _, host := range []string{"hooks.example.com", "8.8.8.8", "[2001:db8::1]"} {
		if diags := public.plan(instance{}, testWebhook(object{"url": "https://" + host})).diags; has(diags, isError, "url", "") {
			t.Errorf("%s is refused: %v", host, summaries(diags))
		}
	}
	diags := local.plan(instance{}, testWebhook(object{"secret_wo": "CANARY-secret"})).diags
	if len(diags) != 1 || !has(diags, isWarning, "secret_wo", "TitanX issues the signing secret") {
		t.Errorf("a secret on a create: %v", summaries(diags))
	}
	if len(s.writes()) != 0 {
		t.Errorf("planning wrote: %v", s.writes())
	}
}

func summaries(diags []*tfprotov6.Diagnostic) []string {
	var out []string
	for _, d := range diags {
		out = append(out, d.Severity.String()+" at "+d.Attribute.String()+": "+d.Summary+": "+d.Detail)
	}
	return out
}

// TestRead_failures_protocol: no answer but a complete list may change the
// state.
func TestRead_failures_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault  titanxsim.Fault
		gone   bool // the webhook is missing in the list, so that the fault is met on the way to confirm it
		advice string
	}{
		"401":             {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: http.StatusUnauthorized}, false, "does not accept the API key"},
		"403":             {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: http.StatusForbidden}, false, "not allowed to do this"},
		"html 403":        {titanxsim.Fault{Kind: titanxsim.FaultHTML, Status: http.StatusForbidden}, false, "firewall"},
		"500":             {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: http.StatusInternalServerError}, false, "has a problem"},
		"html 404":        {titanxsim.Fault{Kind: titanxsim.FaultHTML, Status: http.StatusNotFound}, false, "not like the TitanX API"},
		"redirect":        {titanxsim.Fault{Kind: titanxsim.FaultRedirect}, false, "never follows a redirect"},
		"html":            {titanxsim.Fault{Kind: titanxsim.FaultHTML}, false, "cannot read the response"},
		"empty":           {titanxsim.Fault{Kind: titanxsim.FaultEmpty}, false, "cannot read the response"},
		"cut":             {titanxsim.Fault{Kind: titanxsim.FaultCut}, false, "could not be reached"},
		"401 on confirm":  {titanxsim.Fault{Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: http.StatusUnauthorized}, true, "does not accept the API key"},
		"500 on confirm":  {titanxsim.Fault{Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: http.StatusInternalServerError}, true, "has a problem"},
		"other webhook":   {titanxsim.Fault{Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: http.StatusOK, Body: []byte(`{"id":"another"}`)}, true, "cannot read the response"},
		"error in a 200":  {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: http.StatusOK, Body: []byte(`{"error":"come back later"}`)}, false, ""},
		"another's words": {titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: http.StatusTeapot, Body: []byte(`{"message":"short and stout"}`)}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			made := s.protocol(nil).create(testWebhook(nil))
			if tc.gone {
				s.Remove(simUser, made.text(t, "id"))
			}
			s.Inject(tc.fault)
			got, diags := s.protocol(object{"max_retries": 1}).read(made)
			if !has(diags, isError, "", tc.advice) {
				t.Errorf("advice: %v", summaries(diags))
			}
			if !got.value.Equal(made.value) {
				t.Errorf("the state changed: %v", got.value)
			}
		})
	}
}

// TestChange_contradicted_protocol: a 404 of a webhook that the list has, as of
// one that is archived, is not advised to be created again.
func TestChange_contradicted_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	made := s.protocol(nil).create(testWebhook(nil))
	s.Inject(titanxsim.Fault{Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultStatus, Status: http.StatusNotFound})
	s.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: http.StatusGone})
	for _, config := range []object{testWebhook(object{"status": "inactive"}), nil} {
		p := s.protocol(nil)
		if _, diags := p.apply(p.plan(made, config)); !has(diags, isError, "", "but the list has it") ||
			!has(diags, isError, "", "terraform state rm") {
			t.Errorf("%v: %v", config, summaries(diags))
		}
	}
}

// TestStatus_case_protocol: a status is one word in any case, and the state
// keeps the one that is configured.
func TestStatus_case_protocol(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"ACTIVE", "Inactive"} {
		s := simulate(t, titanxsim.Config{})
		config := testWebhook(object{"status": status})
		made := s.protocol(nil).create(config)
		for _, stored := range []string{strings.ToLower(status), strings.ToUpper(status)} {
			w := s.only()
			w.Status = stored
			s.Put(simUser, w)
			p := s.protocol(nil)
			read, diags := p.read(made)
			p.mustSucceed(diags)
			if c := p.plan(read, config); !c.noChange() {
				t.Errorf("%s at a server that has %s: %s is a change", status, stored, read.text(t, "status"))
			}
		}
	}
}

func TestRead_keepsSecret_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	made := s.protocol(nil).create(testWebhook(nil))
	for _, dialect := range titanxsim.Variations() {
		if dialect.SecretOnRead == "" {
			continue
		}
		s.SetDialect(dialect)
		got, diags := s.protocol(nil).read(made)
		if len(diags) != 0 || got.text(t, "secret") != s.only().Secret {
			t.Errorf("%s: the secret is not the server's, %v", dialect, summaries(diags))
		}
	}
}

func TestRead_identity_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	made := p.create(testWebhook(nil))
	read, diags := p.read(instance{value: made.value}) // as from a state without identity
	p.mustSucceed(diags)
	updated, diags := p.apply(p.plan(instance{value: read.value}, testWebhook(object{"status": "inactive"}))) // as from a CLI that knows none
	p.mustSucceed(diags)
	for name, i := range map[string]instance{"create": made, "read": read, "update": updated} {
		if i.identity == nil {
			t.Errorf("%s sets no identity", name)
			continue
		}
		if got := p.identityOf(i.identity); got != s.only().ID {
			t.Errorf("identity after %s is %q", name, got)
		}
	}
}

func TestImport_byIdentity_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.putFirst()
	p := s.protocol(nil)
	id := s.only().ID
	byIdentity, diags := p.importByIdentity(id)
	p.mustSucceed(diags)
	byID, diags := p.importByID(id)
	p.mustSucceed(diags)
	if got := byIdentity.text(t, "id"); got != id || !byIdentity.value.Equal(byID.value) {
		t.Errorf("imported %v by identity, %v by id", byIdentity.value, byID.value)
	}
	for _, id := range []string{"", " ", id + "\n", pendingPrefix + "x"} {
		for how, bring := range map[string]func(string) (instance, []*tfprotov6.Diagnostic){"id": p.importByID, "identity": p.importByIdentity} {
			if _, diags := bring(id); !has(diags, isError, "", "is not the id of a webhook") {
				t.Errorf("imported %q by %s: %v", id, how, summaries(diags))
			}
		}
	}
}
