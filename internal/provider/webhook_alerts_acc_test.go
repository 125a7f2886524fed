// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The alerts and policies of a guide on secret_status (webhook_secret.go).

package provider

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// secretTrouble brings the webhook of a configuration into a state of which
// somebody wants to hear.
var secretTrouble = map[string]struct {
	argument string
	happen   func(*simulation, *folder)
}{
	"lost, kept": {`on_lost_secret = "keep"`, loseSecret},
	"lost":       {``, loseSecret},
	"expired": {`rotate_after = "24h"`, func(s *simulation, _ *folder) {
		s.change(func(w *titanxsim.Webhook) { w.CreatedAt = w.CreatedAt.Add(-48 * time.Hour) })
	}},
}

func loseSecret(s *simulation, c *folder) {
	id := s.only().ID
	c.must("state", "rm", "titanx_webhook.test")
	c.must("import", "titanx_webhook.test", id)
}

// TestAccAlerts shows what fires in which run. The table is that of the guide
// "Alerting on a lost secret".
func TestAccAlerts(t *testing.T) {
	t.Parallel()
	const rule = `
    condition     = !contains(["lost", "expired"], %s.secret_status)
    error_message = "SOMEBODY MUST KNOW"
`
	guide, err := os.ReadFile("../../templates/guides/alerting-on-a-lost-secret.md")
	if err != nil {
		t.Fatal(err)
	}
	for kind, block := range map[string]struct{ outside, inside string }{
		"`check`":         {outside: "check \"secret\" {\n  assert {" + fmt.Sprintf(rule, "titanx_webhook.test") + "  }\n}\n"},
		"`postcondition`": {inside: "  lifecycle {\n    postcondition {" + fmt.Sprintf(rule, "self") + "    }\n  }"},
	} {
		for state, trouble := range secretTrouble {
			t.Run(kind+"/"+state, func(t *testing.T) {
				t.Parallel()
				needs(t, cli.ImportBlocks) // as old as check blocks, and newer than postconditions
				s := simulate(t, titanxsim.Config{})
				c := newCLI(t, s, webhookHCL(trouble.argument+"\n"+block.inside)+block.outside)
				c.must("apply", "-auto-approve")
				trouble.happen(s, c)
				refreshOnly, plan := c.fires("plan", "-refresh-only"), c.fires("plan")
				row := fmt.Sprintf("| %s | %s | %s | %s |", kind, state, refreshOnly, plan)
				if !strings.Contains(string(guide), row) {
					t.Errorf("the guide does not have the row %s", row)
				}
			})
		}
	}
}

// TestAccAlerts_beforeExpiry runs the check of the guide that warns a week
// before rotate_after has passed.
func TestAccAlerts_beforeExpiry(t *testing.T) {
	t.Parallel()
	needs(t, cli.CheckBlocks)
	guide, err := os.ReadFile("../../templates/guides/alerting-on-a-lost-secret.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "<!-- run: expiry -->\n```terraform\n")
	block, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the guide has no such check")
	}
	s := simulate(t, titanxsim.Config{})
	block = strings.ReplaceAll(block, "titanx_webhook.contacts", "titanx_webhook.test")
	c := newCLI(t, s, webhookHCL(`rotate_after = "2160h"`)+block)
	c.must("apply", "-auto-approve")
	for age, warns := range map[time.Duration]bool{82 * 24 * time.Hour: false, 84 * 24 * time.Hour: true} {
		s.change(func(w *titanxsim.Webhook) { w.CreatedAt = time.Now().Add(-age) })
		for _, args := range [][]string{{"plan"}, {"plan", "-refresh-only"}} {
			if out := c.must(args...); strings.Contains(out, "expires within a week") != warns {
				t.Errorf("%v at an age of %s:\n%s", args, age, out)
			}
		}
	}
}

// fires returns what becomes of the rule in a run.
func (c *folder) fires(args ...string) string {
	out, code := c.run(args...)
	switch {
	case code != 0 && strings.Contains(out, "SOMEBODY MUST KNOW"):
		return "error"
	case strings.Contains(out, "SOMEBODY MUST KNOW"):
		return "warning"
	}
	return "nothing"
}

// TestAccPolicy returns a lost secret from every other reason to replace, by
// what a plan in JSON has.
func TestAccPolicy(t *testing.T) {
	t.Parallel()
	recipients := `secret_recipients = ["` + keyA.recipient + `"]`
	for name, tc := range map[string]struct {
		before, after string
		happen        func(*simulation, *folder)
		lost          bool
	}{
		"lost":               {happen: loseSecret, lost: true},
		"lost and encrypted": {before: recipients, after: recipients, happen: loseSecret, lost: true},
		"lost and expired": {
			before: `rotate_after = "24h"`, after: `rotate_after = "24h"`, lost: true,
			happen: func(s *simulation, c *folder) { secretTrouble["expired"].happen(s, c); loseSecret(s, c) },
		},
		"expired":    {before: `rotate_after = "24h"`, after: `rotate_after = "24h"`, happen: secretTrouble["expired"].happen},
		"triggers":   {after: `rotation_triggers = { generation = 2 }`},
		"recipients": {before: recipients, after: `secret_recipients = ["` + keyB.recipient + `"]`},
		"expired, encrypted": {
			before: recipients + "\n" + `rotate_after = "24h"`, after: recipients + "\n" + `rotate_after = "24h"`, happen: secretTrouble["expired"].happen,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, webhookHCL(tc.before))
			main := c.read("main.tf")
			c.must("apply", "-auto-approve")
			if tc.happen != nil {
				tc.happen(s, c)
			}
			c.write("main.tf", strings.Replace(main, webhookHCL(tc.before), webhookHCL(tc.after), 1))
			c.must("plan", "-out=saved.tfplan")
			var plan struct {
				ResourceChanges []struct {
					Change struct {
						Actions      []string   `json:"actions"`
						ReplacePaths [][]string `json:"replace_paths"`
						Before       struct {
							SecretStatus string `json:"secret_status"`
						} `json:"before"`
					} `json:"change"`
				} `json:"resource_changes"`
			}
			if err := json.Unmarshal([]byte(c.must("show", "-json", "saved.tfplan")), &plan); err != nil {
				t.Fatal(err)
			}
			change := plan.ResourceChanges[0].Change
			if !slices.Contains(change.Actions, "delete") || !slices.Contains(change.Actions, "create") {
				t.Fatalf("the plan does not replace: %v", change.Actions)
			}
			path := fmt.Sprint(change.ReplacePaths)
			if lost := (path == "[[secret]]" || path == "[[encrypted_secret]]") && change.Before.SecretStatus == "lost"; lost != tc.lost {
				t.Errorf("replace_paths %s and secret_status %q: lost %t, want %t", path, change.Before.SecretStatus, lost, tc.lost)
			}
		})
	}
}
