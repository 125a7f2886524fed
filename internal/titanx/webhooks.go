// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The documented states of a webhook. Others survive a read.
const (
	StatusActive   = "active"
	StatusInactive = "inactive"
)

// EventTypes are the documented events (docs.titanx.io, "Webhooks"). More must be expected without notice.
func EventTypes() []string { return []string{"job.completed", "job.contact.scored"} }

// Webhook is a subscription as TitanX tells it. A zero field was not said, which is never the same as changed to empty. It has
// no secret: only Created does, and only once.
type Webhook struct {
	ID         string // opaque; a UUID in the documentation's samples
	Name       string
	URL        string
	EventTypes []string // sorted, each once
	Status     string   // StatusActive, StatusInactive, or one that is not documented yet
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// CreateRequest is what a new webhook shall be. Every field is required.
type CreateRequest struct {
	Name       string   // at least one character
	URL        string   // https, reachable by TitanX
	EventTypes []string // at least one
	Status     string   // StatusActive or StatusInactive
}

// Created is a new webhook together with its signing secret, which TitanX shows this once and never again.
type Created struct {
	Webhook
	Secret string // "" if the answer had none: then it is lost

	// Removed are the ids of webhooks that earlier attempts of this create had left behind without an answer. They are deleted.
	Removed []string
}

const webhooksPath = "webhooks"

// post sends a create once, without the events key that this server does not know. After a refusal that names such a key it is
// sent once more without it: a refused validation has created nothing. The key is remembered once that has worked.
func (c *Client) post(ctx context.Context, req CreateRequest) (Created, error) {
	keys := c.acceptedEventKeys()
	created, err := c.postKeys(ctx, req, keys)
	key := unknownEventKey(err)
	if key == "" || len(keys) == 1 {
		return created, err
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == key })
	if created, err = c.postKeys(ctx, req, keys); err == nil {
		c.refuseEventKey(key)
	}
	return created, err
}

func (c *Client) postKeys(ctx context.Context, req CreateRequest, keys []string) (Created, error) {
	body, err := encodeCreate(req, keys)
	if err != nil {
		return Created{}, err
	}
	got, err := c.do(ctx, call{method: http.MethodPost, path: []string{webhooksPath}, body: body, once: true})
	if err != nil {
		return Created{}, err
	}
	told, err := decodeWebhook(got)
	if err != nil {
		return Created{}, err
	}
	return Created{Webhook: told.webhook().or(req), Secret: said(told.Secret)}, nil
}

// or fills in what an answer to a create did not say.
func (w Webhook) or(req CreateRequest) Webhook {
	if w.Name == "" {
		w.Name = req.Name
	}
	if w.URL == "" {
		w.URL = req.URL
	}
	if w.EventTypes == nil {
		w.EventTypes = eventSet(req.EventTypes)
	}
	if w.Status == "" {
		w.Status = req.Status
	}
	return w
}

func (c *Client) acceptedEventKeys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []string
	for _, key := range eventKeys {
		if key != c.refusedEvent {
			keys = append(keys, key)
		}
	}
	return keys
}

// refuseEventKey remembers a key that the server does not know.
func (c *Client) refuseEventKey(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusedEvent = key
}

// List asks for all webhooks of the key's user, page by page as they are consumed: one request a page. The last pair may hold an
// error; the webhooks before it were read well, but are not all.
func (c *Client) List(ctx context.Context) iter.Seq2[Webhook, error] {
	return func(yield func(Webhook, error) bool) {
		if err := c.eachPage(ctx, func(w Webhook) bool { return yield(w, nil) }); err != nil {
			yield(Webhook{}, fmt.Errorf("list webhooks: %w", err))
		}
	}
}

// eachPage follows the pages until the last, until yield has enough, or until a page brings nothing new: a server that sends in
// circles must not hold Terraform.
func (c *Client) eachPage(ctx context.Context, yield func(Webhook) bool) error {
	seen := map[string]bool{}
	var query url.Values
	for number := 1; ; number++ {
		got, err := c.do(ctx, call{method: http.MethodGet, path: []string{webhooksPath}, query: query})
		if err != nil {
			return err
		}
		p, err := decodeList(got, number)
		if err != nil {
			return err
		}
		before := len(seen)
		for _, w := range p.webhooks {
			if seen[w.ID] {
				continue
			}
			seen[w.ID] = true
			if !yield(w) {
				return nil
			}
		}
		switch {
		case p.next == nil && len(seen) < p.total:
			return fmt.Errorf("%w: the list has %d of %d webhooks and no next page", ErrUnreadable, len(seen), p.total)
		case p.next == nil:
			return nil
		case len(seen) == before:
			return fmt.Errorf("%w: page %d of the list brings nothing new, but names a next page", ErrUnreadable, number)
		}
		query = p.next
	}
}

func (c *Client) listAll(ctx context.Context) ([]Webhook, error) {
	var all []Webhook
	for w, err := range c.List(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// Get asks for one webhook. Whether TitanX has this route is not known: ErrNoRoute says that it has not.
func (c *Client) Get(ctx context.Context, id string) (Webhook, error) {
	got, err := c.do(ctx, call{method: http.MethodGet, path: []string{webhooksPath, id}})
	if err != nil {
		return Webhook{}, fmt.Errorf("get webhook %s: %w", id, err)
	}
	told, err := decodeWebhook(got)
	if err == nil && told.ID != id {
		err = fmt.Errorf("%w: it is about webhook %q", ErrUnreadable, told.ID)
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("get webhook %s: %w", id, err)
	}
	return told.webhook(), nil
}

// errPage is a 2xx with a web page: from the web app on the same host, or from something in between. What was asked for is
// done only if the list says so.
var errPage = fmt.Errorf("%w: a web page", ErrUnreadable)

// SetStatus switches a webhook between StatusActive and StatusInactive. The answer is undocumented: any 2xx but a web page is a
// success, and what the webhook is now is told as far as the answer tells it.
func (c *Client) SetStatus(ctx context.Context, id, status string) (Webhook, error) {
	got, err := c.do(ctx, call{method: http.MethodPost, path: []string{webhooksPath, id, status}})
	if err != nil {
		return Webhook{}, fmt.Errorf("set status of webhook %s: %w", id, err)
	}
	if isHTML(got) {
		if listed, err := c.lookup(ctx, id, time.Now()); err != nil || listed.Status != status {
			return Webhook{}, fmt.Errorf("set status of webhook %s: %w", id, errPage)
		}
	}
	now := Webhook{ID: id}
	if told, err := decodeWebhook(got); err == nil && told.ID == id {
		now = told.webhook()
	}
	now.Status = status
	c.inventory.wrote(changedWrite, now)
	return now, nil
}

// Delete removes a webhook. One that is gone already is a success.
func (c *Client) Delete(ctx context.Context, id string) error {
	got, err := c.do(ctx, call{method: http.MethodDelete, path: []string{webhooksPath, id}})
	if err == nil && isHTML(got) {
		err = errPage
	}
	if (errors.Is(err, ErrNoRoute) || errors.Is(err, ErrUnreadable)) && !c.listed(ctx, id) {
		err = nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete webhook %s: %w", id, err)
	}
	c.inventory.wrote(deletedWrite, Webhook{ID: id})
	return nil
}

// listed tells whether a list begun now has the webhook; in doubt it has.
func (c *Client) listed(ctx context.Context, id string) bool {
	_, err := c.lookup(ctx, id, time.Now())
	return !errors.Is(err, ErrNotFound)
}
