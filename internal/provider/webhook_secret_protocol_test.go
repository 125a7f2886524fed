// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestSecret_table_protocol(t *testing.T) {
	t.Parallel()
	for _, row := range secretTable {
		t.Run(row.state+"/"+row.event, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			p := s.protocol(nil)
			webhook := p.arrive(s, row.state)
			_, config := configsOf(row.state, row.event)
			if row.event == "age passes" {
				p.later(s, longerThanRotateAfter)
			}
			s.ResetRequests()

			webhook, diags := p.read(webhook)
			p.mustSucceed(diags)
			got := p.carryOut(webhook, config)
			if got.action != row.action || got.action != refused && strings.Join(got.replace, " ") != row.forcedBy {
				t.Errorf("the plan: %s, forced by %v", got.action, got.replace)
			}
			severity, at := isWarning, strings.Fields(row.forcedBy+" secret secret_wo")
			if row.action == refused {
				severity = isError
			}
			if want := min(len(row.says), 1); len(got.diags) != want {
				t.Errorf("%d diagnostics, want %d: %v", len(got.diags), want, summaries(got.diags))
			}
			if row.says != "" && !slices.ContainsFunc(at, func(at string) bool { return has(got.diags, severity, at, row.says) }) {
				t.Errorf("want a diagnostic with %q: %v", row.says, summaries(got.diags))
			}
			if writes := s.writeNames(); writes != row.writes {
				t.Errorf("requests: %s", writes)
			}
			if row.action == refused {
				return
			}
			if status := got.webhook.text(t, "secret_status"); status != row.becomes {
				t.Errorf("secret_status is %s", status)
			}
			checkSecret(t, s.holds(row.state, row.event, row.action), got.webhook.text(t, "secret_status"), got.webhook.text(t, "secret"), got.webhook.text(t, "encrypted_secret"))
			p.checkNoChanges(got.webhook, config)
		})
	}
}

// arrive brings a webhook into a state of the table.
func (p *protocolServer) arrive(s *simulation, state string) instance {
	p.t.Helper()
	how := secretStates[state]
	var webhook instance
	if how.imported {
		webhook = p.imported(s)
	}
	for _, changes := range how.configs {
		got := p.carryOut(webhook, testWebhook(secretBase).with(changes))
		p.mustSucceed(got.diags)
		webhook = got.webhook
	}
	if how.expired {
		p.later(s, longerThanRotateAfter)
	}
	webhook, diags := p.read(webhook)
	p.mustSucceed(diags)
	if got := webhook.text(p.t, "secret_status"); got != how.begins {
		p.t.Fatalf("secret_status is %s, want %s", got, how.begins)
	}
	return webhook
}

// imported is a webhook that was made elsewhere, imported and read.
func (p *protocolServer) imported(s *simulation) instance {
	p.t.Helper()
	webhook, diags := p.importByID(s.putHeld().ID)
	p.mustSucceed(diags)
	webhook, diags = p.read(webhook)
	p.mustSucceed(diags)
	return webhook
}

