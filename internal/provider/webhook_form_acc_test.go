// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// formHCL is a webhook with three values.
func formHCL(name, url, events string) string {
	return fmt.Sprintf("resource \"titanx_webhook\" \"test\" {\n  name        = %q\n  url         = %q\n  event_types = %s\n}\n", name, url, events)
}

// TestAccWebhook_form stores each value in TitanX's own form. That is told
// once, and no later plan replaces the webhook.
func TestAccWebhook_form(t *testing.T) {
	t.Parallel()
	const url, one = "https://hooks.example.com/titanx", `["job.contact.scored"]`
	long := strings.Repeat("scored contacts ", 5)
	for name, tc := range map[string]struct {
		dialect       titanxsim.Dialect
		before, after string   // the configuration as asked, and in TitanX's form
		says          []string // at the create
		inPlace       bool     // the change to TitanX's form is one
	}{
		"trimmed":   {titanxsim.Dialect{NameForm: "trimmed"}, formHCL("crm ", url, one), formHCL("crm", url, one), []string{`name "crm " as "crm"`}, true},
		"lower":     {titanxsim.Dialect{NameForm: "lower"}, formHCL("CRM", url, one), formHCL("crm", url, one), []string{`name "CRM" as "crm"`}, true},
		"cut":       {titanxsim.Dialect{NameForm: "cut"}, formHCL(long, url, one), formHCL(long[:64], url, one), []string{`name "` + strings.TrimSpace(long), `as "` + strings.TrimSpace(long[:60])}, true},
		"punycode":  {titanxsim.Dialect{URLForm: "punycode"}, formHCL("crm", "https://b\u00fccher.example.com/a", one), formHCL("crm", "https://xn--bcher-kva.example.com/a", one), nil, false},
		"escapes":   {titanxsim.Dialect{URLForm: "escapes-upper"}, formHCL("crm", "https://hooks.example.com/a%2fb", one), formHCL("crm", "https://hooks.example.com/a%2Fb", one), nil, false},
		"query":     {titanxsim.Dialect{URLForm: "no-query"}, formHCL("crm", url+"?token=CANARY", one), formHCL("crm", url, one), []string{"url at hooks.example.com with another query"}, true},
		"masked":    {titanxsim.Dialect{URLForm: "masked"}, formHCL("crm", url+"?token=CANARY", one), formHCL("crm", url+"?token=***", one), []string{"url at hooks.example.com with another query"}, true},
		"lower url": {titanxsim.Dialect{URLForm: "lower"}, formHCL("crm", "https://hooks.example.com/A", one), formHCL("crm", "https://hooks.example.com/a", one), []string{"url at hooks.example.com with another spelling of the path"}, true},
		"events": {titanxsim.Dialect{EventsForm: "added"}, formHCL("crm", url, one), formHCL("crm", url, `["job.contact.scored", "job.completed"]`),
			[]string{"event_types job.contact.scored as job.completed, job.contact.scored"}, true},
		"all of them": {titanxsim.Dialect{NameForm: "upper", URLForm: "no-query", EventsForm: "added"}, formHCL("crm", url+"?a=b", one),
			formHCL("CRM", url, `["job.completed", "job.contact.scored"]`), []string{`name "crm" as "CRM"`, "with another query", "event_types job.contact.scored as"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: tc.dialect})
			c := newCLI(t, s, tc.before)
			out := c.mustSay(c.must(apply...), tc.says...)
			if strings.Contains(out, "stores webhook") != (tc.says != nil) { // else the two urls mean the same address
				t.Errorf("the create:\n%s", out)
			}
			if _, warning, _ := strings.Cut(out, "Warning: TitanX stores"); strings.Contains(warning, "CANARY") {
				t.Errorf("the warning shows a token:\n%s", out)
			}
			made := s.only()
			exits := func(want int, args ...string) {
				t.Helper()
				out, code := c.run(append(args, "-detailed-exitcode")...)
				if code != want || strings.Contains(out, "must be replaced") || strings.Contains(out, "in its own form") {
					t.Errorf("%v ended with %d, want %d:\n%s", args, code, want, out)
				}
			}
			// A change of private state alone would make this end with 2.
			refreshes := func() {
				t.Helper()
				if out, code := c.run("plan", "-refresh-only", "-detailed-exitcode"); code != 0 || !strings.Contains(out, "No changes") {
					t.Errorf("a refresh ended with %d:\n%s", code, out)
				}
			}
			s.ResetRequests()
			refreshes()
			exits(0, "plan")
			if n := len(s.Requests()); n != 2 {
				t.Errorf("%d requests for two plans", n)
			}
			c.must("apply", "-auto-approve")
			if writes := s.writes(); len(writes) != 0 || s.only().Secret != made.Secret {
				t.Errorf("a second apply: %v", writes)
			}

			// Somebody renames it, and takes that back.
			s.change(func(w *titanxsim.Webhook) { w.Name = "renamed" })
			if out, code := c.run("plan", "-detailed-exitcode"); code != 2 || !strings.Contains(out, "must be replaced") {
				t.Errorf("renamed: %d\n%s", code, out)
			}
			c.must("apply", "-auto-approve", "-refresh-only")
			s.change(func(w *titanxsim.Webhook) { w.Name = made.Name })
			exits(0, "plan")

			c.write("main.tf", strings.Replace(c.read("main.tf"), tc.before, tc.after, 1))
			s.ResetRequests()
			if out := c.must("apply", "-auto-approve"); strings.Contains(out, "0 added, 1 changed, 0 destroyed") != tc.inPlace || s.only().ID != made.ID || len(s.writes()) != 0 {
				t.Errorf("to TitanX's form: %v\n%s", s.writes(), out)
			}
			refreshes()
			exits(0, "plan")
		})
	}
}

