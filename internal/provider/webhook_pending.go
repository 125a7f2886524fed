// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// pendingPrefix begins the placeholder id of a pending create.
const pendingPrefix = "pending:"

// pending is what the next apply needs to find the orphan of an uncertain
// create. It is the placeholder id, as base64 of JSON: core deletes and plans a
// tainted resource without its private state.
type pending struct {
	Creates    []titanx.UncertainCreate `json:"creates"`
	Candidates []string                 `json:"candidates,omitempty"`
	Nonce      string                   `json:"nonce"` // no two placeholders are equal
}

func isPending(id types.String) bool { return strings.HasPrefix(id.ValueString(), pendingPrefix) }

// setUncertain records an uncertain create: by the id of its orphan where that
// is known, else by a placeholder.
func (m *webhookResourceModel) setUncertain(uncertain titanx.UncertainError) {
	m.Secret, m.EncryptedSecret, m.SecretStatus = types.StringNull(), types.StringNull(), types.StringValue(secretLost)
	m.CreatedAt, m.SecretVersion = types.StringNull(), types.Int64Null()
	if uncertain.Orphan != nil {
		m.ID = types.StringValue(uncertain.Orphan.ID)
		m.CreatedAt = timeOr(uncertain.Orphan.CreatedAt, m.CreatedAt)
		return
	}
	m.ID = pendingID(uncertain.Creates, uncertain.Candidates)
}

// pendingID returns the placeholder id of an uncertain create.
func pendingID(creates []titanx.UncertainCreate, candidates []titanx.Webhook) types.String {
	record := pending{Creates: creates, Nonce: rand.Text()}
	for _, w := range candidates {
		record.Candidates = append(record.Candidates, w.ID)
	}
	text, _ := json.Marshal(record) // times and strings alone
	return types.StringValue(pendingPrefix + base64.RawURLEncoding.EncodeToString(text))
}

// pendingCreate reads a placeholder id.
func pendingCreate(id string) (pending, error) {
	var record pending
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, pendingPrefix))
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err != nil {
		return pending{}, fmt.Errorf("read the placeholder id %q, which was changed by hand: %w", id, err)
	}
	return record, nil
}

// decidedBy reports whether somebody has decided between the candidates: one
// of them is gone, so the others are in use.
func (p pending) decidedBy(left []titanx.Webhook) bool {
	return slices.ContainsFunc(p.Candidates, func(id string) bool {
		return !slices.ContainsFunc(left, func(w titanx.Webhook) bool { return w.ID == id })
	})
}

// deletePending deletes the orphan of an uncertain create. Where the orphan
// cannot be proven, it deletes nothing and returns the candidates' placeholder.
func (r *webhookResource) deletePending(
	ctx context.Context, client *titanx.Client, model webhookResourceModel, diags *diag.Diagnostics,
) (again types.String) {
	again = types.StringNull()
	record, err := pendingCreate(model.ID.ValueString())
	if err != nil {
		diags.AddError("Unable to delete webhook",
			sentence(err.Error())+" Look for the webhook at TitanX, delete it there, and remove the resource "+
				"from the state.")
		return again
	}
	removed, candidates, err := client.DeleteOrphans(ctx, model.createRequest(r.conn.isManaged), titanx.Webhook{},
		record.Creates)
	name := model.Name.ValueString()
	warnOrphansDeleted(diags, name, removed)
	switch {
	case err != nil:
		addAPIError(diags, "delete what an uncertain create may have left", err)
	case len(removed) == 0 && len(candidates) > 0 && !record.decidedBy(candidates):
		diags.AddError("Unable to identify the webhook of an uncertain create",
			fmt.Sprintf("The outcome of an earlier create of %q is uncertain. "+
				"Any of these may be its webhook: %s. None was deleted.\n\n"+
				"At TitanX, delete those that nobody uses, and then apply again: the others stay. "+
				"If all are in use, remove this resource from the state.", name, describe(client, candidates)))
		return pendingID(record.Creates, candidates)
	case len(removed) < len(record.Creates):
		r.conn.carry(model, record.Creates)
		warnStillPossible(diags, client, name, record.Creates)
		if len(removed) > 0 { // else somebody has decided that the candidates are in use
			warnCandidates(diags, client, name, candidates)
		}
	}
	return again
}

// carry keeps the uncertain creates of a pending create for the create that
// replaces it in this run: one of them may still take effect.
func (c *connection) carry(model webhookResourceModel, creates []titanx.UncertainCreate) {
	c.carried.Store(model.URL.ValueString()+" "+model.Name.ValueString(), creates)
}

// carriedTo returns, once, what carry has kept for a webhook.
func (c *connection) carriedTo(model webhookResourceModel) []titanx.UncertainCreate {
	creates, _ := c.carried.LoadAndDelete(model.URL.ValueString() + " " + model.Name.ValueString())
	carried, _ := creates.([]titanx.UncertainCreate)
	return carried
}

// warnPending warns of a placeholder that the next apply replaces.
func warnPending(diags *diag.Diagnostics, model webhookResourceModel) {
	diags.AddAttributeWarning(path.Root("id"), fmt.Sprintf("Webhook %q is pending", model.Name.ValueString()),
		"The outcome of an earlier create is uncertain, and the state has a placeholder for it. "+
			"The next apply deletes what that create has left, and creates the webhook again. "+
			"Terraform plans this as a replacement: if prevent_destroy is set, set it to false until then.")
}

