// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// inventoryAge is how old a list may be and still answer a read: longer
	// than a plan of thousands of webhooks takes.
	inventoryAge = 2 * time.Minute

	// listLag is how long a list may be behind our own writes.
	listLag = time.Minute
)

// inventory is what a run knows of all webhooks of its key: one list answers
// many reads. Concurrent reads share one list in flight, our own writes keep
// it true, and it expires.
type inventory struct {
	listAll func(context.Context) ([]Webhook, error)

	mu          sync.Mutex
	now, before list             // the last two lists
	flight      *flight          // the list under way, if any
	own         map[string]write // the last write of our own, by id
}

// list is a complete list.
type list struct {
	webhooks map[string]entry // by id; nil for a list that was never read
	begun    time.Time        // when it was asked for
}

// entry is a webhook and the end of the first list that had it. That is later
// than the beginning of any create that can have created it.
type entry struct {
	Webhook
	firstListed time.Time
	address     string // the url in its canonical form
	partial     bool   // the list shows only a part of the url
}

func newEntry(w Webhook, firstListed time.Time) entry {
	return entry{w, firstListed, URLKey(w.URL), hiddenPart.MatchString(w.URL)}
}

// write is a change of our own. For createdWrite and changedWrite, webhook
// holds what the response returned.
type write struct {
	kind    writeKind
	at      time.Time
	webhook Webhook
}

type writeKind int

const (
	createdWrite writeKind = iota
	changedWrite
	deletedWrite
)

// flight is one list under way.
type flight struct {
	begun time.Time
	done  chan struct{}
	err   error // set before done is closed
}

// read calls use with all webhooks by id, from a list that was begun at
// notBefore or later. The map is for use alone, under a lock: it must neither
// be kept nor changed.
func (i *inventory) read(ctx context.Context, notBefore time.Time, use func(map[string]entry)) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.now.webhooks == nil || i.now.begun.Before(notBefore) {
		if err := i.wait(ctx, notBefore); err != nil {
			return err
		}
	}
	use(i.now.webhooks)
	return nil
}

// wait joins the list under way, or begins one, until it is done or ctx ends.
// The lock is held before and after.
func (i *inventory) wait(ctx context.Context, notBefore time.Time) error {
	f := i.flight
	if f == nil || f.begun.Before(notBefore) {
		f = i.start(ctx)
	}
	i.mu.Unlock()
	defer i.mu.Lock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listLimit bounds a list in time. It is the longest that anybody waits for it.
const listLimit = 20 * time.Minute

// start begins a list for all who will wait for it. The list has a limit of
// its own: one caller's end does not end it for the others.
func (i *inventory) start(ctx context.Context) *flight {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listLimit)
	f := &flight{begun: time.Now(), done: make(chan struct{})}
	i.flight = f
	go func() {
		defer cancel()
		defer close(f.done)
		listed, err := i.listAll(ctx)
		i.mu.Lock()
		defer i.mu.Unlock()
		if f.err = err; err == nil && f.begun.After(i.now.begun) {
			i.before, i.now = i.now, list{i.merged(listed, f.begun), f.begun}
		}
		if i.flight == f {
			i.flight = nil
		}
	}()
	return f
}

// merged returns a list, corrected by those of our own writes that it may not
// have seen.
func (i *inventory) merged(listed []Webhook, begun time.Time) map[string]entry {
	all := make(map[string]entry, len(listed))
	for _, w := range listed {
		first := time.Now()
		if known, ok := i.now.webhooks[w.ID]; ok {
			first = known.firstListed
		}
		all[w.ID] = newEntry(w, first)
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
		all[id] = newEntry(known.merged(w.webhook), known.firstListed)
	case w.kind == createdWrite:
		all[id] = newEntry(w.webhook, w.at)
	}
}

// wrote notes a write of our own.
func (i *inventory) wrote(kind writeKind, webhook Webhook) {
	i.mu.Lock()
	defer i.mu.Unlock()
	own := write{kind, time.Now(), webhook}
	if before, ok := i.own[webhook.ID]; ok && before.kind == createdWrite && kind == changedWrite {
		own = write{createdWrite, own.at, before.webhook.merged(webhook)}
	}
	if i.own == nil {
		i.own = map[string]write{}
	}
	i.own[webhook.ID] = own
	if i.now.webhooks != nil {
		own.apply(i.now.webhooks, webhook.ID)
	}
}

// forget drops what is known of a webhook of our own: somebody else may have
// deleted it.
func (i *inventory) forget(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.own, id)
	delete(i.now.webhooks, id)
}

// knownBefore returns the ids of webhooks at a url that were listed before a
// time, or that this run created.
func (i *inventory) knownBefore(sent time.Time, url string, g *urlCreates) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var ids []string
	for id, e := range i.now.webhooks {
		if (e.URL == "" || IsURLForm(url, e.URL)) && (!e.firstListed.After(sent) || g.claims(id)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// All returns every webhook of the key's user, by name and then id, from the
// run's one list.
func (c *Client) All(ctx context.Context) ([]Webhook, error) {
	return c.pick(ctx, func(entry) bool { return true })
}

// AtURL returns the webhooks that deliver to an address, as SameURL compares
// addresses, and those that may: the list shows only a part of their url, which
// agrees. They are in the order of All.
func (c *Client) AtURL(ctx context.Context, url string) ([]Webhook, error) {
	address := URLKey(url)
	return c.pick(ctx, func(e entry) bool { return e.address == address || e.partial && IsURLForm(url, e.URL) })
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
	slices.SortFunc(picked, func(a, b Webhook) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return picked, err
}

// Listed returns one webhook if the run's list is there, is not too old and
// has it. It sends nothing.
func (c *Client) Listed(id string) (Webhook, bool) {
	i := &c.inventory
	i.mu.Lock()
	defer i.mu.Unlock()
	if time.Since(i.now.begun) > inventoryAge {
		return Webhook{}, false
	}
	found, ok := i.now.webhooks[id]
	return found.Webhook, ok
}

func (c *Client) lookup(ctx context.Context, id string, notBefore time.Time) (Webhook, error) {
	var found entry
	var ok bool
	if err := c.inventory.read(ctx, notBefore, func(known map[string]entry) { found, ok = known[id] }); err != nil {
		return Webhook{}, err
	}
	if !ok {
		return Webhook{}, fmt.Errorf("%w: the list does not have it", ErrNotFound)
	}
	return found.Webhook, nil
}
