// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// webhookStatus rejects what cannot be a status, and warns of an undocumented
// one: an import must not fail because TitanX has a new status.
var webhookStatus = stringCheck{"the status of a webhook, such as active",
	func(text string, at path.Path, diags *diag.Diagnostics) {
		switch {
		case text == titanx.StatusActive || text == titanx.StatusInactive:
		case !statusWord.MatchString(text):
			diags.AddAttributeError(at, "Invalid status",
				fmt.Sprintf("%q is not the status of a webhook. A status is one word: active or inactive.", text))
		default:
			diags.AddAttributeWarning(at, fmt.Sprintf("Unknown status %q", text),
				fmt.Sprintf("This version of the provider does not know the status %q. "+
					"The provider uses it as is, in case TitanX knows it. Known statuses: active, inactive.", text))
		}
	}}

var statusWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// withStatus fills in the status that TitanX does not return. Without it, a
// failed activation would not show, and nothing would repeat it.
func withStatus(found titanx.Webhook, stored []byte) titanx.Webhook {
	if found.Status == "" && stored != nil {
		_ = json.Unmarshal(stored, &found.Status) // a stored value of another type counts as absent
	}
	return found
}
