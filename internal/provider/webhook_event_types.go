// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"regexp"
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
	nearest, distance := nearestEvent(event)
	switch {
	case distance == 0:
	case !eventName.MatchString(event):
		diags.AddAttributeError(at, "Invalid event type",
			fmt.Sprintf("%q is not the name of an event: those are words joined by dots, such as %q.", event, nearest))
	default:
		diags.AddAttributeWarning(at, "Unknown event type",
			fmt.Sprintf("This version of the provider does not know the event %q; did you mean %q? It is used as it is, in case TitanX knows it. Known are %s.",
				event, nearest, strings.Join(titanx.EventTypes(), " and ")))
	}
}

// nearestEvent gives the documented event that takes the fewest edits, and how many.
func nearestEvent(event string) (nearest string, distance int) {
	distance = -1
	for _, known := range titanx.EventTypes() {
		if d := editDistance(event, known); distance < 0 || d < distance {
			nearest, distance = known, d
		}
	}
	return nearest, distance
}

// editDistance is the Levenshtein distance of two short ASCII texts.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
