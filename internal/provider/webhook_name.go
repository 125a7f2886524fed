// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// plainName warns of what a service may store otherwise than it was sent.
var plainName = stringCheck{"a name without a space at either end and without control characters",
	func(name string, at path.Path, diags *diag.Diagnostics) {
		switch {
		case strings.TrimSpace(name) != name:
			diags.AddAttributeWarning(at, "Name begins or ends with a space",
				fmt.Sprintf("%q begins or ends with a space or a line break, which TitanX may remove. "+
					"Remove it, for example with trimspace(…).", name))
		case strings.ContainsFunc(name, unicode.IsControl):
			diags.AddAttributeWarning(at, "Name contains a control character",
				fmt.Sprintf("%q contains a control character, such as a tab or a line break, which TitanX may "+
					"refuse or remove. Remove it.", name))
		}
	}}
