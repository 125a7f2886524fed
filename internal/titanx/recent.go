// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NotListedError means that a webhook is missing although it was created so
// recently that a list may lag behind. It is no evidence that it is gone.
type NotListedError struct {
	ID    string
	Until time.Time // when a list that lacks it is evidence, by TitanX's clock
}

func (e *NotListedError) Error() string {
	return fmt.Sprintf("no list has webhook %s, but until %s a list may lag behind", e.ID, e.Until.Format(time.RFC3339))
}

// longestLook bounds the wait between two looks for a recent webhook.
const longestLook = 10 * time.Second

// FindRecent is Find for a webhook of a known age. Where it is missing and was
// created less than the lag of a list ago, by TitanX's clock, FindRecent looks
// again until it is older. Then a get-one that lacks it ends the wait with
// ErrNotFound. Without that route the error is a *NotListedError: a later run
// decides.
func (c *Client) FindRecent(ctx context.Context, id string, created time.Time) (Webhook, error) {
	w, err := c.Find(ctx, id)
	until := created.Add(listLag)
	if !errors.Is(err, ErrNotFound) || created.IsZero() || !c.isBefore(until) {
		return w, err
	}
	for wait := c.settleWait; c.isBefore(until); wait = min(2*wait, longestLook) {
		now, _ := c.Now()
		select {
		case <-time.After(min(wait, max(until.Sub(now), time.Millisecond))):
		case <-ctx.Done():
			return Webhook{}, fmt.Errorf("find webhook %s: %w", id, context.Cause(ctx))
		}
		if w, err := c.lookup(ctx, id, time.Now()); !errors.Is(err, ErrNotFound) {
			return w, err
		}
	}
	w, err = c.Get(ctx, id)
	if errors.Is(err, ErrNoRoute) {
		return Webhook{}, &NotListedError{id, until}
	}
	return w, err
}

func (c *Client) isBefore(t time.Time) bool {
	now, _ := c.Now()
	return now.Before(t)
}
