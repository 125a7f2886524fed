// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// stringCheck validates a string that is known and not null.
type stringCheck struct {
	description string
	check       func(text string, at path.Path, diags *diag.Diagnostics)
}

// Description implements validator.Describer.
func (c stringCheck) Description(context.Context) string { return c.description }

// MarkdownDescription implements validator.Describer.
func (c stringCheck) MarkdownDescription(context.Context) string { return c.description }

// ValidateString implements validator.String.
func (c stringCheck) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if !req.ConfigValue.IsNull() && !req.ConfigValue.IsUnknown() {
		c.check(req.ConfigValue.ValueString(), req.Path, &resp.Diagnostics)
	}
}
