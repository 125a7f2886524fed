// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// plannedWebhooks is what one run has heard of webhooks so far. Core plans them
// in any order, so what a create reports must not depend on which others came
// before:
//
//   - A webhook in TitanX's list is always named. Whether the same plan
//     destroys or replaces it elsewhere may not be known yet.
//   - Of two creates, the second reports the other.
//   - The webhook that a replacement replaces is no duplicate of it.
//
// A replacement is planned in two calls, the second of which looks like a
// create with the private state of the first. Core drops its warnings, so it
// is the first that is checked.
type plannedWebhooks struct {
	mu        sync.Mutex
	known     set  // webhooks of the state
	unplanned set  // those of known without a plan: not yet, or never because they are tainted
	awaited   set  // those of unplanned that a planned create duplicates
	creates   set  // what planned creates deliver
	created   set  // webhooks that this run has created
	unlisted  bool // that the list failed was reported
}

type set map[string]bool

// inState notes a webhook that the state has.
func (c *connection) inState(id string) {
	if id != "" {
		c.planned.mu.Lock()
		defer c.planned.mu.Unlock()
		c.planned.known[id], c.planned.unplanned[id] = true, true
	}
}

// isManaged reports whether the state has a webhook, as far as this run has
// heard of it.
func (c *connection) isManaged(id string) bool {
	c.planned.mu.Lock()
	defer c.planned.mu.Unlock()
	return c.planned.known[id] || c.planned.created[id]
}

// notePlanned notes that a webhook of the state has a plan, whatever that is.
// It reports whether a create that was planned before duplicates it.
func (c *connection) notePlanned(id types.String) (awaited bool) {
	c.planned.mu.Lock()
	defer c.planned.mu.Unlock()
	delete(c.planned.unplanned, id.ValueString())
	return c.planned.awaited[id.ValueString()]
}

// created notes a webhook that this run has created.
func (c *connection) created(w webhookResourceModel) {
	c.planned.mu.Lock()
	defer c.planned.mu.Unlock()
	c.planned.created[w.ID.ValueString()] = true
	delete(c.planned.creates, deliveryKey(w))
}

// isApply reports whether Terraform plans once more while it applies. Nothing
// is checked then: the plan has warned. Terraform allows deferral in every
// apply and in no ordinary plan.
func isApply(req resource.ModifyPlanRequest) bool { return req.ClientCapabilities.DeferralAllowed }

// marksApply reports whether a CLI lets the provider tell an apply from a plan,
// by the version that it names. Terraform does since 1.9. OpenTofu never does:
// it names itself 1.13.0 since its version 1.12, and where it installs the
// provider the path has its registry.
func marksApply(version, executable string) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 || version == "1.13.0" ||
		strings.Contains(filepath.ToSlash(executable), "/registry.opentofu.org/") {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && parts[0] != "0" && (parts[0] != "1" || minor >= 9)
}

func executable() string {
	name, _ := os.Executable() // without it, the version decides
	return name
}

// checkDuplicates reports what a new webhook would deliver twice. The replaced
// webhook, if there is one, does not count. It costs at most the run's one
// list.
func (c *connection) checkDuplicates(
	ctx context.Context, plan webhookResourceModel, replaced types.String, diags *diag.Diagnostics,
) {
	if plan.URL.IsUnknown() || plan.EventTypes.IsUnknown() {
		return
	}
	if c.planned.again(plan) {
		c.addDuplicate(diags, true, "The plan creates the same webhook more than once",
			fmt.Sprintf("Another webhook in this plan delivers the same events to the same url (%s). "+
				"The receiver gets every event twice, each time signed with a different secret. "+
				"Remove one of the two.", hostOf(plan.URL.ValueString())))
	}
	if !c.ready() {
		return
	}
	ctx, cancel := context.WithTimeoutCause(c.masked(ctx), duplicatesWait, errNoList)
	defer cancel()
	there, err := c.client.AtURL(ctx, plan.URL.ValueString())
	if err != nil {
		c.addUnlisted(diags, err)
		return
	}
	certain, whole := false, false
	duplicates := slices.DeleteFunc(there, func(w titanx.Webhook) bool {
		same := titanx.SameURL(w.URL, plan.URL.ValueString()) // else the list shows only a part
		if w.ID == replaced.ValueString() || !textSet(w.EventTypes).Equal(plan.EventTypes) ||
			!same && c.isManaged(w.ID) {
			return true
		}
		created, unplanned := c.planned.meets(w.ID)
		certain, whole = certain || same && !created && !unplanned, whole || same
		return created
	})
	if len(duplicates) == 0 {
		return
	}
	detail := "TitanX already delivers these events to this url: "
	if !whole {
		detail = "TitanX may already deliver these events to this url. It shows only a part of the url of: "
	}
	// Core folds warnings that have the same summary.
	c.addDuplicate(diags, certain,
		fmt.Sprintf("A webhook like %q already exists: %s", plan.Name.ValueString(), duplicates[0].ID),
		detail+describe(c.client, duplicates)+". "+duplicateText)
}

