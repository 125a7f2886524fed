// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package sweep deletes the webhooks that tests create at a real TitanX.
package sweep

import (
	"context"
	"errors"
	"strings"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// Prefix begins the name of each test webhook, and is in its url. Nothing else
// is ever deleted.
const Prefix = "titanx-acc-test-"

// Webhooks deletes the webhooks whose name begins with a prefix. Where TitanX
// returns no name, the prefix must be in the url. It goes on after a failure.
func Webhooks(ctx context.Context, client *titanx.Client, prefix string) error {
	var ids []string
	for w, err := range client.List(ctx) {
		if err != nil {
			return err
		}
		if strings.HasPrefix(w.Name, prefix) || w.Name == "" && strings.Contains(w.URL, prefix) {
			ids = append(ids, w.ID)
		}
	}
	var failed []error
	for _, id := range ids {
		failed = append(failed, client.Delete(ctx, id))
	}
	return errors.Join(failed...)
}