// putHeld creates a webhook elsewhere, whose secret somebody holds.
func (s *simulation) putHeld() titanxsim.Webhook {
	return s.Put(simUser, titanxsim.Webhook{Name: "test", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"}, Secret: heldSecret})
}

// writeNames are the calls that change something, as the table spells them.
func (s *simulation) writeNames() string {
	var names []string
	for _, call := range s.writes() {
		names = append(names, string(call))
	}
	return strings.Join(names, " ")
}

// checkSecret compares what is stored with the secret that it ought to be.
func checkSecret(t *testing.T, held, status, secret, encrypted string) {
	t.Helper()
	switch status {
	case "known":
		if secret != held || encrypted != "" {
			t.Error("the stored secret is not the server's")
		}
	case "encrypted":
		if secret != "" || decryptedBy(encrypted, keyA) != held && decryptedBy(encrypted, keyB) != held {
			t.Error("the encrypted secret is not the server's")
		}
	case "adopted":
		if secret != held || encrypted != "" {
			t.Error("the secret was not adopted")
		}
	case "lost":
		if secret != "" || encrypted != "" {
			t.Error("a lost secret is stored")
		}
	}
}

// decryptedBy is what a key decrypts; "" if it does not.
func decryptedBy(encrypted string, key keyPair) string {
	identities, err := parseIdentities(key.identity)
	if err != nil {
		return ""
	}
	secret, _ := decryptWith(identities, encrypted)
	return secret
}

// checkNoChanges expects that nothing is left to do.
func (p *protocolServer) checkNoChanges(webhook instance, config object) {
	p.t.Helper()
	webhook, diags := p.read(webhook)
	p.mustSucceed(diags)
	if again := p.plan(webhook, config); !again.noChange() || len(again.diags) > 0 {
		p.t.Errorf("the next plan is not empty: forced by %v, %v", again.replace, summaries(again.diags))
	}
}

// outcome is what comes of a configuration: the plan's action and the webhook
// after the apply.
type outcome struct {
	action  string
	replace []string
	diags   []*tfprotov6.Diagnostic
	webhook instance
}

// carryOut validates, plans and applies a configuration as core does: a
// replacement is planned again as a create with the private state of the first
// plan, and everything is planned once more during apply.
func (p *protocolServer) carryOut(prior instance, config object) outcome {
	p.t.Helper()
	return p.carryOutResolved(prior, config, config)
}

// carryOutResolved plans one configuration and applies another, in which what
// was unknown is known.
func (p *protocolServer) carryOutResolved(prior instance, planned, applied object) outcome {
	p.t.Helper()
	out := outcome{action: refused, diags: p.validate(planned)}
	if hasError(out.diags) {
		return out
	}
	first := p.plan(prior, planned)
	out.replace = first.replace
	out.diags = append(out.diags, first.diags...)
	final := first
	if len(first.replace) > 0 && !hasError(first.diags) {
		final = p.plan(instance{private: first.planned.private}, planned)
		out.diags = append(out.diags, final.diags...)
	}
	if hasError(out.diags) {
		return out
	}
	out.action = first.action()
	if out.action == noChange {
		out.webhook = prior
		return out
	}
	if len(first.replace) > 0 {
		removed, diags := p.apply(p.plan(prior, nil))
		p.mustSucceed(diags)
		if removed.exists() {
			p.t.Fatal("the old webhook is still there")
		}
		prior = instance{}
	}
	again := p.plan(prior, applied)
	p.mustSucceed(again.diags)
	if len(again.replace) > 0 {
		p.t.Fatalf("planned again during apply, it is replaced for %v", again.replace)
	}
	p.mustAgree(final.planned, again.planned)
	var diags []*tfprotov6.Diagnostic
	out.webhook, diags = p.apply(again)
	out.diags = append(out.diags, diags...)
	p.mustSucceed(diags)
	p.mustAgree(again.planned, out.webhook)
	return out
}

func (c change) action() string {
	switch {
	case !c.prior.exists():
		return "create"
	case len(c.replace) > 0:
		return replace
	case c.noChange():
		return noChange
	}
	return update
}

func hasError(diags []*tfprotov6.Diagnostic) bool {
	return slices.ContainsFunc(diags, func(d *tfprotov6.Diagnostic) bool { return d.Severity == isError })
}

func TestSecret_unknown_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range secretUnknowns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			p := s.protocol(nil)
			webhook := p.arrive(s, tc.state)
			config := tc.config()
			applied := config.with(tc.resolved)
			planned := config.with()
			for attribute := range tc.resolved {
				planned[attribute] = unknown
			}
			got := p.carryOutResolved(webhook, planned, applied)
			if got.action != tc.action || got.action != refused && strings.Join(got.replace, " ") != tc.forcedBy {
				t.Fatalf("the plan: %s, forced by %v, %v", got.action, got.replace, summaries(got.diags))
			}
			if got.action == refused {
				return
			}
			if status := got.webhook.text(t, "secret_status"); status != tc.becomes {
				t.Errorf("secret_status is %s", status)
			}
			checkSecret(t, s.only().Secret, got.webhook.text(t, "secret_status"), got.webhook.text(t, "secret"), got.webhook.text(t, "encrypted_secret"))
			p.checkNoChanges(got.webhook, applied)
		})
	}
}

