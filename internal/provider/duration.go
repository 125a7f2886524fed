// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// durationAtLeast refuses durations that are too short to mean anything. What is no duration at all is refused by its type.
func durationAtLeast(least time.Duration) validator.String { return durationValidator{least} }

type durationValidator struct{ least time.Duration }

func (v durationValidator) Description(context.Context) string {
	return fmt.Sprintf("a duration of at least %s", v.least)
}

func (v durationValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (v durationValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if d, err := time.ParseDuration(req.ConfigValue.ValueString()); err == nil && d < v.least {
		resp.Diagnostics.AddAttributeError(req.Path, "Duration too short",
			fmt.Sprintf("%q is shorter than %s. Give a number with a unit, such as 30s, 5m or 2160h.", req.ConfigValue.ValueString(), v.least))
	}
}
