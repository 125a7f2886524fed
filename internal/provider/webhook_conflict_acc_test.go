// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccWebhook_conflict looks at what the reader of a 409 learns: which
// webhook is in the way, and what to do about it.
func TestAccWebhook_conflict(t *testing.T) {
	t.Parallel()
	const createFirst = "lifecycle {\n    create_before_destroy = true\n  }\n  "
	for name, tc := range map[string]struct {
		before, after string   // arguments
		duplicate     bool     // somebody else's webhook is in the way
		args          []string // of the second apply
	}{
		"rotated, create first":   {"", createFirst + `rotation_triggers = { on = "2" }`, false, nil},
		"-replace, create first":  {createFirst, createFirst, false, []string{"-replace=" + testAddress}},
		"with rotate_after":       {"", createFirst + `rotation_triggers = { on = "2" }` + "\n  rotate_after = \"1h\"", false, nil},
		"rotated, destroy first":  {"", `rotation_triggers = { on = "2" }`, true, nil},
		"-replace, destroy first": {"", "", true, []string{"-replace=" + testAddress}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{SameURL: "409"}})
			c := newCLI(t, s, webhookHCL(tc.before))
			c.must("apply", "-auto-approve")
			inTheWay := s.only()
			if tc.duplicate {
				inTheWay = s.putDuplicate("in the way")
			}
			c.write("main.tf", strings.Replace(c.read("main.tf"), webhookHCL(tc.before), webhookHCL(tc.after), 1))
			out, code := c.run(append([]string{"apply", "-auto-approve"}, tc.args...)...)
			for _, want := range []string{"TitanX delivers to this url already: " + inTheWay.ID, "under create_before_destroy, it still exists", "destroyed first"} {
				if code == 0 || !strings.Contains(unwrapped(out), want) {
					t.Errorf("exit code %d, want %q:\n%s", code, want, out)
				}
			}
			if s.only().ID != inTheWay.ID {
				t.Error("the webhook that was in the way is gone")
			}
		})
	}
}

// unwrapped joins the lines into which the CLI breaks a message.
func unwrapped(out string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " ")
}