func TestSecret_unknownCreate_protocol(t *testing.T) {
	t.Parallel()
	for becomes, recipients := range map[string][]string{"known": nil, "encrypted": {keyA.recipient}} {
		s := simulate(t, titanxsim.Config{})
		p := s.protocol(nil)
		applied := testWebhook(nil)
		if recipients != nil {
			applied["secret_recipients"] = recipients
		}
		planned := testWebhook(object{"name": unknown, "url": unknown, "secret_recipients": unknown, "rotate_after": unknown, "on_lost_secret": unknown})
		got := p.carryOutResolved(instance{}, planned, applied)
		if got.action != "create" || got.webhook.text(t, "secret_status") != becomes {
			t.Fatalf("%s: %s, %v", becomes, got.action, summaries(got.diags))
		}
		checkSecret(t, s.only().Secret, becomes, got.webhook.text(t, "secret"), got.webhook.text(t, "encrypted_secret"))
		p.checkNoChanges(got.webhook, applied)
	}
}

// TestSecret_savedPlan_protocol plans a change before rotate_after passes, and
// applies it after: the plan must hold.
func TestSecret_savedPlan_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	webhook := p.arrive(s, "known")
	config := testWebhook(secretBase).with(object{"status": "inactive"})
	saved := p.plan(webhook, config)
	p.mustSucceed(saved.diags)
	p.later(s, longerThanRotateAfter)
	again := p.plan(webhook, config)
	p.mustAgree(saved.planned, again.planned)
	if again.action() != update {
		t.Fatalf("planned again after the hour: %s", again.action())
	}
	webhook, diags := p.apply(again)
	p.mustSucceed(diags)
	p.mustAgree(saved.planned, webhook)
	if got := webhook.text(t, "secret_status"); got != "known" {
		t.Errorf("secret_status is %s right after the apply", got)
	}
	webhook, diags = p.read(webhook)
	p.mustSucceed(diags)
	if got := webhook.text(t, "secret_status"); got != "expired" {
		t.Errorf("secret_status is %s after a refresh", got)
	}
}

// TestSecret_firstTriggers_protocol: the first triggers after an import are
// recorded, all others rotate.
func TestSecret_firstTriggers_protocol(t *testing.T) {
	t.Parallel()
	first := testWebhook(object{"on_lost_secret": "keep", "rotation_triggers": map[string]string{"generation": "1"}})
	second := first.with(object{"rotation_triggers": map[string]string{"generation": "2"}})
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)

	got := p.carryOut(p.imported(s), first)
	if got.action != update || !has(got.diags, isWarning, "rotation_triggers", "recorded, not rotated") {
		t.Fatalf("the first triggers after an import: %s, %v", got.action, summaries(got.diags))
	}
	p.checkNoChanges(got.webhook, first)
	for generation, config := range map[string]object{"another": second, "none": first.with(object{"rotation_triggers": nil})} {
		if plan := p.plan(got.webhook, config); plan.action() != replace {
			t.Errorf("%s: %s", generation, plan.action())
		}
	}
	for how, webhook := range map[string]instance{
		"made here":              p.create(testWebhook(nil)),
		"imported, then applied": p.carryOut(p.imported(s), testWebhook(object{"secret_wo": heldSecret})).webhook,
		"imported, then renewed": p.carryOut(p.imported(s), testWebhook(nil)).webhook,
	} {
		if plan := p.plan(webhook, first); plan.action() != replace {
			t.Errorf("the first triggers of a webhook that was %s: %s", how, plan.action())
		}
	}
}

