// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

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