const duplicateText = "Unless it is tainted, or this plan destroys or replaces it, the receiver gets every " +
	"event twice, each time signed with a different secret. " +
	"To manage the webhook that exists, import it instead of creating another. " +
	"If a run that was killed left it behind, delete it at TitanX. " +
	"If this plan destroys it at another address, the new webhook has a new secret: " +
	"a moved block instead keeps the webhook and its secret."

const allowDuplicates = " The provider's on_duplicate is \"error\": set it to \"warn\" to allow this."

// duplicatesWait is how long a plan waits for a list that is only good for a
// warning.
const duplicatesWait = 30 * time.Second

var errNoList = fmt.Errorf("no list within %s", duplicatesWait)

// again reports whether another create delivers the same, and notes this one.
func (p *plannedWebhooks) again(plan webhookResourceModel) bool {
	key := deliveryKey(plan)
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.creates[key]
	p.creates[key] = true
	return before
}

// deliveryKey is what two webhooks have in common that deliver the same.
func deliveryKey(w webhookResourceModel) string {
	events := slices.Sorted(slices.Values(texts(w.EventTypes)))
	return titanx.URLKey(w.URL.ValueString()) + "\x00" + strings.Join(events, "\x00")
}

// meets reports what is known of a webhook that a create duplicates.
func (p *plannedWebhooks) meets(id string) (created, unplanned bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unplanned[id] {
		p.awaited[id] = true
	}
	return p.created[id], p.unplanned[id]
}

// addDuplicate adds a warning, or the error that on_duplicate asks for. A
// webhook that may be tainted is no error: its replacement could never be
// planned. If it is not, its own plan is refused (notePlan).
func (c *connection) addDuplicate(diags *diag.Diagnostics, certain bool, summary, detail string) {
	if c.duplicatesAreErrors && certain {
		diags.AddAttributeError(path.Root("url"), summary, detail+allowDuplicates)
		return
	}
	diags.AddAttributeWarning(path.Root("url"), summary, detail)
}

// notePlan is notePlanned, and refuses the plan of a webhook that a create
// duplicates.
func (c *connection) notePlan(req resource.ModifyPlanRequest, w webhookResourceModel, diags *diag.Diagnostics) {
	if c.notePlanned(w.ID) && !isApply(req) && c.duplicatesAreErrors {
		diags.AddAttributeError(path.Root("url"),
			fmt.Sprintf("The plan creates a webhook like %q", w.Name.ValueString()),
			fmt.Sprintf("The webhook %s (%q) exists, and this plan creates another that delivers the same "+
				"events to the same url. ", w.ID.ValueString(), w.Name.ValueString())+duplicateText+allowDuplicates)
	}
}

// addUnlisted reports, once a run, that nobody could look for duplicates.
func (c *connection) addUnlisted(diags *diag.Diagnostics, err error) {
	c.planned.mu.Lock()
	defer c.planned.mu.Unlock()
	if c.planned.unlisted {
		return
	}
	c.planned.unlisted = true
	summary, detail := "Unable to look for duplicates", "Could not look for duplicates: "+err.Error()+"."
	if errors.Is(err, titanx.ErrUnauthorized) || errors.Is(err, titanx.ErrForbidden) {
		summary, detail = "The apply will fail",
			"TitanX refuses the API key, so the apply will fail, and the provider could not look for duplicates: "+
				err.Error()+"."
	}
	if advice := adviceFor(err); advice != "" {
		detail += "\n\n" + advice
	}
	if c.duplicatesAreErrors {
		diags.AddError(summary, detail+allowDuplicates)
		return
	}
	diags.AddWarning(summary, detail)
}
