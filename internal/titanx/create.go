// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Create makes a webhook, and never leaves a second one behind. Where a create's outcome is unclear, the list tells: a webhook
// like the request that was not there before is its orphan. The secret of an orphan is gone for good, so it is deleted and the
// create is sent again. What cannot be settled is an *UncertainError. Every other error means that nothing was created.
//
// Once a create is on its way it is finished, also when ctx is cancelled.
func (c *Client) Create(ctx context.Context, req CreateRequest) (Created, error) {
	created, err := c.create(ctx, req)
	if err != nil {
		return Created{}, fmt.Errorf("create webhook: %w", err)
	}
	return created, nil
}

// ErrSiblingUnsettled says that nothing was sent, because an identical create of this run could not be settled: one more webhook
// would make it harder to tell its orphan.
var ErrSiblingUnsettled = errors.New("an identical webhook of this run could not be settled, so nothing was sent for this one")

// maxUnclear is how many unclear outcomes in a row end a create.
const maxUnclear = 3

func (c *Client) create(ctx context.Context, req CreateRequest) (Created, error) {
	// What is there before the first create is what later tells an orphan from a stranger.
	if err := c.inventory.read(ctx, time.Time{}, func(map[string]entry) {}); err != nil {
		return Created{}, fmt.Errorf("look at what exists: %w", err)
	}
	group := c.creates.of(req)
	var removed []string
	for unclear := 1; ; unclear++ {
		created, began, err := c.attemptCreate(ctx, group, req)
		if !isUnclear(err) {
			created.Removed = removed
			return created, err
		}
		c.logger.WarnContext(ctx, "the outcome of a create is unclear", "name", req.Name, "error", err.Error())
		orphans, settleErr := c.settle(context.WithoutCancel(ctx), group, req, began, err)
		if settleErr != nil {
			return Created{}, settleErr
		}
		removed = append(removed, orphans...)
		if len(orphans) == 0 && isRefusalInside2xx(err) {
			return Created{}, err
		}
		if ctx.Err() != nil {
			return Created{}, fmt.Errorf("%w; what it made was deleted: %w", err, context.Cause(ctx))
		}
		if unclear == maxUnclear {
			return Created{}, fmt.Errorf("%d attempts had no clear outcome, and what they made was deleted; the last: %w", unclear, err)
		}
	}
}

// attemptCreate sends one create, and tells when it began in TitanX's time.
func (c *Client) attemptCreate(ctx context.Context, group *createGroup, req CreateRequest) (Created, moment, error) {
	group.running.RLock()
	defer group.running.RUnlock()
	if group.unsettled {
		return Created{}, moment{}, ErrSiblingUnsettled
	}
	began := moment{local: time.Now(), server: c.server.now()}
	created, err := c.post(ctx, req)
	switch {
	case err == nil:
		c.inventory.wrote(madeWrite, created.Webhook)
		group.claim(created.ID)
	case isUnclear(err):
		group.lose()
	}
	return created, began, err
}

// moment is a time on the local clock, which orders events of this process, and at TitanX, which made the time stamps.
type moment struct{ local, server time.Time }

// isUnclear tells whether a failed create may have made a webhook: an attempt that was sent and has no answer, an answer that
// cannot be read, 408, and every 5xx but 501. Other refusals created nothing.
func isUnclear(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.StatusCode < 300 || refused.StatusCode == http.StatusRequestTimeout ||
			refused.StatusCode >= 500 && refused.StatusCode != http.StatusNotImplemented
	}
	return err != nil && (wasSent(err) || errors.Is(err, ErrUnreadable))
}

// isRefusalInside2xx tells a 2xx that carries an error: if the list shows nothing either, it is a refusal like any other.
func isRefusalInside2xx(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && refused.StatusCode >= 200 && refused.StatusCode <= 299
}

// mayStillCommit tells whether a create without an outcome may take effect later: nobody has said that it is over.
func mayStillCommit(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.StatusCode == http.StatusGatewayTimeout || refused.StatusCode == http.StatusRequestTimeout
	}
	return errors.Is(err, errNoAnswerInTime)
}

