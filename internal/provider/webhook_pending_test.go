// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// TestPendingID keeps whatever a server may use as an id.
func TestPendingID(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 20, 10, 0, 0, 1, time.UTC)
	unclear := titanx.UncertainError{
		Began: began, Ended: began.Add(time.Minute), Siblings: []string{"a,b", "?c", "pending:d"},
		Candidates: []titanx.Webhook{{ID: "e\"f"}, {ID: "Zoë/1"}},
	}
	id := pendingID(unclear)
	got, err := pendingCreate(id.ValueString())
	if diff := cmp.Diff(unclear, got); diff != "" || err != nil || !isPending(id) {
		t.Errorf("%v: %s", err, diff)
	}
	if again := pendingID(unclear); again.Equal(id) {
		t.Error("two placeholders are equal")
	}
	for _, damaged := range []types.String{types.StringValue(pendingPrefix + "?"), types.StringValue(id.ValueString()[:30])} {
		if _, err := pendingCreate(damaged.ValueString()); err == nil {
			t.Errorf("%s was read", damaged)
		}
	}
}
