// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestPending_untainted_protocol replaces a placeholder that somebody has
// untainted, and says nothing of another key where the key is not known.
func TestPending_untainted_protocol(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"replace", "keep", "error"} {
		k := newKeyring(t)
		k.Inject(lostResponse)
		down := broken(titanxsim.CallList)
		down.After = 2
		k.Inject(down)
		config := testWebhook(object{"on_lost_secret": policy})
		c := core{s: k.simulation}
		if c.apply(config) || !isPending(types.StringValue(c.state.text(t, "id"))) {
			t.Fatalf("not pending: %v", summaries(c.said))
		}
		k.ClearFaults()
		if _, diags := k.protocol(object{"api_key": unknown}).read(c.state); len(diags) != 1 || !has(diags, isWarning, "id", "pending") {
			t.Errorf("read under an unknown key: %v", summaries(diags))
		}
		p := k.protocol(nil)
		plan := p.plan(c.state, config)
		if !slices.Equal(plan.replace, []string{"id"}) || len(plan.diags) != 1 || !has(plan.diags, isWarning, "id", "pending") {
			t.Errorf("%s: replaces for %v, %v", policy, plan.replace, summaries(plan.diags))
		}
		c.tainted = false
		if !c.apply(config) || isPending(types.StringValue(c.state.text(t, "id"))) {
			t.Errorf("%s: %v", policy, summaries(c.said))
		}
		k.only()
	}
}

// TestPending_destroyed_protocol deletes the proven orphan of two uncertain
// creates, and names the candidate for the other.
func TestPending_destroyed_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	sent := time.Now().Add(-time.Hour).UTC()
	put := func(created time.Time) string {
		return s.Put(simUser, titanxsim.Webhook{
			Name: "test", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"},
			Status: "inactive", CreatedAt: created,
		}).ID
	}
	orphan, candidate := put(sent.Add(time.Second)), put(sent.Add(5*time.Minute))
	id := pendingID([]titanx.UncertainCreate{
		{Sent: sent, GaveUp: sent.Add(2 * time.Second)},
		{Sent: sent.Add(10 * time.Second), GaveUp: sent.Add(12 * time.Second)},
	}, nil)
	p := s.protocol(nil)
	state := testWebhook(object{"id": id.ValueString(), "status": "active", "on_lost_secret": "replace", "secret_status": "lost"})
	_, diags := p.apply(p.plan(instance{value: p.value(p.webhookSchema(), state)}, nil))
	if len(diags) != 2 || !has(diags, isWarning, "", orphan) || !has(diags, isWarning, "", candidate) {
		t.Errorf("%v", summaries(diags))
	}
	if left := s.only(); left.ID != candidate {
		t.Errorf("%s is left", left.ID)
	}
}
