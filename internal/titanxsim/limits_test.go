// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func rateHeaders(h http.Header) map[string]string {
	out := map[string]string{}
	for _, what := range []string{"Limit", "Remaining", "Reset"} {
		for _, window := range []string{"Second", "Minute", "Day", "Daily"} {
			if v := h.Get("X-RateLimit-" + what + "-" + window); v != "" {
				out[what+" "+window] = v
			}
		}
	}
	return out
}

func TestLimits(t *testing.T) {
	t.Parallel()
	start0 := time.Date(2026, 1, 2, 23, 59, 58, 300_000_000, time.UTC)
	now := start0
	b := start(t, titanxsim.Config{Now: func() time.Time { return now }, Limits: titanxsim.Limits{Second: 2, Minute: 5, Day: 7}})
	midnight := strconv.FormatInt(time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC).Unix(), 10)

	first := b.do("GET", "/webhooks", "")
	want := map[string]string{
		"Limit Second": "2", "Remaining Second": "1", "Reset Second": strconv.FormatInt(start0.Unix()+1, 10),
		"Limit Minute": "5", "Remaining Minute": "4", "Reset Minute": midnight,
		"Limit Day": "7", "Remaining Day": "6", "Reset Day": midnight,
	}
	if diff := cmp.Diff(want, rateHeaders(first.header)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got := first.header.Get("Date"); got != "Fri, 02 Jan 2026 23:59:58 GMT" {
		t.Errorf("Date %q is not the simulator's", got)
	}

	// Each step is one request at an offset from the start; remaining is that
	// of second, minute and day.
	for i, step := range []struct {
		after              time.Duration
		path               string
		status             int
		second, min, daily string
	}{
		{0, "/absent", 404, "0", "3", "5"},                              // a failed request counts
		{699 * time.Millisecond, "/webhooks", 429, "0", "2", "4"},       // a refused one too
		{700 * time.Millisecond, "/webhooks", 200, "1", "1", "3"},       // the next second, on its boundary
		{800 * time.Millisecond, "/webhooks", 200, "0", "0", "2"},       //
		{1699 * time.Millisecond, "/webhooks", 429, "0", "0", "1"},      // second and minute are exhausted
		{1700 * time.Millisecond, "/webhooks", 200, "1", "4", "6"},      // midnight opens every window
		{24 * time.Hour, "/webhooks", 200, "1", "4", "5"},               //
		{48*time.Hour + 2*time.Second, "/webhooks", 200, "1", "4", "6"}, //
	} {
		now = start0.Add(step.after)
		resp := b.do("GET", step.path, "")
		got := rateHeaders(resp.header)
		if resp.status != step.status || got["Remaining Second"] != step.second ||
			got["Remaining Minute"] != step.min || got["Remaining Day"] != step.daily {
			t.Errorf("step %d: %d %v", i, resp.status, got)
		}
	}
}

func TestLimits_exhaustedDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	b := start(t, titanxsim.Config{Now: func() time.Time { return now }, Limits: titanxsim.Limits{Day: 1}})
	b.do("GET", "/webhooks", "")
	now = now.Add(11*time.Hour + 59*time.Minute)
	if resp := b.do("GET", "/webhooks", ""); resp.status != http.StatusTooManyRequests {
		t.Errorf("second request of the day: %d", resp.status)
	}
	if resp := b.as(b.keys["bob"], "GET", titanxsim.BasePath+"/webhooks", ""); resp.status != http.StatusOK {
		t.Errorf("another user: %d", resp.status)
	}
	b.sim.SetLimits(titanxsim.Limits{Day: 1})
	if resp := b.do("GET", "/webhooks", ""); resp.status != http.StatusOK {
		t.Errorf("after SetLimits: %d", resp.status)
	}
}

func TestLimits_refusedRequest(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Limits: titanxsim.Limits{Day: 1}, Now: func() time.Time { return time.Unix(1e9, 0) }})
	b.create()
	if resp := b.do("POST", "/webhooks", validCreate); resp.status != http.StatusTooManyRequests {
		t.Fatalf("second create: %d", resp.status)
	}
	if n := len(b.sim.Webhooks("ada")); n != 1 {
		t.Errorf("%d webhooks, want 1", n)
	}
}

func TestLimits_none(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Limits: titanxsim.Limits{Minute: 3}})
	got := rateHeaders(b.do("GET", "/webhooks", "").header)
	if len(got) != 3 || got["Limit Minute"] != "3" {
		t.Errorf("headers of one window: %v", got)
	}
	b.sim.SetLimits(titanxsim.Limits{})
	if got := rateHeaders(b.do("GET", "/webhooks", "").header); len(got) != 0 {
		t.Errorf("headers without limits: %v", got)
	}
}
