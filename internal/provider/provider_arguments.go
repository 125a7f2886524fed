// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The environment variables of arguments that the configuration leaves out.
const (
	apiKeyVariable  = "TITANX_API_KEY"
	baseURLVariable = "TITANX_BASE_URL"
)

// argumentOr returns an argument of the provider, or where it is null the
// value of its environment variable. A blank value is an error: it must
// select neither the other source nor a default.
func argumentOr(argument types.String, name, variable string, diags *diag.Diagnostics) string {
	if argument.IsUnknown() {
		return ""
	}
	value, set := argument.ValueString(), !argument.IsNull()
	source := "The argument " + name
	if !set {
		value, set = os.LookupEnv(variable)
		source = "The environment variable " + variable
	}
	if set && strings.TrimSpace(value) == "" {
		diags.AddAttributeError(path.Root(name), "Empty "+name,
			fmt.Sprintf("%s is empty, which is not the same as unset. Set a value, "+
				"or set the argument %s to null and unset the environment variable %s.", source, name, variable))
	}
	return value
}
