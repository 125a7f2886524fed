// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Webhooks that a list lacks because they are new (webhook_resource.go, Read).

package provider

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestRecent_protocol refreshes a webhook that was created seconds ago and is
// missing in the list. TitanX's clock moves with each request, so that nobody
// waits.
func TestRecent_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dialect titanxsim.Dialect
		deleted bool
		age     time.Duration
		exists  bool   // in the state after the refresh
		says    string // an error
	}{
		"a list that lags":             {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, false, 0, true, ""},
		"list and get-one lag":         {titanxsim.Dialect{ListDelay: 10, GetDelay: 10}, false, 0, true, ""},
		"a route that answers JSON":    {titanxsim.Dialect{Get: "absent-json", ListDelay: 10}, false, 0, true, ""},
		"lags longer than it may":      {titanxsim.Dialect{Get: "absent-html", ListDelay: 3600}, false, 0, true, "is not listed yet"},
		"deleted":                      {titanxsim.Dialect{}, true, 0, false, ""},
		"deleted, without get-one":     {titanxsim.Dialect{Get: "absent-405"}, true, 0, true, "is not listed yet"},
		"deleted after the lag":        {titanxsim.Dialect{Get: "absent-405"}, true, 2 * time.Minute, false, ""},
		"no time stamp":                {titanxsim.Dialect{CreatedAtOut: "absent"}, true, 0, false, ""},
		"deleted, and a rotated clock": {titanxsim.Dialect{}, true, -time.Hour, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *simulation
			var runs atomic.Bool
			s = simulate(t, titanxsim.Config{Dialect: tc.dialect, Now: func() time.Time {
				if runs.Load() {
					s.later(3 * time.Second)
				}
				return s.now()
			}})
			made := s.protocol(nil).create(testWebhook(nil))
			secret := made.text(t, "secret")
			if tc.deleted {
				s.Remove(simUser, made.text(t, "id"))
			}
			s.later(max(tc.age, 0))
			s.skew = tc.age // of the local clock, which nobody asks
			runs.Store(true)
			read, diags := s.protocol(nil).read(made)
			if read.exists() != tc.exists || hasError(diags) != (tc.says != "") {
				t.Fatalf("exists %t, %v", read.exists(), summaries(diags))
			}
			if tc.says != "" && (!has(diags, isError, "", tc.says) || !has(diags, isError, "", "Plan again after")) {
				t.Errorf("%v", summaries(diags))
			}
			if tc.exists && read.text(t, "secret") != secret {
				t.Error("the secret is lost")
			}
			if tc.deleted && tc.says != "" {
				s.later(time.Minute)
				if again, diags := s.protocol(nil).read(read); again.exists() || len(diags) != 0 {
					t.Errorf("the next run: exists %t, %v", again.exists(), summaries(diags))
				}
			}
		})
	}
}
