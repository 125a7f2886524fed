// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// durationValidator rejects what is not a duration of at least its value.
type durationValidator time.Duration

func (v durationValidator) Description(context.Context) string {
	return fmt.Sprintf("a duration of at least %s", time.Duration(v))
}

func (v durationValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (v durationValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	text := req.ConfigValue.ValueString()
	if d, err := time.ParseDuration(text); err != nil || d < time.Duration(v) {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid duration",
			fmt.Sprintf("%q is not %s. Write numbers with the units h, m and s: 90 days are 2160h, two minutes are 2m.", text, v.Description(context.Background())))
	}
}

// durationOf returns the duration that durationValidator has accepted, and 0
// for null.
func durationOf(text types.String) time.Duration {
	d, _ := time.ParseDuration(text.ValueString())
	return d
}
