// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccWrongKey_counted refreshes many webhooks under another user's key.
func TestAccWrongKey_counted(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Keys: map[string]string{"CANARY-own": simUser, "CANARY-foreign": "bob"}})
	s.apiKey = "CANARY-own"
	c := newCLI(t, s, `
resource "titanx_webhook" "test" {
  count       = 12
  name        = "test ${count.index}"
  url         = "https://hooks.example.com/${count.index}"
  event_types = ["job.completed"]
}
`)
	c.must("apply", "-auto-approve")
	c.env = append(c.env, apiKeyVariable+"=CANARY-foreign")
	out := c.mustFail([]string{"plan"}, "12 webhooks not visible", "another api_key or base_url")
	if n := strings.Count(out, "Error:"); n != 1 {
		t.Errorf("%d errors:\n%s", n, out)
	}
}
