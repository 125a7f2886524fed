// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/sweep"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

const (
	absentID   = "00000000-0000-4000-8000-000000000000"
	knownEvent = "job.completed"
)

// errStop ends a check early: what was found says why the rest cannot be asked.
var errStop = errors.New("the rest cannot be asked")

// check is one run. The client's own errors are its verdicts.
type check struct {
	config titanx.Config
	client *titanx.Client
	wire   *wire
	prefix string // of the names of this run's webhooks, and in their url
	url    string
	report report

	first     titanx.Created // the webhook that the check is about
	post      exchange       // that created it
	second    string         // id of a webhook that is never activated
	eventKeys []string       // that a create may have
	ids       []string       // of the webhooks that were created
	secrets   []string       // never to be shown
}

func newCheck(cfg titanx.Config, target *url.URL) (*check, error) {
	c := &check{
		prefix: sweep.Prefix + strings.ToLower(rand.Text()[:8]), eventKeys: []string{"events", "eventTypes"},
		wire: &wire{next: cfg.Transport, limit: maxRequests, turn: make(chan struct{}, 1)}, secrets: []string{cfg.APIKey},
	}
	query := target.Query()
	query.Set("check", c.prefix)
	target.RawQuery = query.Encode()
	c.url = target.String()
	cfg.UserAgent, cfg.Transport = "titanx-contract-check", c.wire
	c.config, c.report.BaseURL = cfg, cfg.BaseURL
	var err error
	c.client, err = titanx.New(cfg)
	return c, err
}

// run asks everything in turn, cleans up and completes the report.
func (c *check) run(ctx context.Context) {
	var err error
	for _, step := range []func(context.Context) error{
		c.list, c.listWithWrongKey, c.createFirst, c.get, c.activate, c.createSecond, c.createOdd, c.listAgain, c.change, c.remove,
	} {
		found := len(c.report.Findings)
		err = step(ctx)
		if ctx.Err() != nil { // what an interrupted step has found can be the interrupt
			c.report.Findings, err = c.report.Findings[:found], context.Cause(ctx)
		}
		if err != nil {
			break
		}
	}
	if err != nil && !errors.Is(err, errStop) {
		c.report.Trouble = err.Error()
	}
	if left := c.cleanUp(context.WithoutCancel(ctx), err == nil); left != nil {
		c.report.LeftBehind = fmt.Sprintf("webhooks named %s…, which make sweep deletes: %v", c.prefix, left)
	}
	c.rates()
	c.report.Requests = len(c.wire.exchanges)
}

