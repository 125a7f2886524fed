// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// TestAdviceFor_limits tells a limit of the account from a missing right.
func TestAdviceFor_limits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status  int
		message string
		limit   bool
	}{
		{403, "webhook limit reached", true},
		{403, "Quota exceeded for resource webhooks", true},
		{403, "You have reached the maximum number of webhooks", true},
		{403, "Too many webhooks. Upgrade your plan.", true},
		{403, "You can only have 5 webhooks on this plan", true},
		{402, "Payment required", true},
		{409, "webhook limit reached", true},
		{422, "maximum of 10 webhooks exceeded", true},
		{403, "Forbidden", false},
		{403, "", false},
		{403, "this key has limited permissions", false},
		{403, "insufficient scope: webhooks:write", false},
		{400, "name exceeds the maximum length", false},
	} {
		got := adviceFor(&titanx.Error{StatusCode: tc.status, Message: tc.message})
		if limit := strings.Contains(got, "a limit of the account"); limit != tc.limit || limit && strings.Contains(got, "may not do this") {
			t.Errorf("%d %q: %s", tc.status, tc.message, got)
		}
	}
}
