// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// eventType rejects what cannot be the name of an event, and warns of an
// undocumented one: tomorrow's event must not need a new release.
var eventType = stringCheck{"the name of a TitanX event, such as job.contact.scored",
	func(event string, at path.Path, diags *diag.Diagnostics) {
		known := strings.Join(titanx.EventTypes(), " and ")
		switch {
		case slices.Contains(titanx.EventTypes(), event):
		case !eventName.MatchString(event):
			diags.AddAttributeError(at, "Invalid event type",
				fmt.Sprintf("%q is not the name of an event. A name is words joined by dots. Known events: %s.", event,
					known))
		default:
			diags.AddAttributeWarning(at, fmt.Sprintf("Unknown event type %q", event),
				fmt.Sprintf("This version of the provider does not know the event %q. "+
					"The provider sends it as is, in case TitanX knows it. Known events: %s.", event, known))
		}
	}}

var eventName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
