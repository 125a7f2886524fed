// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// addCreateError reports a create that failed. A conflict names the
// webhooks that are in the way.
func addCreateError(ctx context.Context, client *titanx.Client, url string, err error, diags *diag.Diagnostics) {
	var exists *titanx.ExistsError
	if errors.As(err, &exists) {
		w := exists.Webhook
		diags.AddError("Unable to create webhook: it already exists",
			sentence(err.Error())+changedText(exists)+
				fmt.Sprintf(" The webhook is %s. To manage it, import it: terraform import ADDRESS %s. ",
					describe(client, []titanx.Webhook{w}), client.Clean(w.ID))+oneForEachURL)
		return
	}
	var refused *titanx.Error
	if errors.As(err, &refused) && refused.StatusCode == http.StatusConflict && !namesLimit(refused) {
		if there, listErr := client.AtURL(ctx, url); listErr == nil && len(there) > 0 {
			diags.AddError("Unable to create webhook",
				sentence(err.Error())+"\n\nTitanX already delivers to this url: "+describe(client, there)+". "+
					oneForEachURL)
			return
		}
	}
	addAPIError(diags, "create webhook", err)
}

// changedText says what became of a webhook that existed before.
func changedText(exists *titanx.ExistsError) string {
	if exists.NewSecret {
		return "\n\nNothing was stored or deleted. But the response has a signing secret, so TitanX may have " +
			"issued a new one for that webhook and set it inactive. " +
			"If receivers reject its deliveries, replace it: apply with -replace."
	}
	return "\n\nNothing was created, stored, or deleted."
}

// oneForEachURL is what to do where TitanX keeps one webhook for each url. An
// apply does not know what its creates replace.
const oneForEachURL = "TitanX seems to allow one webhook for each url. If this plan replaces that webhook " +
	"under create_before_destroy, it still exists: " +
	"remove create_before_destroy from the lifecycle block, so that the old webhook is destroyed first, and " +
	"apply again. " +
	"Otherwise import the webhook that exists."