// TestAccWebhook_formOfImport has no memory of what was asked.
func TestAccWebhook_formOfImport(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	w := s.Put(simUser, titanxsim.Webhook{Name: "crm", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.completed", "job.contact.scored"}})
	c := newCLI(t, s, formHCL("CRM ", "https://hooks.example.com/titanx?token=CANARY", `["job.contact.scored"]`))
	c.must("import", testAddress, w.ID)
	out := c.mustSay(c.must("plan"), `TitanX may store the name "CRM " as "crm": to keep the webhook, write name as TitanX has it`,
		"TitanX may store the url at hooks.example.com with another query", "TitanX may store the event_types job.contact.scored as job.completed, job.contact.scored")
	if _, warning, _ := strings.Cut(out, "Warning: Replacing"); strings.Contains(warning, "CANARY") {
		t.Errorf("the warning shows a token:\n%s", out)
	}
}

// TestAccWebhook_statusNotSet looks at what the reader sees where TitanX sets
// another status than it is told.
func TestAccWebhook_statusNotSet(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{InitialStatus: "ignored"}})
	c := newCLI(t, s, webhookHCL(`status = "inactive"`))
	c.must("apply", "-auto-approve")
	if got := s.only().Status; got != "inactive" {
		t.Errorf("inactive was asked for, and the webhook is %s", got)
	}
	s.expectWrites(t, titanxsim.CallCreate, titanxsim.CallSetStatus)
	c.must("destroy", "-auto-approve")

	s.SetDialect(titanxsim.Dialect{StatusSet: "failed"})
	c.write("main.tf", strings.Replace(c.read("main.tf"), `status = "inactive"`, "", 1))
	c.mustSay(c.must(apply...), `asked for the status "active" and answered with "failed"`)
	made := s.only()
	if out := c.mustSay(c.must("plan"), `"failed" -> "active"`, "TitanX may refuse"); strings.Contains(out, "must be replaced") {
		t.Errorf("the plan after it: %s", out)
	}
	s.SetDialect(titanxsim.Dialect{StatusSet: "pending_verification"})
	c.mustFail(apply, `answered with the status "pending_verification"`)
	c.mustSay(c.must("state", "show", testAddress), `"pending_verification"`)
	s.SetDialect(titanxsim.Dialect{})
	c.must("apply", "-auto-approve")
	if now := s.only(); now.ID != made.ID || now.Status != "active" {
		t.Errorf("the webhook is %s, and the same: %t", now.Status, now.ID == made.ID)
	}
}
