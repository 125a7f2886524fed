// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// pendingPrefix begins the placeholder id of a pending create.
const pendingPrefix = "pending:"

// pending is what the next apply needs to find the orphan of an uncertain
// create. It is the placeholder id, as base64 of JSON: core deletes and plans a
// tainted resource without its private state.
type pending struct {
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended"`
	Nonce      string    `json:"nonce"` // no two placeholders are equal
	Siblings   []string  `json:"siblings,omitempty"`
	Candidates []string  `json:"candidates,omitempty"`
}

func isPending(id types.String) bool { return strings.HasPrefix(id.ValueString(), pendingPrefix) }

// setUncertain records an unclear create: by its real id where it is known, else by a placeholder.
func (m *webhookResourceModel) setUncertain(unclear titanx.UncertainError) {
	m.Secret, m.EncryptedSecret, m.SecretStatus = types.StringNull(), types.StringNull(), types.StringValue(secretLost)
	m.CreatedAt = types.StringNull()
	if len(unclear.Candidates) == 1 {
		m.ID = types.StringValue(unclear.Candidates[0].ID)
		m.CreatedAt = timeOr(unclear.Candidates[0].CreatedAt, m.CreatedAt)
		return
	}
	m.ID = pendingID(unclear)
}

// pendingID returns the placeholder id of an uncertain create.
func pendingID(unclear titanx.UncertainError) types.String {
	record := pending{Began: unclear.Began.UTC(), Ended: unclear.Ended.UTC(), Nonce: rand.Text(), Siblings: unclear.Siblings}
	for _, w := range unclear.Candidates {
		record.Candidates = append(record.Candidates, w.ID)
	}
	text, _ := json.Marshal(record) // times and strings alone
	return types.StringValue(pendingPrefix + base64.RawURLEncoding.EncodeToString(text))
}

// pendingCreate reads a placeholder id.
func pendingCreate(id string) (titanx.UncertainError, error) {
	var record pending
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(id, pendingPrefix))
	if err == nil {
		err = json.Unmarshal(text, &record)
	}
	if err != nil {
		return titanx.UncertainError{}, fmt.Errorf("read the placeholder id %q, which was changed by hand: %w", id, err)
	}
	unclear := titanx.UncertainError{Began: record.Began, Ended: record.Ended, Siblings: record.Siblings}
	for _, id := range record.Candidates {
		unclear.Candidates = append(unclear.Candidates, titanx.Webhook{ID: id})
	}
	return unclear, nil
}

// deletePending removes what an unclear create may have left at TitanX. Where that cannot be told, the answer has what may be it.
func deletePending(ctx context.Context, client *titanx.Client, model webhookResourceModel, diags *diag.Diagnostics) *titanx.UncertainError {
	unclear, err := pendingCreate(model.ID.ValueString())
	if err != nil {
		diags.AddError("Unable to delete webhook", sentence(err.Error())+" Look for the webhook at TitanX, delete it there, and remove the resource from the state.")
		return nil
	}
	removed, late, err := client.DeleteOrphan(ctx, model.createRequest(), unclear)
	if len(late) > 0 {
		diags.AddWarning("Webhook like that of an unclear create found",
			fmt.Sprintf("An earlier create of %q had no clear outcome. Later than it, this came to be, and was not touched: %s. If nobody uses it, it may be a late leftover: delete it at TitanX.", model.Name.ValueString(), describe(late)))
	}
	var several *titanx.UncertainError
	switch {
	case errors.As(err, &several):
		diags.AddError("Unable to tell which webhook an unclear create has made",
			fmt.Sprintf("An earlier create of %q had no clear outcome, and any of these may be its webhook: %s. None was removed. Delete those that nobody uses at TitanX, then apply again: the others stay. "+
				"If all are in use, remove this resource from the state.", model.Name.ValueString(), describe(several.Candidates)))
	case err != nil:
		addAPIError(diags, "delete what an unclear create may have left", err)
	case removed != "":
		diags.AddWarning("Leftover of an unclear create removed",
			fmt.Sprintf("An earlier create of %q had no clear outcome. The webhook %s that it left at TitanX, with a secret that nobody has, was deleted.", model.Name.ValueString(), removed))
	}
	return several
}

// warnPendingElsewhere warns before an apply that would look for a leftover where it cannot be. Of a rotated key nobody can tell that
// it is the same user's: no webhook of a pending create is known.
func warnPendingElsewhere(diags *diag.Diagnostics, model webhookResourceModel) {
	diags.AddWarning("Unclear create under another API key",
		fmt.Sprintf("A create of %q under another API key than the present one had no clear outcome. Its webhook, if there is one, can only be found with a key of the same user: "+
			"if this is another user's key, do not apply, and go back to that of the first.", model.Name.ValueString()))
}