// TestSecret_plannedAsNull_protocol: with recipients, a plan never waits for a
// plain secret.
func TestSecret_plannedAsNull_protocol(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	for recipients, changes := range map[string]object{
		"known":           {"secret_recipients": []string{keyA.recipient}},
		"partly unknown":  {"secret_recipients": []any{keyA.recipient, unknown}},
		"just being made": {"secret_recipients": []any{unknown}},
	} {
		made := p.plan(instance{}, testWebhook(changes))
		p.mustSucceed(made.diags)
		encrypting := p.plan(p.create(testWebhook(nil)), testWebhook(changes))
		for planned, c := range map[string]change{"create": made, "update": encrypting} {
			if c.planned.text(t, "secret") != "" || c.planned.text(t, "encrypted_secret") != "(unknown)" {
				t.Errorf("%s, recipients %s: the plain secret is planned", planned, recipients)
			}
		}
	}
}

func TestSecret_notReturned_protocol(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{"absent", "null"} {
		s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{CreateSecret: dialect}})
		p := s.protocol(nil)
		for forcedBy, config := range map[string]object{"secret": testWebhook(nil), "encrypted_secret": testWebhook(object{"secret_recipients": []string{keyA.recipient}})} {
			made := p.carryOut(instance{}, config)
			if !has(made.diags, isWarning, "secret", "set secret_wo") || made.webhook.text(t, "secret_status") != "lost" {
				t.Errorf("%s, stored in %s: %v", dialect, forcedBy, summaries(made.diags))
			}
			next := p.plan(made.webhook, config)
			if !slices.Equal(next.replace, []string{forcedBy}) || !has(next.diags, isWarning, "secret", "set secret_wo") {
				t.Errorf("%s, stored in %s: the next plan replaces for %v", dialect, forcedBy, next.replace)
			}
		}
		renamed := p.plan(p.create(testWebhook(nil)), testWebhook(object{"name": "renamed", "on_lost_secret": "error"}))
		if !slices.Equal(renamed.replace, []string{"name"}) || hasError(renamed.diags) {
			t.Errorf("%s: a replacement for another reason brings a secret, but: %v", dialect, summaries(renamed.diags))
		}
		adopted := p.carryOut(p.carryOut(instance{}, testWebhook(object{"name": "another"})).webhook, testWebhook(object{"name": "another", "secret_wo": heldSecret, "status": "inactive"}))
		if adopted.action != update || adopted.webhook.text(t, "secret_status") != "adopted" {
			t.Errorf("%s: adopting: %s", dialect, adopted.action)
		}
	}
}

// TestSecret_ageUnknown_protocol: an age that cannot be checked is said to be
// so, lest nobody notices that nothing rotates.
func TestSecret_ageUnknown_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	unread, diags := p.importByID(s.putHeld().ID)
	p.mustSucceed(diags)
	for rotateAfter, want := range map[string]bool{"": false, "1h": true} {
		config := testWebhook(object{"on_lost_secret": "keep"})
		if rotateAfter != "" {
			config["rotate_after"] = rotateAfter
		}
		if diags := p.plan(unread, config).diags; has(diags, isWarning, "rotate_after", "Use rotation_triggers") != want || len(diags) > 1 {
			t.Errorf("rotate_after = %q: %v", rotateAfter, summaries(diags))
		}
	}
}

