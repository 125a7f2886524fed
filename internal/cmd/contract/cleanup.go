// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

func (c *check) deleteLeftovers(ctx context.Context, all []titanx.Webhook) error {
	var left []string
	for _, w := range all {
		if isOurs(w, "") {
			left = append(left, w.ID)
		}
	}
	if len(left) == 0 || !c.confirm(ctx, "Delete what earlier contract checks have left behind: "+strings.Join(left, ", ")+"?") {
		return nil
	}
	c.wire.widen(len(left))
	for _, id := range left {
		if err := c.client.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// isOurs tells whether a webhook was made by this program, in the run of a token or, if that is empty, in any.
func isOurs(w titanx.Webhook, token string) bool {
	if w.Name != "" {
		return strings.HasPrefix(w.Name, namePrefix+token)
	}
	u, err := url.Parse(w.URL)
	return err == nil && u.Query().Has(urlMark) && strings.HasPrefix(u.Query().Get(urlMark), token)
}

// cleanUp removes what is there because of this run, and gives what it could not remove. It does not end with the run's context.
// It looks three times, because an answer may have been lost and a list may be behind.
func (c *check) cleanUp(ctx context.Context) []string {
	if !c.sent {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	c.wire.widen(math.MaxInt / 2)
	client, err := c.newClient(c.apiKey, titanx.DefaultMaxRetries)
	if err != nil {
		return []string{err.Error()}
	}
	reasons := map[string]error{}
	for _, pause := range []time.Duration{0, 2 * time.Second, 5 * time.Second} {
		if err = wait(ctx, pause); err != nil {
			break
		}
		for _, id := range slices.Clone(c.ours) {
			reasons[id] = c.delete(ctx, client, id)
		}
		if len(c.ours) == 0 && c.lost == 0 && c.wire.count() >= maxRequests {
			break // all is deleted by its answers, and the promised number of requests is reached
		}
		if err = c.findOurs(ctx, client); err == nil && len(c.ours) == 0 && c.lost == 0 {
			break
		}
	}
	var left []string
	for _, id := range c.ours {
		left = append(left, fmt.Sprintf("webhook %s (%v)", id, cmp.Or(reasons[id], errListed)))
	}
	if err != nil && c.lost > 0 {
		left = append(left, fmt.Sprintf("perhaps a webhook named %s… (%v)", namePrefix+c.token, err))
	}
	return left
}

var errListed = errors.New("it is listed still")

// findOurs looks for webhooks of this run in the list: in all of it if one was lost, else in its beginning.
func (c *check) findOurs(ctx context.Context, client *titanx.Client) error {
	pages := 1
	if c.lost > 0 {
		pages = math.MaxInt / 2
	}
	all, err := c.list(ctx, client, pages)
	for _, w := range all {
		if isOurs(w, c.token) && !slices.Contains(c.ours, w.ID) {
			c.ours = append(c.ours, w.ID)
			c.lost = max(0, c.lost-1)
		}
	}
	return err
}
