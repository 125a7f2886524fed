// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// TestPendingID keeps whatever a server may use as an id.
func TestPendingID(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 20, 10, 0, 0, 1, time.UTC)
	creates := []titanx.UncertainCreate{{Sent: sent, GaveUp: sent.Add(time.Minute), Contested: true, Known: []string{"a,b", "?c", "pending:d"}}, {}}
	id := pendingID(creates, []titanx.Webhook{{ID: "e\"f"}, {ID: "Zo\u00eb/1"}})
	got, err := pendingCreate(id.ValueString())
	want := pending{Creates: creates, Candidates: []string{"e\"f", "Zo\u00eb/1"}, Nonce: got.Nonce}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(titanx.UncertainCreate{})); diff != "" || err != nil || !isPending(id) {
		t.Errorf("%v: %s", err, diff)
	}
	if again := pendingID(creates, nil); again.Equal(pendingID(creates, nil)) {
		t.Error("two placeholders are equal")
	}
	for _, damaged := range []types.String{types.StringValue(pendingPrefix + "?"), types.StringValue(id.ValueString()[:30])} {
		if _, err := pendingCreate(damaged.ValueString()); err == nil {
			t.Errorf("%s was read", damaged)
		}
	}
}