// TestSecret_withdrawn_protocol has a secret that is not known when planning,
// and null in the apply.
func TestSecret_withdrawn_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   string
		changes object
	}{
		"lost":           {"lost", object{"on_lost_secret": "replace"}},
		"lost, an error": {"lost", object{"on_lost_secret": "error"}},
		"adopted":        {"adopted", object{"secret_wo_version": 2}},
	} {
		s := simulate(t, titanxsim.Config{})
		p := s.protocol(nil)
		webhook := p.arrive(s, tc.state)
		config := testWebhook(secretBase).with(tc.changes)
		planned := p.plan(webhook, config.with(object{"secret_wo": unknown}))
		if planned.action() != update || hasError(planned.diags) || planned.planned.text(t, "secret") != "(unknown)" {
			t.Fatalf("%s: %s, %v", name, planned.action(), summaries(planned.diags))
		}
		s.ResetRequests()
		p.applying = true
		again := p.plan(webhook, config)
		if tc.changes["on_lost_secret"] != "error" && !has(again.diags, isError, "secret_wo", "Nothing was changed") || !hasError(again.diags) {
			t.Errorf("%s: %v", name, summaries(again.diags))
		}
		if len(s.writes()) != 0 {
			t.Errorf("%s: %v", name, s.writes())
		}
	}
	// A kept webhook is core's to refuse: the plan was to adopt.
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	webhook := p.arrive(s, "lost")
	config := testWebhook(secretBase).with(object{"on_lost_secret": "keep"})
	planned := p.plan(webhook, config.with(object{"secret_wo": unknown}))
	p.applying = true
	again := p.plan(webhook, config)
	if was, is := planned.planned.text(t, "secret_status"), again.planned.text(t, "secret_status"); was == "(unknown)" || was == is {
		t.Errorf("kept: planned %s, then %s", was, is)
	}
}

// secretVersion returns secret_version; 0 if it is null.
func (i instance) secretVersion(t *testing.T) int64 {
	t.Helper()
	var number *big.Float
	if err := attributes(t, i.value)["secret_version"].As(&number); err != nil {
		t.Fatal(err)
	}
	if number == nil {
		return 0
	}
	n, _ := number.Int64()
	return n
}

// TestSecret_version_protocol follows secret_version through a secret's life.
func TestSecret_version_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	issued := p.create(testWebhook(nil))
	created := s.only().CreatedAt.Unix()
	if got := issued.secretVersion(t); got != created {
		t.Errorf("issued: %d, want created_at, %d", got, created)
	}
	encrypted := p.carryOut(issued, testWebhook(object{"secret_recipients": []string{keyA.recipient}})).webhook
	if got := encrypted.secretVersion(t); got != created {
		t.Errorf("encrypted in place: %d, want %d", got, created)
	}
	s.later(time.Hour)
	renewed := p.carryOut(encrypted, testWebhook(object{"rotation_triggers": map[string]string{"a": "1"}})).webhook
	if got := renewed.secretVersion(t); got <= created {
		t.Errorf("replaced: %d, want more than %d", got, created)
	}

	s = simulate(t, titanxsim.Config{})
	p = s.protocol(nil)
	lost := p.imported(s)
	if got := lost.secretVersion(t); got != 0 {
		t.Errorf("lost: %d", got)
	}
	held := testWebhook(object{"secret_wo": heldSecret, "secret_wo_version": 1})
	before := s.now().Unix()
	adopted := p.carryOut(lost, held).webhook
	first := adopted.secretVersion(t)
	if first < before || first > s.now().Unix() {
		t.Errorf("adopted: %d", first)
	}
	second := p.carryOut(adopted, held.with(object{"secret_wo_version": 2})).webhook.secretVersion(t)
	s.later(-time.Hour)
	third := p.carryOut(adopted, held.with(object{"secret_wo_version": 3})).webhook.secretVersion(t)
	if second <= first || third != first+1 {
		t.Errorf("adopted again: %d, then %d and, with a clock set back, %d", first, second, third)
	}
}

