// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// webhookFilterModel chooses some of all webhooks: those that agree with every
// argument that is not null.
type webhookFilterModel struct {
	Status    types.String `tfsdk:"status"`
	EventType types.String `tfsdk:"event_type"`
	NameRegex types.String `tfsdk:"name_regex"`
	URLPrefix types.String `tfsdk:"url_prefix"`
}

// filterArguments describes the arguments of a filter to the schemas that have
// them, each of which has its own attribute type.
func filterArguments() map[string]filterArgument {
	notEmpty := []validator.String{stringvalidator.LengthAtLeast(1)}
	return map[string]filterArgument{
		"status": {"Only webhooks of this status: `active` or `inactive`. Any other word causes a warning.",
			[]validator.String{webhookStatus}},
		"event_type": {"Only webhooks that get this event, such as `job.contact.scored`.", notEmpty},
		"name_regex": {"Only webhooks whose name matches this " +
			"[RE2](https://github.com/google/re2/wiki/Syntax) expression anywhere; anchor it with `^` and `$`.",
			[]validator.String{regularExpression}},
		"url_prefix": {"Only webhooks whose url begins with this text. End a host with `/`: " +
			"`https://a.example` is also the beginning of `https://a.example.org/`.", notEmpty},
	}
}

type filterArgument struct {
	description string
	validators  []validator.String
}

// matcher returns the test that a filter stands for.
func (m webhookFilterModel) matcher(diags *diag.Diagnostics) func(titanx.Webhook) bool {
	name, err := regexp.Compile(m.NameRegex.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("name_regex"), "Invalid regular expression", sentence(err.Error()))
	}
	return func(w titanx.Webhook) bool {
		return (m.Status.IsNull() || titanx.SameStatus(m.Status.ValueString(), w.Status)) &&
			(m.EventType.IsNull() || slices.Contains(w.EventTypes, m.EventType.ValueString())) &&
			(m.NameRegex.IsNull() || name.MatchString(w.Name)) &&
			strings.HasPrefix(w.URL, m.URLPrefix.ValueString())
	}
}

// regularExpression rejects what is not an RE2 expression.
var regularExpression = stringCheck{"a regular expression (RE2)",
	func(text string, at path.Path, diags *diag.Diagnostics) {
		if _, err := regexp.Compile(text); err != nil {
			diags.AddAttributeError(at, "Invalid regular expression",
				sentence(err.Error())+" Terraform providers use RE2, which has neither backreferences nor lookaround.")
		}
	}}