// settle finds and deletes what an unclear create has made, and gives the ids. It runs alone in its group: while an identical
// create is under way, that one's webhook could not be told from the orphan.
func (c *Client) settle(ctx context.Context, group *createGroup, req CreateRequest, began moment, cause error) ([]string, error) {
	group.running.Lock()
	defer group.running.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 4*(c.timeout+c.settleWait))
	defer cancel()
	if group.unclear == 0 {
		return nil, nil // settled together with an identical one
	}
	unsettled := &UncertainError{Err: cause, Began: began.server, Siblings: slices.Sorted(maps.Keys(group.claimed))}
	orphans, err := c.awaitOrphans(ctx, group, req, began)
	switch {
	case err != nil:
		unsettled.Err = fmt.Errorf("%w; looking for what it made: %w", cause, err)
	case len(orphans) > group.unclear:
		unsettled.Candidates = orphans
	case len(orphans) == 0 && !mayStillCommit(cause):
		group.unclear--
		return nil, nil
	case len(orphans) > 0:
		removed, err := c.deleteAll(ctx, orphans)
		group.unclear -= len(removed)
		if err == nil && (group.unclear == 0 || !mayStillCommit(cause)) {
			return removed, nil
		}
		if err == nil { // what was deleted may have been another's, and this one's still to come
			unsettled.Err = fmt.Errorf("%w; of several identical creates, only %s could be found and deleted", cause, strings.Join(removed, ", "))
			break
		}
		unsettled.Candidates = orphans[len(removed) : len(removed)+1]
		unsettled.Err = fmt.Errorf("%w; removing what it made: %w", cause, err)
	}
	unsettled.Ended = c.server.now().Add(time.Second)
	group.unsettled = true
	return nil, unsettled
}

// awaitOrphans looks for what an unclear create has made: at once, and twice more for a server whose list is behind.
func (c *Client) awaitOrphans(ctx context.Context, group *createGroup, req CreateRequest, began moment) ([]Webhook, error) {
	for _, wait := range []time.Duration{0, c.settleWait / 4, c.settleWait} {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var orphans []Webhook
		err := c.inventory.read(ctx, time.Now(), func(known map[string]entry) {
			for _, e := range known {
				if !group.claimed[e.ID] && e.firstListed.After(began.local) && e.madeBy(req, began.server) {
					orphans = append(orphans, e.Webhook)
				}
			}
		})
		if err != nil || len(orphans) > 0 {
			return orphans, err
		}
	}
	return nil, nil
}

func (c *Client) deleteAll(ctx context.Context, orphans []Webhook) (removed []string, err error) {
	for _, orphan := range orphans {
		if err := c.Delete(ctx, orphan.ID); err != nil {
			return removed, err
		}
		removed = append(removed, orphan.ID)
	}
	return removed, nil
}

// clockSlack is by how much the time stamps of TitanX may differ from its Date header, resolution included.
const clockSlack = 2 * time.Second

// madeBy tells whether a webhook may be what a request made that began at a time: same name, url and events, not older. What the
// list does not say counts as the same.
func (w Webhook) madeBy(req CreateRequest, began time.Time) bool {
	return (w.Name == "" || w.Name == req.Name) &&
		(w.URL == "" || SameURL(w.URL, req.URL)) &&
		(w.EventTypes == nil || slices.Equal(w.EventTypes, eventSet(req.EventTypes))) &&
		(w.CreatedAt.IsZero() || !w.CreatedAt.Before(began.Add(-clockSlack)))
}

// UncertainError is a create whose outcome is not known: TitanX may have, or may soon have, a webhook whose secret is lost.
type UncertainError struct {
	Err        error     // what happened
	Began      time.Time // when the create was sent, in TitanX's time
	Ended      time.Time // when it was given up, in TitanX's time: a later run begins after this
	Candidates []Webhook // what may be its webhook, as far as that is known; from Create, one alone is it for certain
	Siblings   []string  // ids of identical webhooks that this run made and knows: never its orphan
}