// TestSecret_adopted_protocol finds nothing of secret_wo in a plan, or in what
// an encrypted adoption stores.
func TestSecret_adopted_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	config := testWebhook(object{"secret_wo": heldSecret, "secret_recipients": []string{keyA.recipient}})
	planned := p.plan(p.imported(s), config)
	stored, diags := p.apply(planned)
	p.mustSucceed(diags)
	if decryptedBy(stored.text(t, "encrypted_secret"), keyA) != heldSecret {
		t.Error("the secret was not encrypted")
	}
	plain := p.plan(p.imported(s), testWebhook(object{"secret_wo": heldSecret}))
	for where, i := range map[string]instance{"plan": planned.planned, "state": stored, "plan to store it in plain text": plain.planned} {
		if text := i.value.String() + string(i.private); strings.Contains(text, heldSecret) {
			t.Errorf("the secret is in the %s", where)
		}
	}
}

// TestSecret_recipientsByKey_protocol: the comment of a public key, and a line
// break after it, are not the key.
func TestSecret_recipientsByKey_protocol(t *testing.T) {
	t.Parallel()
	edwards, rivest, _, _ := newSSHKeys(t)
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	key, other := strings.TrimSpace(edwards.recipient), strings.TrimSpace(rivest.recipient)
	webhook := p.create(testWebhook(object{"secret_recipients": []string{key}}))
	for name, tc := range map[string]struct {
		recipients []any
		action     string
	}{
		"a comment":       {[]any{key + " alice@laptop"}, noChange},
		"a line break":    {[]any{key + "\n"}, noChange},
		"twice":           {[]any{key, key + " alice"}, noChange},
		"another":         {[]any{other}, replace},
		"one more":        {[]any{key, other}, replace},
		"one not known":   {[]any{key, unknown}, replace},
		"another comment": {[]any{other + " " + key}, replace},
	} {
		if c := p.plan(webhook, testWebhook(object{"secret_recipients": tc.recipients})); c.action() != tc.action {
			t.Errorf("%s: %s", name, c.action())
		}
	}
}

// TestSecret_ageUnread_protocol warns of an age that no refresh checks.
func TestSecret_ageUnread_protocol(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rotateAfter string
		age         time.Duration
		says        string
	}{
		{"10h", 8 * time.Hour, ""},
		{"10h", 9*time.Hour + time.Minute, "passes soon"},
		{"10h", 10*time.Hour + time.Minute, "has passed"},
		{"8760h", (365 - 8) * 24 * time.Hour, ""},
		{"8760h", (365 - 6) * 24 * time.Hour, "passes soon"},
	} {
		s := simulate(t, titanxsim.Config{})
		config := testWebhook(object{"rotate_after": tc.rotateAfter})
		webhook := s.protocol(nil).create(config)
		s.later(tc.age)
		c := s.protocol(nil).plan(webhook, config)
		if !c.noChange() || len(c.diags) != min(len(tc.says), 1) || tc.says != "" && !has(c.diags, isWarning, "rotate_after", tc.says) {
			t.Errorf("%s after %s: %s, %v", tc.rotateAfter, tc.age, c.action(), summaries(c.diags))
		}
		applying := s.protocol(nil)
		applying.applying = true
		if c := applying.plan(webhook, config.with(object{"status": "inactive"})); len(c.diags) != 0 {
			t.Errorf("%s after %s, in an apply: %v", tc.rotateAfter, tc.age, summaries(c.diags))
		}
		p := s.protocol(nil)
		read, diags := p.read(webhook)
		p.mustSucceed(diags)
		if c := p.plan(read, config); has(c.diags, isWarning, "rotate_after", "") || c.noChange() != (tc.says != "has passed") {
			t.Errorf("%s after %s, refreshed: %s, %v", tc.rotateAfter, tc.age, c.action(), summaries(c.diags))
		}
	}
	// Without the secret, on_lost_secret decides, and age does nothing.
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	kept := testWebhook(object{"on_lost_secret": "keep", "rotate_after": "1h"})
	lost := p.carryOut(p.imported(s), kept).webhook
	s.later(longerThanRotateAfter)
	if c := s.protocol(nil).plan(lost, kept); !c.noChange() || len(c.diags) != 0 {
		t.Errorf("lost: %s, %v", c.action(), summaries(c.diags))
	}
}
