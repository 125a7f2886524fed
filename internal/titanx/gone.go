// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Find returns one webhook, from the run's one list. ErrNotFound is evidence:
// two complete lists lack the webhook, the second begun after the first, and
// get-one does not have it either where it exists.
func (c *Client) Find(ctx context.Context, id string) (Webhook, error) {
	w, err := c.lookup(ctx, id, time.Now().Add(-inventoryAge))
	if errors.Is(err, ErrNotFound) {
		w, err = c.confirm(ctx, id)
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("find webhook %s: %w", id, err)
	}
	return w, nil
}

// confirm looks again for a webhook that the list lacks.
func (c *Client) confirm(ctx context.Context, id string) (Webhook, error) {
	if !c.getAbsent.Load() {
		w, err := c.Get(ctx, id)
		if !errors.Is(err, ErrNoRoute) && !errors.Is(err, ErrNotFound) {
			return w, err
		}
	}
	if c.inventory.lackedTwice(id) {
		return Webhook{}, fmt.Errorf("%w: two lists do not have it", ErrNotFound)
	}
	return c.lookup(ctx, id, time.Now())
}

// lackedTwice reports whether the last two lists, both of this run's age, were
// complete without a webhook.
func (i *inventory) lackedTwice(id string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, now := i.now.webhooks[id]
	_, before := i.before.webhooks[id]
	return !now && !before && time.Since(i.before.begun) < inventoryAge
}

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
