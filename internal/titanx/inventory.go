// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// inventoryAge is how old a list may be and still answer a read: longer than a plan of thousands of webhooks.
	inventoryAge = 2 * time.Minute

	// confirmAge is how old a list may be and still be evidence that a webhook is gone.
	confirmAge = 5 * time.Second

	// listLag is how long a list may be behind our own writes.
	listLag = time.Minute
)

// inventory is what a run knows of all webhooks of its key: one list answers many reads. Concurrent reads share one list in
// flight, our own writes keep it true, and it expires.
type inventory struct {
	list func(context.Context) ([]Webhook, error)

	mu       sync.Mutex
	webhooks map[string]entry // by id; nil until the first list
	begun    time.Time        // when the list in webhooks was asked for
	flight   *flight          // the list under way, if any
	own      map[string]write // the last write of our own, by id
}

// entry is a webhook and the end of the first list that had it: later than the beginning of any create that can have made it.
type entry struct {
	Webhook
	firstListed time.Time
	address     string // the url in its canonical form
}

// write is a change that we made. For madeWrite and changedWrite, webhook holds what the answer said.
type write struct {
	kind    writeKind
	at      time.Time
	webhook Webhook
}

type writeKind int

const (
	madeWrite writeKind = iota
	changedWrite
	deletedWrite
)

// flight is one list under way, and its context, which is cancelled when nobody waits for it any more.
type flight struct {
	context.Context
	begun  time.Time
	done   chan struct{}
	cancel context.CancelFunc
	err    error

	mu      *sync.Mutex // the inventory's, guards the rest
	waiting int
	latest  time.Time // the latest deadline of those who wait
	endless bool      // one of them has none
}

func (f *flight) join(ctx context.Context) {
	f.waiting++
	deadline, bounded := ctx.Deadline()
	f.endless = f.endless || !bounded
	if deadline.After(f.latest) {
		f.latest = deadline
	}
}

// Deadline lets the pacer tell a wait that outlasts everybody's time before it begins.
func (f *flight) Deadline() (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest, !f.endless
}

// read calls use with all webhooks by id, from a list that was begun at notBefore or later. The map is for use alone, under a
// lock: it must neither be kept nor changed.
func (i *inventory) read(ctx context.Context, notBefore time.Time, use func(map[string]entry)) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.webhooks == nil || i.begun.Before(notBefore) {
		if err := i.wait(ctx, notBefore); err != nil {
			return err
		}
	}
	use(i.webhooks)
	return nil
}

// known gives a webhook from a list that is there, if it was begun at notBefore or later.
func (i *inventory) known(id string, notBefore time.Time) (Webhook, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.begun.Before(notBefore) {
		return Webhook{}, false
	}
	found, ok := i.webhooks[id]
	return found.Webhook, ok
}

// wait joins the list under way, or begins one. The lock is held before and after.
func (i *inventory) wait(ctx context.Context, notBefore time.Time) error {
	f := i.flight
	if f == nil || f.begun.Before(notBefore) {
		f = i.start(ctx)
	}
	f.join(ctx)
	i.mu.Unlock()
	select {
	case <-f.done:
	case <-ctx.Done():
	}
	i.mu.Lock()
	if f.waiting--; f.waiting == 0 {
		f.cancel()
		if i.flight == f { // who comes now must not join what is cancelled
			i.flight = nil
		}
	}
	select {
	case <-f.done:
		return f.err
	default:
		return context.Cause(ctx)
	}
}

// start begins a list on behalf of all who will wait for it, so that one caller's end does not end it for the others.
func (i *inventory) start(ctx context.Context) *flight {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &flight{Context: ctx, begun: time.Now(), done: make(chan struct{}), cancel: cancel, mu: &i.mu}
	i.flight = f
	go func() {
		defer close(f.done)
		listed, err := i.list(f)
		i.mu.Lock()
		defer i.mu.Unlock()
		if f.err = err; err == nil && f.begun.After(i.begun) {
			i.webhooks, i.begun = i.merged(listed, f.begun), f.begun
		}
		if i.flight == f {
			i.flight = nil
		}
	}()
	return f
}

// merged is a list, corrected by those of our own writes that it may not have seen.
func (i *inventory) merged(listed []Webhook, begun time.Time) map[string]entry {
	all := make(map[string]entry, len(listed))
	for _, w := range listed {
		first := time.Now()
		if known, ok := i.webhooks[w.ID]; ok {
			first = known.firstListed
		}
		all[w.ID] = entry{w, first, canonicalURL(w.URL)}
	}
	for id, own := range i.own {
		if own.at.After(begun) || own.kind != changedWrite && time.Since(own.at) < listLag {
			own.apply(all, id)
		}
	}
	return all
}

