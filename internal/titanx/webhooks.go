// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// The documented states of a webhook. Others survive a read.
const (
	StatusActive   = "active"
	StatusInactive = "inactive"
)

// statusDeleted is the status of a webhook that is gone. Many APIs go on
// listing it.
const statusDeleted = "deleted"

// SameStatus reports whether two statuses are the same word. Some frameworks
// write the words of a list of constants in upper case.
func SameStatus(a, b string) bool { return strings.EqualFold(a, b) }

// EventTypes returns the documented events (docs.titanx.io, "Webhooks"). More
// must be expected without notice.
func EventTypes() []string { return []string{"job.completed", "job.contact.scored"} }

// Webhook is a subscription as TitanX returns it. A zero field was not
// returned, which never means that it was changed to empty. A Webhook has no
// secret: only Created does, and only once.
type Webhook struct {
	ID         string // opaque; a UUID in the documentation's samples
	Name       string
	URL        string
	EventTypes []string // sorted, each once
	Status     string   // StatusActive, StatusInactive, or one that is not documented yet
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// CreateRequest describes a new webhook. Every field but Managed is required.
type CreateRequest struct {
	Name       string   // at least one character
	URL        string   // https, reachable by TitanX
	EventTypes []string // at least one
	Status     string   // StatusActive or StatusInactive

	// Managed reports whether the caller has a webhook of that id already. It
	// may be nil.
	Managed func(id string) bool
}

// merged returns the webhook with the values that a later response returned.
func (w Webhook) merged(later Webhook) Webhook {
	if later.EventTypes == nil {
		later.EventTypes = w.EventTypes
	}
	return Webhook{
		ID:         cmp.Or(later.ID, w.ID),
		Name:       cmp.Or(later.Name, w.Name),
		URL:        cmp.Or(later.URL, w.URL),
		EventTypes: later.EventTypes,
		Status:     cmp.Or(later.Status, w.Status),
		CreatedAt:  cmp.Or(later.CreatedAt, w.CreatedAt),
		UpdatedAt:  cmp.Or(later.UpdatedAt, w.UpdatedAt),
	}
}

// manages reports whether the caller has a webhook already.
func (req CreateRequest) manages(id string) bool { return req.Managed != nil && req.Managed(id) }

// asked returns the webhook that a request describes.
func (req CreateRequest) asked() Webhook {
	return Webhook{Name: req.Name, URL: req.URL, EventTypes: eventSet(req.EventTypes), Status: req.Status}
}

const webhooksPath = "webhooks"

// List requests all webhooks of the key's user, page by page as they are
// consumed: one request for each page. The last pair may hold an error. The
// webhooks before it were read well, but they are not all.
func (c *Client) List(ctx context.Context) iter.Seq2[Webhook, error] {
	return func(yield func(Webhook, error) bool) {
		if err := c.eachPage(ctx, func(w Webhook) bool { return yield(w, nil) }); err != nil {
			yield(Webhook{}, fmt.Errorf("list webhooks: %w", err))
		}
	}
}

// Get requests one webhook. Whether TitanX has this route is not known:
// ErrNoRoute means that it does not.
func (c *Client) Get(ctx context.Context, id string) (Webhook, error) {
	var got Webhook
	_, err := c.do(ctx, call{
		method: http.MethodGet, path: []string{webhooksPath, id}, aboutOne: true, read: func(a *answer) error {
			w, err := decodeWebhook(a)
			if err == nil && w.ID != id {
				err = fmt.Errorf("%w: it is about another webhook", ErrUnreadable)
			}
			got = w.webhook()
			return err
		}})
	if errors.Is(err, ErrNoRoute) {
		c.getAbsent.Store(true)
	}
	if got.Status == statusDeleted {
		err = fmt.Errorf("%w: TitanX says that it was deleted", ErrNotFound)
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("get webhook %s: %w", id, err)
	}
	return got, nil
}

// errPage is a 2xx with a web page: from the web app on the same host, or from
// something in between. What was requested is done only if the list says so.
var errPage = fmt.Errorf("%w: a web page", ErrUnreadable)

// SetStatus switches a webhook to StatusActive or StatusInactive, and returns
// what the response says of the webhook. The response is undocumented: any 2xx
// but a web page is a success. A Status that the response does not return is
// the requested one. A 404 is ErrNotFound only if a list agrees.
func (c *Client) SetStatus(ctx context.Context, id, status string) (Webhook, error) {
	w, err := c.setStatus(ctx, id, status, nil)
	if errors.Is(err, ErrNotFound) {
		err = cmp.Or(c.unlessGone(ctx, id, err), err)
	}
	if err != nil {
		return Webhook{}, fmt.Errorf("set status of webhook %s: %w", id, err)
	}
	return w, nil
}

func (c *Client) setStatus(ctx context.Context, id, status string, room *spare) (Webhook, error) {
	now := Webhook{ID: id, Status: status}
	page := false
	_, err := c.do(ctx, call{
		method: http.MethodPost, path: []string{webhooksPath, id, status}, aboutOne: true, spend: room,
		read: func(a *answer) error {
			page = isHTML(a)
			w, err := decodeWebhook(a)
			if err == nil && w.ID == id {
				now = now.merged(w.webhook())
			}
			return errorInside(a)
		}})
	if err != nil {
		return Webhook{}, err
	}
	if page {
		if listed, err := c.lookup(ctx, id, time.Now()); err != nil || !SameStatus(listed.Status, status) {
			return Webhook{}, errPage
		}
	}
	c.inventory.wrote(changedWrite, now)
	return now, nil
}

// Delete removes a webhook. One that is gone already is a success, if a list
// agrees: a 404 may come from a gateway. The list also decides after a 2xx that
// carries an error.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.do(ctx, call{
		method: http.MethodDelete, path: []string{webhooksPath, id}, aboutOne: true, read: func(a *answer) error {
			if isHTML(a) {
				return errPage
			}
			return errorInside(a)
		}})
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrNoRoute) || errors.Is(err, ErrUnreadable) ||
		isRefusalInside2xx(err) {
		err = c.unlessGone(ctx, id, err)
	}
	if err != nil {
		return fmt.Errorf("delete webhook %s: %w", id, err)
	}
	c.inventory.wrote(deletedWrite, Webhook{ID: id})
	return nil
}

// unlessGone returns nil if a list does not have a webhook, and else an error
// that says how it contradicts err.
func (c *Client) unlessGone(ctx context.Context, id string, err error) error {
	switch _, listErr := c.lookup(ctx, id, time.Now()); {
	case errors.Is(listErr, ErrNotFound):
		return nil
	case listErr != nil:
		return fmt.Errorf("%w; whether it is gone could not be checked: %w", contradicted{err}, listErr)
	}
	return fmt.Errorf("%w, %w", contradicted{err}, ErrListed)
}

// contradicted is an error whose evidence another response does not support: it
// does not match ErrNotFound.
type contradicted struct{ err error }

func (e contradicted) Error() string        { return e.err.Error() }
func (e contradicted) Is(target error) bool { return target != ErrNotFound && errors.Is(e.err, target) }
func (e contradicted) As(target any) bool   { return errors.As(e.err, target) }
