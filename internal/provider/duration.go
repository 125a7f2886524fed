// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// durationAtLeast returns the check of a duration.
func durationAtLeast(least time.Duration) stringCheck {
	description := fmt.Sprintf("a duration of at least %s", least)
	return stringCheck{description, func(text string, at path.Path, diags *diag.Diagnostics) {
		if d, err := time.ParseDuration(text); err != nil || d < least {
			diags.AddAttributeError(at, "Invalid duration",
				fmt.Sprintf("%q is not %s. Write numbers with the units h, m, and s: "+
					"90 days are 2160h, two minutes are 2m.", text, description))
		}
	}}
}

// durationOf returns the duration that durationAtLeast has accepted, and 0 for
// null.
func durationOf(text types.String) time.Duration {
	d, _ := time.ParseDuration(text.ValueString())
	return d
}