func (w write) apply(all map[string]entry, id string) {
	known, listed := all[id]
	switch {
	case w.kind == deletedWrite:
		delete(all, id)
	case listed:
		known.Webhook = known.patched(w.webhook)
		known.address = canonicalURL(known.URL)
		all[id] = known
	case w.kind == madeWrite:
		all[id] = entry{w.webhook, w.at, canonicalURL(w.webhook.URL)}
	}
}

// patched is a webhook with what a later answer said of it.
func (w Webhook) patched(later Webhook) Webhook {
	if later.Name != "" {
		w.Name = later.Name
	}
	if later.URL != "" {
		w.URL = later.URL
	}
	if later.EventTypes != nil {
		w.EventTypes = later.EventTypes
	}
	if later.Status != "" {
		w.Status = later.Status
	}
	if !later.CreatedAt.IsZero() {
		w.CreatedAt = later.CreatedAt
	}
	if !later.UpdatedAt.IsZero() {
		w.UpdatedAt = later.UpdatedAt
	}
	return w
}

// wrote notes a write of our own.
func (i *inventory) wrote(kind writeKind, webhook Webhook) {
	i.mu.Lock()
	defer i.mu.Unlock()
	own := write{kind, time.Now(), webhook}
	if before, ok := i.own[webhook.ID]; ok && before.kind == madeWrite && kind == changedWrite {
		own = write{madeWrite, own.at, before.webhook.patched(webhook)}
	}
	if i.own == nil {
		i.own = map[string]write{}
	}
	i.own[webhook.ID] = own
	if i.webhooks != nil {
		own.apply(i.webhooks, webhook.ID)
	}
}

// All gives every webhook of the key's user in a stable order, by name and then id, from the run's one list.
func (c *Client) All(ctx context.Context) ([]Webhook, error) {
	return c.pick(ctx, func(entry) bool { return true })
}

// AtURL gives the webhooks that deliver to an address, as SameURL compares addresses, in the order of All.
func (c *Client) AtURL(ctx context.Context, url string) ([]Webhook, error) {
	address := canonicalURL(url)
	return c.pick(ctx, func(e entry) bool { return e.address == address })
}

func (c *Client) pick(ctx context.Context, wanted func(entry) bool) ([]Webhook, error) {
	var picked []Webhook
	err := c.inventory.read(ctx, time.Now().Add(-inventoryAge), func(known map[string]entry) {
		for _, e := range known {
			if wanted(e) {
				picked = append(picked, e.Webhook)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(picked, func(a, b Webhook) int {
		if order := strings.Compare(a.Name, b.Name); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return picked, nil
}

// Find gives one webhook, from the run's one list. ErrNotFound is evidence: a complete list does not have it, and neither has
// get-one where that exists.
func (c *Client) Find(ctx context.Context, id string) (Webhook, error) {
	if w, err := c.lookup(ctx, id, time.Now().Add(-inventoryAge)); !errors.Is(err, ErrNotFound) {
		return w, err
	}
	w, err := c.confirm(ctx, id)
	if err == nil {
		return w, nil
	}
	return Webhook{}, fmt.Errorf("find webhook %s: %w", id, err)
}

// Listed gives one webhook if the run's list is there, is not too old and has it. It asks TitanX for nothing.
func (c *Client) Listed(id string) (Webhook, bool) {
	return c.inventory.known(id, time.Now().Add(-inventoryAge))
}

// confirm looks again for a webhook that the list lacks.
func (c *Client) confirm(ctx context.Context, id string) (Webhook, error) {
	if !c.lacksGet(nil) {
		w, err := c.Get(ctx, id)
		if !c.lacksGet(err) {
			return w, err
		}
	}
	return c.lookup(ctx, id, time.Now().Add(-confirmAge))
}

// lacksGet remembers, and tells, that this server has no route to get one webhook.
func (c *Client) lacksGet(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.getAbsent = c.getAbsent || errors.Is(err, ErrNoRoute)
	return c.getAbsent
}

func (c *Client) lookup(ctx context.Context, id string, notBefore time.Time) (Webhook, error) {
	var found entry
	var ok bool
	if err := c.inventory.read(ctx, notBefore, func(known map[string]entry) { found, ok = known[id] }); err != nil {
		return Webhook{}, err
	}
	if !ok {
		return Webhook{}, fmt.Errorf("%w: the list does not have %s", ErrNotFound, id)
	}
	return found.Webhook, nil
}
