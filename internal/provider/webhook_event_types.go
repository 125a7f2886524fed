// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// eventTypesValidator, of a set or of one name, refuses event names that cannot be any, and warns of those that are not documented: tomorrow's event must
// not need a new release of the provider.
type eventTypesValidator struct{}

func (eventTypesValidator) Description(context.Context) string {
	return "names of TitanX events, such as job.contact.scored"
}

func (v eventTypesValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

var eventName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)

func (eventTypesValidator) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		if value, ok := element.(types.String); ok && !value.IsUnknown() {
			checkEvent(value.ValueString(), req.Path.AtSetValue(element), &resp.Diagnostics)
		}
	}
}

func (eventTypesValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if !req.ConfigValue.IsNull() && !req.ConfigValue.IsUnknown() {
		checkEvent(req.ConfigValue.ValueString(), req.Path, &resp.Diagnostics)
	}
}

func checkEvent(event string, at path.Path, diags *diag.Diagnostics) {
	known := strings.Join(titanx.EventTypes(), " and ")
	switch {
	case slices.Contains(titanx.EventTypes(), event):
	case !eventName.MatchString(event):
		diags.AddAttributeError(at, "Invalid event type",
			fmt.Sprintf("%q is not the name of an event. A name is words joined by dots. Known are %s.", event, known))
	default:
		diags.AddAttributeWarning(at, "Unknown event type",
			fmt.Sprintf("This version of the provider does not know the event %q. It is sent as it is, in case TitanX knows it. Known are %s.", event, known))
	}
}