func (e *UncertainError) Error() string {
	if len(e.Candidates) == 0 {
		return fmt.Sprintf("the outcome is unclear: %v", e.Err)
	}
	ids := make([]string, len(e.Candidates))
	for i, w := range e.Candidates {
		ids[i] = w.ID
	}
	return fmt.Sprintf("the outcome is unclear: %v; it may have made %s", e.Err, strings.Join(ids, ", "))
}

func (e *UncertainError) Unwrap() error { return e.Err }

// DeleteOrphan removes what an unclear create of an earlier run has made, and gives its id, or "" if it made nothing.
//
// Late are webhooks that look like it but appeared only after it was given up: its own, late, or another's. They are not touched.
// Where several could be it, or one without a time stamp, none is removed, and the error is an *UncertainError that has them. Once
// one of those is gone, somebody has told them apart, and the others stay.
func (c *Client) DeleteOrphan(ctx context.Context, req CreateRequest, unclear UncertainError) (removed string, late []Webhook, err error) {
	var candidates []Webhook
	err = c.inventory.read(ctx, time.Now(), func(known map[string]entry) {
		for _, e := range known {
			switch {
			case !e.madeBy(req, unclear.Began), slices.Contains(unclear.Siblings, e.ID), c.creates.of(req).claims(e.ID):
			case e.CreatedAt.After(unclear.Ended):
				late = append(late, e.Webhook)
			default:
				candidates = append(candidates, e.Webhook)
			}
		}
	})
	if err != nil {
		return "", nil, fmt.Errorf("look for the webhook of an unclear create: %w", err)
	}
	late = slices.DeleteFunc(late, func(w Webhook) bool { return w.CreatedAt.After(unclear.Ended.Add(lateCommit)) })
	decided := slices.ContainsFunc(unclear.Candidates, func(before Webhook) bool {
		return !slices.ContainsFunc(candidates, func(now Webhook) bool { return now.ID == before.ID })
	})
	if len(candidates) == 0 || decided {
		return "", late, nil
	}
	if len(candidates) > 1 || candidates[0].CreatedAt.IsZero() {
		return "", late, &UncertainError{Err: errors.New("no single webhook is it for certain"), Began: unclear.Began, Ended: unclear.Ended, Candidates: candidates, Siblings: unclear.Siblings}
	}
	return candidates[0].ID, late, c.Delete(ctx, candidates[0].ID)
}

// lateCommit is how long after it was given up a create may still take effect.
const lateCommit = 10 * time.Minute

// createGroup is all creates of one run that ask for the same: only they can be taken for one another.
type createGroup struct {
	running sync.RWMutex // read-held by a create, held to settle one

	mu        sync.Mutex      // guards the rest against creates side by side; whoever holds running needs it not
	claimed   map[string]bool // ids that a create of this run was answered with
	unclear   int             // creates whose fate is not known yet
	unsettled bool            // a create was given up on: its webhook may still appear
}

func (g *createGroup) claim(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.claimed[id] = true
}

func (g *createGroup) claims(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.claimed[id]
}

func (g *createGroup) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unclear++
}

// createGroups holds the groups of a run.
type createGroups struct {
	mu     sync.Mutex
	groups map[string]*createGroup
}

func (gs *createGroups) of(req CreateRequest) *createGroup {
	key := strings.Join(append([]string{req.Name, canonicalURL(req.URL)}, eventSet(req.EventTypes)...), "\x00")
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g, ok := gs.groups[key]
	if !ok {
		if gs.groups == nil {
			gs.groups = map[string]*createGroup{}
		}
		g = &createGroup{claimed: map[string]bool{}}
		gs.groups[key] = g
	}
	return g
}

// SameURL tells whether two webhook urls mean the same address: the case of scheme and host and the default port make no
// difference (RFC 3986, section 6.2).
func SameURL(a, b string) bool { return a == b || canonicalURL(a) == canonicalURL(b) }

func canonicalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Count(u.Host, ":") > 1 && u.Host[0] != '[' {
		return text // no host, or several ports
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	u.Host = strings.TrimSuffix(u.Host, ":")
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}