// cleanUp deletes what was created. It looks three times unless all went well:
// a lost create can be late, and a list can lag.
func (c *check) cleanUp(ctx context.Context, well bool) (err error) {
	if !slices.ContainsFunc(c.wire.exchanges, func(x exchange) bool { return x.method == http.MethodPost }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c.wire.edit, c.wire.limit = nil, math.MaxInt
	cfg := c.config
	cfg.MaxRetries = titanx.DefaultMaxRetries
	client, err := titanx.New(cfg)
	for _, pause := range []time.Duration{0, 2 * time.Second, 5 * time.Second} {
		if err != nil && pause == 0 {
			return err
		}
		<-time.After(pause)
		var failed error
		c.ids = slices.DeleteFunc(c.ids, func(id string) bool {
			err := client.Delete(ctx, id)
			failed = errors.Join(failed, err)
			return err == nil
		})
		if err = errors.Join(failed, sweep.Webhooks(ctx, client, c.prefix)); err == nil && well {
			break
		}
	}
	return err
}

// ask creates a call and returns its exchanges of one method, with the client's
// error as the verdict. A 429 is left out: it says nothing about what was
// asked. The trouble is why nothing was learned.
func (c *check) ask(method string, call func() error) (exchanges []exchange, verdict, trouble error) {
	from := len(c.wire.exchanges)
	verdict = call()
	for _, x := range c.wire.exchanges[from:] {
		if x.method == method && x.status != http.StatusTooManyRequests {
			exchanges = append(exchanges, x)
		}
		if x.err != nil {
			trouble = cmp.Or(trouble, fmt.Errorf("%s: %w", x.method, x.err))
		} else if x.status >= 500 && x.status != http.StatusNotImplemented {
			trouble = cmp.Or(trouble, fmt.Errorf("%s: the response is %s", x.method, x))
		}
	}
	if errors.Is(verdict, errLimit) || len(exchanges) == 0 {
		trouble = cmp.Or(trouble, verdict)
	}
	return exchanges, verdict, trouble
}

// row creates a call that settles one doubt.
func (c *check) row(doubt, method string, call func() error) error {
	exchanges, verdict, trouble := c.ask(method, call)
	if trouble == nil {
		c.found(doubt, exchanges[0].String(), verdict)
	}
	return trouble
}

func all(ctx context.Context, client *titanx.Client) (all []titanx.Webhook, err error) {
	for w, err := range client.List(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

func (c *check) list(ctx context.Context) error {
	pages, verdict, trouble := c.ask(http.MethodGet, func() error { _, err := all(ctx, c.client); return err })
	if trouble != nil || refusedKey(verdict) {
		return cmp.Or(trouble, verdict)
	}
	if verdict != nil { // nothing could be cleaned up
		c.found("list", pages[0].String(), verdict)
		return errStop
	}
	return nil
}

func refusedKey(err error) bool {
	return errors.Is(err, titanx.ErrUnauthorized) || errors.Is(err, titanx.ErrForbidden)
}

func (c *check) listWithWrongKey(ctx context.Context) error {
	cfg := c.config
	cfg.APIKey = "titanx-contract-check-wrong-key"
	client, err := titanx.New(cfg)
	if err != nil {
		return err
	}
	return c.row("answer to a wrong key", http.MethodGet, func() error {
		_, err := all(ctx, client)
		switch {
		case refusedKey(err):
			return nil
		case err == nil:
			return errors.New("a wrong key is not refused: every webhook looks deleted under it")
		}
		return err
	})
}

// create asks for an inactive webhook, for a url that begins with a scheme. Of
// the keys for events, the other one is not sent under its name.
func (c *check) create(ctx context.Context, suffix, scheme, event, otherKey string) (posts []exchange, created titanx.Created, verdict, trouble error) {
	if otherKey != "" {
		c.wire.edit = func(_ *http.Request, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"`+otherKey+`"`), []byte(`"ignored"`))
		}
	}
	posts, verdict, trouble = c.ask(http.MethodPost, func() (err error) {
		created, err = c.client.Create(ctx, titanx.CreateRequest{
			Name: c.prefix + suffix, URL: scheme + strings.TrimPrefix(c.url, "https"), EventTypes: []string{event}, Status: titanx.StatusInactive,
		})
		return err
	})
	c.wire.edit = nil
	// The second step, where TitanX ignored the status of the first, has no
	// body.
	posts = slices.DeleteFunc(posts, func(x exchange) bool { return len(x.request) == 0 })
	if created.ID != "" {
		c.ids, c.secrets = append(c.ids, created.ID), append(c.secrets, created.Secret)
	}
	return posts, created, verdict, trouble
}

func (c *check) createFirst(ctx context.Context) error {
	posts, created, verdict, trouble := c.create(ctx, "", "https", knownEvent, "")
	if trouble != nil {
		return trouble
	}
	c.first, c.post = created, posts[len(posts)-1]
	if len(posts) > 1 {
		c.eventKeys = slices.DeleteFunc(c.eventKeys, func(key string) bool { return !bytes.Contains(c.post.request, []byte(`"`+key+`"`)) })
		c.found("events key of a create", fmt.Sprintf("only %s; both together are refused: %s", strings.Join(c.eventKeys, " or "), posts[0]), verdict)
	}
	if verdict != nil {
		c.found("answer to a create", c.post.String(), fmt.Errorf("%w (if that is about the url, name one with -url)", verdict))
		return errStop
	}
	c.found("answer to a create", c.post.String(), nil)
	if created.Secret == "" {
		verdict = errors.New("without the secret nobody can verify a delivery")
	}
	c.found("secret in the answer to a create", map[bool]string{true: "returned", false: "none"}[created.Secret != ""], verdict)
	return nil
}

func (c *check) get(ctx context.Context) error {
	for _, doubt := range []struct{ name, id string }{{"get one", c.first.ID}, {"get of an absent id", absentID}} {
		if err := c.row(doubt.name, http.MethodGet, func() error {
			_, err := c.client.Get(ctx, doubt.id)
			switch {
			case errors.Is(err, titanx.ErrNoRoute), errors.Is(err, titanx.ErrNotFound): // the client gets only to confirm a list
				return nil
			case err == nil && doubt.id == absentID:
				return errors.New("an id that does not exist is found")
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) activate(ctx context.Context) error {
	return c.setStatus(ctx, "status change", titanx.StatusActive)
}

func (c *check) setStatus(ctx context.Context, doubt, status string) error {
	return c.row(doubt, http.MethodPost, func() error { _, err := c.client.SetStatus(ctx, c.first.ID, status); return err })
}

// createSecond creates a webhook for the same url under each events key alone,
// and so settles two doubts.
func (c *check) createSecond(ctx context.Context) error {
	var alone []string
	var seen exchange
	var refusal error
	for _, key := range c.eventKeys {
		other := map[string]string{"events": "eventTypes", "eventTypes": "events"}[key]
		posts, created, verdict, trouble := c.create(ctx, "-"+strings.ToLower(key), "https", knownEvent, other)
		if trouble != nil {
			return trouble
		}
		if verdict != nil {
			key = "not " + key + " alone: " + posts[0].String()
		}
		alone, c.second = append(alone, key), cmp.Or(created.ID, c.second)
		// An accepted one decides, and else the higher refusal: a conflict is
		// found after a wrong key.
		if seen.status == 0 || refusal != nil && (verdict == nil || posts[0].status > seen.status) {
			seen, refusal = posts[0], verdict
		}
	}
	if len(alone) > 1 {
		c.found("events key of a create", strings.Join(alone, "; "), nil)
	}
	if refusal != nil {
		refusal = fmt.Errorf("%w; a webhook with create_before_destroy cannot be replaced", refusal)
	}
	c.found("second webhook for the same url", seen.String(), refusal)
	return nil
}

// createOdd asks for what TitanX may refuse. The provider handles both results.
func (c *check) createOdd(ctx context.Context) error {
	for _, odd := range []struct{ doubt, suffix, scheme, event string }{
		{"unknown event", "-event", "https", "titanx.contract.check"}, {"invalid url", "-invalid", "http", knownEvent},
	} {
		posts, _, verdict, trouble := c.create(ctx, odd.suffix, odd.scheme, odd.event, "")
		if trouble != nil {
			return trouble
		}
		if _, refused := errors.AsType[*titanx.Error](verdict); refused {
			verdict = nil
		}
		c.found(odd.doubt, posts[len(posts)-1].String(), verdict)
	}
	return nil
}

// listAgain reads the webhooks back. It looks twice, because a list can lag.
func (c *check) listAgain(ctx context.Context) error {
	for _, when := range []string{"listed at once", "listed only at the second look"} {
		var listed []titanx.Webhook
		pages, verdict, trouble := c.ask(http.MethodGet, func() (err error) { listed, err = all(ctx, c.client); return err })
		if trouble != nil {
			return trouble
		}
		at := slices.IndexFunc(listed, func(w titanx.Webhook) bool { return w.ID == c.first.ID })
		if verdict == nil && at < 0 && when == "listed at once" {
			continue
		}
		c.found("list", fmt.Sprintf("%s; %d pages; Link headers: %d", pages[0], len(pages), len(pages[0].header["Link"])), verdict)
		c.initialStatus(listed)
		if at < 0 {
			c.report.Findings = append(c.report.Findings, finding{Doubt: "webhook in the list", Seen: "not listed", Covered: notSeen})
		} else {
			c.found("webhook in the list", when, c.compare(listed[at]))
		}
		break
	}
	return c.setStatus(ctx, "status change back", titanx.StatusInactive)
}

var statusIn = regexp.MustCompile(`"status":\s*"(\w{1,30})"`)

// initialStatus reports what became of status = inactive in a create.
func (c *check) initialStatus(listed []titanx.Webhook) {
	response := append(statusIn.FindStringSubmatch(string(c.post.body)), "", "")[1]
	at := slices.IndexFunc(listed, func(w titanx.Webhook) bool { return w.ID == c.second })
	list := ""
	if at >= 0 {
		list = listed[at].Status
	}
	var err error
	if cmp.Or(response, titanx.StatusInactive) != titanx.StatusInactive || cmp.Or(list, titanx.StatusInactive) != titanx.StatusInactive {
		err = errors.New("a create ignores status = inactive: the webhook of a lost response delivers")
	}
	c.found("initial status", fmt.Sprintf("asked for inactive; in the response: %q; in the list: %.30q", response, list), err)
}

// compare checks that the client reads the first webhook as the create returned
// it. TitanX may leave out the name.
func (c *check) compare(w titanx.Webhook) error {
	if w.Name != "" && w.Name != c.first.Name || !titanx.SameURL(w.URL, c.first.URL) || !slices.Equal(w.EventTypes, c.first.EventTypes) ||
		w.Status != titanx.StatusActive || w.CreatedAt.IsZero() {
		return fmt.Errorf("the client reads name %.40q, events %.80q, status %.20q, created at %s", w.Name, w.EventTypes, w.Status, w.CreatedAt)
	}
	return nil
}

// change asks whether a webhook can be changed in place, with its own values.
// The client has no such call, so its get is sent as one.
func (c *check) change(ctx context.Context) error {
	client, err := titanx.New(c.config) // whose get this does not concern
	if err != nil {
		return err
	}
	var seen []string
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		c.wire.edit = func(req *http.Request, _ []byte) []byte {
			req.Method = method
			req.Header.Set("Content-Type", "application/json")
			return c.post.request
		}
		exchanges, _, trouble := c.ask(method, func() error { _, err := client.Get(ctx, c.first.ID); return err })
		c.wire.edit = nil
		if len(exchanges) == 0 || exchanges[0].err != nil {
			return trouble
		}
		seen = append(seen, method+": "+exchanges[0].String())
	}
	c.found("PATCH or PUT of a webhook", strings.Join(seen, "; "), nil)
	return nil
}

func (c *check) remove(ctx context.Context) error {
	c.ids = slices.DeleteFunc(c.ids, func(id string) bool { return id == c.first.ID }) // a list shows whether it is gone
	for _, doubt := range []string{"delete", "delete of an absent id"} {
		if err := c.row(doubt, http.MethodDelete, func() error { return c.client.Delete(ctx, c.first.ID) }); err != nil {
			return err
		}
	}
	return nil
}
