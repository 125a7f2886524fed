// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Created is a new webhook together with its signing secret, which TitanX
// returns this once and never again.
type Created struct {
	Webhook
	Secret string // "" if the response had none: then it is lost

	// Answered is what TitanX returned of the webhook. In Webhook, what it did
	// not return is as it was asked for.
	Answered Webhook

	// StatusErr is why the webhook does not have the requested status. The
	// webhook exists all the same.
	StatusErr error

	// Removed are the ids of orphans that earlier attempts of this create had
	// left. They are deleted.
	Removed []string
	// Uncertain are the earlier attempts. One of them may still take effect.
	Uncertain []UncertainCreate
}

// StatusError means that TitanX answered a change of status with another one.
type StatusError struct{ Want, Got string }

func (e *StatusError) Error() string {
	return fmt.Sprintf("TitanX was asked for the status %q and answered with %q", e.Want, e.Got)
}

// UncertainError is a create whose outcome is not known. Every other error of
// Create means that nothing was created.
type UncertainError struct {
	Err     error             // what happened
	Creates []UncertainCreate // what a later run needs to recognize the webhook

	Orphan     *Webhook  // it is the webhook, for certain, but could not be deleted
	Candidates []Webhook // any of these may be it
}

func (e *UncertainError) Error() string {
	ids := make([]string, len(e.Candidates))
	for i, w := range e.Candidates {
		ids[i] = w.ID
	}
	switch {
	case e.Orphan != nil:
		return fmt.Sprintf("the outcome is uncertain: %v; it left %s", e.Err, e.Orphan.ID)
	case len(ids) > 0:
		return fmt.Sprintf("the outcome is uncertain: %v; it may have left %s", e.Err, strings.Join(ids, ", "))
	}
	return fmt.Sprintf("the outcome is uncertain: %v", e.Err)
}

func (e *UncertainError) Unwrap() error { return e.Err }

// maxUncertain is how many uncertain outcomes in a row end a create.
const maxUncertain = 3

// detachedLimit bounds what goes on after ctx has ended once a create was sent:
// its activation, and the removal of an orphan.
const detachedLimit = 2 * time.Minute

// Create creates a webhook in two steps: inactive first, and active once the
// response with its id and secret is here. Whatever a lost response leaves is
// inactive, and never delivers an event under a secret that nobody has.
//
// An uncertain create is settled before it is sent again: a proven orphan is
// deleted (see evidence.judge). What cannot be settled is an *UncertainError.
func (c *Client) Create(ctx context.Context, req CreateRequest) (Created, error) {
	created, err := c.create(ctx, req)
	if err != nil {
		return Created{}, fmt.Errorf("create webhook: %w", err)
	}
	return created, nil
}

func (c *Client) create(ctx context.Context, req CreateRequest) (Created, error) {
	// What is there before the first create is never its orphan.
	if err := c.inventory.read(ctx, time.Time{}, func(map[string]entry) {}); err != nil {
		return Created{}, fmt.Errorf("look at what exists: %w", err)
	}
	g := c.createsOf(req.URL)
	var creates []UncertainCreate
	var removed []string
	unexplained := 0 // uncertain attempts without an orphan
	failed := func(err error) (Created, error) {
		if unexplained > 0 {
			err = &UncertainError{Err: err, Creates: creates}
		}
		return Created{}, err
	}
	for {
		created, at, err := c.attemptCreate(ctx, g, req)
		o := outcomeOf(err)
		switch {
		case err == nil:
			created.Removed, created.Uncertain = removed, creates
			return created, nil
		case o < answered:
			return failed(err)
		}
		c.logger.WarnContext(ctx, "the outcome of a create is uncertain", "name", req.Name, "error", err.Error())
		creates = append(creates, at)
		if o == answered { // errGone: it may be a list that is behind
			unexplained++
		} else {
			found, err := c.settle(context.WithoutCancel(ctx), g, req, creates, err)
			if err != nil {
				return Created{}, err
			}
			removed = append(removed, found...)
			if len(found) == 0 {
				unexplained++
			}
		}
		switch {
		case isRefusalInside2xx(err) && unexplained == 1 && len(creates) == 1:
			return Created{}, err
		case ctx.Err() != nil:
			err = fmt.Errorf("%w; then the run was interrupted: %w", err, context.Cause(ctx))
			if len(removed) > 0 {
				err = fmt.Errorf("%w; what it left was deleted", err)
			}
		case len(creates) == maxUncertain:
			err = fmt.Errorf("%d attempts were uncertain; the last: %w", len(creates), err)
		default:
			continue
		}
		return failed(err)
	}
}