// warnPendingElsewhere warns before an apply that would look for an orphan
// where it cannot be: under another key than the one that sent the create.
func (c *connection) warnPendingElsewhere(diags *diag.Diagnostics, model webhookResourceModel, seenBy []byte) {
	if seenBy == nil || !c.ready() || c.marked(seenBy) {
		return
	}
	diags.AddWarning("Uncertain create under another API key",
		fmt.Sprintf("The outcome of a create of %q under another API key is uncertain. "+
			"Only a key of the same user can find its webhook, if there is one. "+
			"If the current key belongs to another user, do not apply: use the first user's key again.",
			model.Name.ValueString()))
}

// uncertainCreates reads the uncertain creates of a webhook from private state.
func uncertainCreates(ctx context.Context, private privateGetter, diags *diag.Diagnostics) []titanx.UncertainCreate {
	stored := privateValue(ctx, private, uncertainKey, diags)
	var creates []titanx.UncertainCreate
	if json.Unmarshal(stored, &creates) != nil { // or absent
		return nil
	}
	return creates
}

// warnOrphans names what uncertain creates of a webhook have left since. If the
// webhook is gone, answered is zero, and the state forgets them with it. It
// deletes nothing: a refresh runs in review pipelines and health assessments.
// It reports whether it could look.
func (r *webhookResource) warnOrphans(
	ctx context.Context, client *titanx.Client, model webhookResourceModel, answered titanx.Webhook,
	private privateGetter, diags *diag.Diagnostics,
) bool {
	creates := uncertainCreates(ctx, private, diags)
	if len(creates) == 0 {
		return true
	}
	left, err := client.FindOrphans(ctx, model.createRequest(r.conn.isManaged), answered, creates)
	if err != nil {
		addAPIError(diags, "look for what an uncertain create may have left", err)
		return false
	}
	name := model.Name.ValueString()
	if answered.ID == "" {
		warnCandidates(diags, client, name, slices.Concat(left.Orphans, left.Candidates))
		warnStillPossible(diags, client, name, creates)
		return true
	}
	if len(left.Orphans) > 0 {
		diags.AddWarning(fmt.Sprintf("Orphan of webhook %q found", name),
			fmt.Sprintf("The outcome of a create of %q was uncertain, and the webhook was created again. "+
				"Since then its orphan has appeared: %s. It is inactive, and nobody has its secret. "+
				"The next apply that changes or destroys %q deletes it. You can also delete it at TitanX.", name,
				describe(client, left.Orphans), name))
	}
	warnCandidates(diags, client, name, left.Candidates)
	return true
}

// deleteOrphans deletes the proven orphans of a webhook and names the
// candidates. A failure is a warning: the webhook itself is as planned. It
// reports whether nothing is left, and nothing can appear later.
func (r *webhookResource) deleteOrphans(
	ctx context.Context, model webhookResourceModel, creates []titanx.UncertainCreate, diags *diag.Diagnostics,
) (over bool) {
	if len(creates) == 0 {
		return false
	}
	client, ctx, done := r.conn.api(ctx, "delete the orphan of an uncertain create", diags, model.Secret.ValueString())
	defer done()
	if client == nil {
		return false
	}
	answered, _ := client.Listed(model.ID.ValueString())
	answered.ID = model.ID.ValueString()
	removed, candidates, err := client.DeleteOrphans(ctx, model.createRequest(r.conn.isManaged), answered, creates)
	name := model.Name.ValueString()
	warnOrphansDeleted(diags, name, removed)
	warnCandidates(diags, client, name, candidates)
	if err != nil {
		diags.AddWarning(fmt.Sprintf("Unable to delete the orphan of webhook %q", name),
			sentence(err.Error())+" The next apply that changes or destroys it tries again.")
	}
	return err == nil && len(candidates) == 0 && !stillPossible(client, creates)
}

// stillPossible reports whether one of some uncertain creates may still take
// effect.
func stillPossible(client *titanx.Client, creates []titanx.UncertainCreate) bool {
	now, known := client.Now()
	return slices.ContainsFunc(creates, func(c titanx.UncertainCreate) bool { return !known || !c.IsOver(now) })
}

// warnStillPossible warns when uncertain creates of a webhook that is deleted
// may still take effect: no state remembers them then, unless this run creates
// the same webhook again.
func warnStillPossible(diags *diag.Diagnostics, client *titanx.Client, name string, creates []titanx.UncertainCreate) {
	if stillPossible(client, creates) {
		diags.AddWarning(fmt.Sprintf("An earlier create of webhook %q may still take effect", name),
			"Its outcome is uncertain, and TitanX may still carry it out in the next ten minutes. "+
				"A webhook that it leaves is inactive and never delivers. "+
				"Look for it at TitanX later, and delete it there.")
	}
}

func warnCandidates(diags *diag.Diagnostics, client *titanx.Client, name string, candidates []titanx.Webhook) {
	if len(candidates) > 0 {
		diags.AddWarning(fmt.Sprintf("Possible orphan of webhook %q found", name),
			fmt.Sprintf("The outcome of an earlier create of %q was uncertain. "+
				"Any of these may be what it created: %s. "+
				"If nobody uses it, delete it at TitanX.", name, describe(client, candidates)))
	}
}

func warnOrphansDeleted(diags *diag.Diagnostics, name string, removed []string) {
	if len(removed) > 0 {
		diags.AddWarning(fmt.Sprintf("Orphan of webhook %q deleted", name),
			fmt.Sprintf("The outcome of an earlier create of %q was uncertain. "+
				"It had left %s at TitanX, with a secret that nobody has. That webhook was deleted.", name,
				strings.Join(removed, ", ")))
	}
}
