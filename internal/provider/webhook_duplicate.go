// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// manages notes that the state has a webhook, and which name it is planned to have. Terraform plans the second half of a
// replacement as if it were a new webhook: this tells that a webhook like it is the one to go.
func (c *connection) manages(id, name types.String) {
	if c != nil {
		c.managed.Store(id.ValueString(), name.ValueString())
	}
}

// isManaged reports whether the state has a webhook, as far as this run has read it.
func (c *connection) isManaged(id string) bool {
	_, managed := c.managed.Load(id)
	return managed
}

// isApply tells whether Terraform plans once more while it applies. By then it has deleted, or will delete, what a replacement
// replaces, and does not say so; and the plan has warned. Terraform allows deferral in every apply and in no ordinary plan;
// OpenTofu never does.
func isApply(req resource.ModifyPlanRequest) bool { return req.ClientCapabilities.DeferralAllowed }

// duplicatesWait is how long a plan waits for a list that is only good for a warning.
const duplicatesWait = 30 * time.Second

// warnDuplicates warns of webhooks that deliver what a new one asks for to its url already. It costs at most the run's one list.
// Where that fails, planning goes on, and asks no more.
func (c *connection) warnDuplicates(ctx context.Context, plan webhookResourceModel, diags *diag.Diagnostics) {
	if !c.ready() || plan.URL.IsUnknown() || plan.EventTypes.IsUnknown() || c.unlisted.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(c.masked(ctx), duplicatesWait)
	defer cancel()
	there, err := c.client.AtURL(ctx, plan.URL.ValueString())
	if err != nil {
		c.unlisted.Store(true)
		tflog.Warn(ctx, "cannot tell whether planned webhooks exist already", map[string]any{"error": err.Error()})
		return
	}
	name := any(plan.Name.ValueString())
	duplicates := slices.DeleteFunc(there, func(w titanx.Webhook) bool {
		planned, managed := c.managed.Load(w.ID)
		return !textSet(w.EventTypes).Equal(plan.EventTypes) || managed && planned == name
	})
	if len(duplicates) > 0 {
		diags.AddAttributeWarning(path.Root("url"), "Webhook exists already",
			fmt.Sprintf("TitanX delivers these events to this url already: %s. While there are both, the receiver gets every event twice, each time signed with another secret. "+
				"To manage the webhook that exists, import it instead of making another. If it was left behind by a run that was killed, delete it at TitanX.", describe(duplicates)))
	}
}