// errGone is a create that was answered with a webhook that somebody deleted
// before it was active.
var errGone = &requestError{answered, fmt.Errorf("%w: it was gone before it was active", ErrNotFound)}

// attemptCreate sends one create and completes it. It also returns what is
// needed to find the webhook if the outcome is uncertain.
func (c *Client) attemptCreate(
	ctx context.Context, g *urlCreates, req CreateRequest,
) (Created, UncertainCreate, error) {
	open, err := g.begin(ctx)
	if err != nil {
		return Created{}, UncertainCreate{}, err
	}
	var room *spare
	if req.Status != StatusInactive {
		room = &spare{}
		defer c.pacer.release(room)
	}
	created, at, err := c.post(ctx, req, room)
	if err == nil {
		err = c.checkNew(created, req, at)
	}
	if err != nil {
		return Created{}, c.uncertainCreate(at, g.end(open, "")), err
	}
	c.inventory.wrote(createdWrite, created.Webhook)
	uncertain := c.uncertainCreate(at, g.end(open, created.ID))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), detachedLimit)
	defer cancel()
	err = c.activate(ctx, &created, req.Status, room)
	return created, uncertain, err
}

// activate is the second step, which sets the requested status. What TitanX
// answered to the first one decides whether it is needed: if it did not return
// a status, it may have ignored the one that was asked for. A failure is in
// StatusErr, unless it is errGone.
func (c *Client) activate(ctx context.Context, created *Created, want string, room *spare) error {
	if SameStatus(created.Answered.Status, want) {
		return nil
	}
	now, err := c.setStatus(ctx, created.ID, want, room)
	switch {
	case errors.Is(err, ErrNotFound) && c.isGone(ctx, created.Webhook):
		return errGone
	case err != nil:
		created.StatusErr = err
	default:
		created.Webhook, created.Answered = created.merged(now), created.Answered.merged(now)
		if !SameStatus(created.Status, want) {
			created.StatusErr = &StatusError{Want: want, Got: c.redact.clean(created.Status)}
		}
	}
	return nil
}

// isGone reports whether two lists, the second some time after the first, lack
// a webhook that this run has just created. In doubt it is there.
func (c *Client) isGone(ctx context.Context, created Webhook) bool {
	c.inventory.forget(created.ID)
	for range 2 {
		select {
		case <-time.After(c.settleWait):
		case <-ctx.Done():
		}
		if _, err := c.lookup(ctx, created.ID, time.Now()); !errors.Is(err, ErrNotFound) {
			c.inventory.wrote(createdWrite, created)
			return false
		}
	}
	return true
}

// post sends a create once, without the events key that this server does not
// know. After a refusal that names such a key it is sent once more without it:
// a failed validation created nothing. The key is remembered once that has
// worked. If it has not, the first refusal says more than the second.
func (c *Client) post(ctx context.Context, req CreateRequest, room *spare) (Created, attempt, error) {
	refusedKey := c.refusedEvent.Load()
	keys := slices.DeleteFunc(slices.Clone(eventKeys), func(k string) bool { return k == refusedKey })
	created, at, err := c.postKeys(ctx, req, keys, room)
	key := unknownEventKey(err)
	if key == "" || len(keys) == 1 {
		return created, at, err
	}
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == key })
	again, at, secondErr := c.postKeys(ctx, req, keys, room)
	switch outcomeOf(secondErr) {
	case answered:
		c.refusedEvent.Store(key)
		return again, at, nil
	case refused:
		return Created{}, at, fmt.Errorf("%w; without %q: %w", err, key, secondErr)
	}
	return Created{}, at, secondErr
}

func (c *Client) postKeys(
	ctx context.Context, req CreateRequest, keys []string, room *spare,
) (Created, attempt, error) {
	first := req
	first.Status = StatusInactive
	var created Created
	at, err := c.do(ctx, call{
		method: http.MethodPost, path: []string{webhooksPath}, body: encodeCreate(first, keys), nonIdempotent: true,
		reserve: room, read: func(a *answer) error {
			w, err := decodeWebhook(a)
			created = Created{Webhook: first.asked().merged(w.webhook()), Secret: w.Secret, Answered: w.webhook()}
			c.redact.add(created.Secret)
			return err
		}})
	return created, at, err
}

// uncertainCreate returns when an attempt was sent and given up by TitanX's
// clock, with bounds that are certain to hold it.
func (c *Client) uncertainCreate(at attempt, contested bool) UncertainCreate {
	sent, _, _ := c.pacer.serverTime(at.sent)
	_, ended, known := c.pacer.serverTime(at.ended)
	create := UncertainCreate{Contested: contested, local: at.sent}
	if known {
		create.Sent, create.GaveUp = sent.UTC(), ended.UTC()
	}
	return create
}

// settle finds and deletes the orphan of the last of the given creates, and
// returns the ids that it deleted. The error is an *UncertainError.
//
// It waits before it looks. By then a client that is alive has activated its
// webhook, so that what is still inactive belongs to nobody.
func (c *Client) settle(
	ctx context.Context, g *urlCreates, req CreateRequest, creates []UncertainCreate, cause error,
) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*(c.timeout+c.settleWait)+detachedLimit)
	defer cancel()
	failed := &UncertainError{Err: cause, Creates: creates}
	if err := g.pause(ctx); err != nil {
		failed.Err = fmt.Errorf("%w; waiting for another create of that url: %w", cause, err)
		return nil, failed
	}
	defer g.resume()
	found, err := c.awaitOrphans(ctx, g, req, creates)
	switch {
	case err != nil:
		failed.Err = fmt.Errorf("%w; looking for what it left: %w", cause, err)
	case len(found.Orphans) > 0:
		removed, err := c.deleteAll(ctx, found.Orphans)
		if err == nil {
			return removed, nil
		}
		failed.Orphan = &found.Orphans[len(removed)]
		failed.Err = fmt.Errorf("%w; deleting what it left: %w", cause, err)
	case len(found.Candidates) > 0:
		failed.Candidates = found.Candidates
	case outcomeOf(cause) != stillPossible:
		return nil, nil
	}
	return nil, failed
}

// awaitOrphans looks for what uncertain creates have left: twice, for a server
// whose list is behind.
func (c *Client) awaitOrphans(
	ctx context.Context, g *urlCreates, req CreateRequest, creates []UncertainCreate,
) (found Judgment, err error) {
	for range 2 {
		select {
		case <-time.After(c.settleWait):
		case <-ctx.Done():
			return Judgment{}, context.Cause(ctx)
		}
		last := &creates[len(creates)-1]
		last.Known = c.inventory.knownBefore(last.local, req.URL, g)
		found, err = c.judgeAll(ctx, time.Now(), evidence{Asked: req.asked(), Creates: creates}, g.claims)
		if err != nil || len(found.Orphans) > 0 {
			break
		}
	}
	return found, err
}

// urlCreates are the creates of one run for one url: only they can be taken for
// one another.
type urlCreates struct {
	mu      sync.Mutex
	open    map[*openCreate]bool // creates under way
	paused  bool                 // one is being settled: no other may begin
	claimed map[string]bool      // ids that a create was answered with
	changed chan struct{}        // closed, and replaced, when open or paused changes
}

// openCreate is one create under way.
type openCreate struct{ contested bool }

// begin waits until no create of that url is being settled, and enters one.
func (g *urlCreates) begin(ctx context.Context) (*openCreate, error) {
	create := &openCreate{}
	err := g.wait(ctx, func() bool { return !g.paused }, func() {
		for other := range g.open {
			other.contested, create.contested = true, true
		}
		g.open[create] = true
	})
	return create, err
}

// end takes a create out. Its id is "" if it was not answered. It reports
// whether another create was under way at some time meanwhile.
func (g *urlCreates) end(create *openCreate, id string) (contested bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, create)
	if id != "" {
		g.claimed[id] = true
	}
	g.wake()
	return create.contested
}

// pause waits until no create of that url is under way, and keeps others from
// beginning until resume is called.
func (g *urlCreates) pause(ctx context.Context) error {
	return g.wait(ctx, func() bool { return !g.paused && len(g.open) == 0 }, func() { g.paused = true })
}

func (g *urlCreates) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.paused = false
	g.wake()
}

func (g *urlCreates) wait(ctx context.Context, ready func() bool, then func()) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !ready() {
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
			g.mu.Lock()
		case <-ctx.Done():
			g.mu.Lock()
			return context.Cause(ctx)
		}
	}
	then()
	return nil
}

func (g *urlCreates) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *urlCreates) claims(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claimed[id]
}

// createsOf returns the creates of this run for a url.
func (c *Client) createsOf(url string) *urlCreates {
	g, _ := c.creates.LoadOrStore(URLKey(url), &urlCreates{
		open: map[*openCreate]bool{}, claimed: map[string]bool{}, changed: make(chan struct{}),
	})
	return g.(*urlCreates)
}
