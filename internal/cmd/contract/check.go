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

// check is one run. The client's own errors are its verdicts.
type check struct {
	config titanx.Config
	client *titanx.Client
	wire   *wire
	prefix string // of the names of this run's webhooks, and in their url
	url    string
	report report

	exchanges []exchange       // all so far
	seen      string           // by the row that is asked
	first     titanx.Created   // the webhook that the check is about
	second    titanx.Created   // one for the same url, which is never activated
	secondErr error            // why there is none
	listed    []titanx.Webhook // at the last look
	ids       []string         // of the webhooks that were created
	secrets   []string         // never to be shown
}

func newCheck(cfg titanx.Config, target *url.URL) (*check, error) {
	c := &check{
		prefix:  sweep.Prefix + strings.ToLower(rand.Text()[:8]),
		wire:    newWire(cfg.Transport),
		secrets: []string{cfg.APIKey},
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

// row answers one doubt about the API. Its error is the verdict: why the client
// does not handle what was seen.
type row struct {
	doubt string
	ask   func(context.Context) error
	first bool // without it the rest cannot be asked
}

// troubleError is a verdict that says why nothing was learned.
type troubleError struct{ error }

var errNotSeen = errors.New("not seen")

// rows has all doubts in order. A row may use what an earlier one has found.
func (c *check) rows() []row {
	return []row{
		{"list", c.list, true},
		{"answer to a wrong key", c.listWithWrongKey, false},
		{"answer to a create", c.createFirst, true},
		{"secret in the answer to a create", c.secret, false},
		{"get one", func(ctx context.Context) error { return c.get(ctx, c.first.ID) }, false},
		{"get of an absent id", func(ctx context.Context) error { return c.get(ctx, absentID) }, false},
		{"status change", func(ctx context.Context) error { return c.setStatus(ctx, titanx.StatusActive) }, false},
		{"events key of a create", c.createWithEachKey, false},
		{"second webhook for the same url", c.sameURL, false},
		{"unknown event", func(ctx context.Context) error {
			return c.createOdd(ctx, "-event", "https", "titanx.contract.check")
		}, false},
		{"invalid url", func(ctx context.Context) error {
			return c.createOdd(ctx, "-invalid", "http", knownEvent)
		}, false},
		{"webhook in the list", c.listAgain, false},
		{"initial status", c.initialStatus, false},
		{"status change back", func(ctx context.Context) error {
			return c.setStatus(ctx, titanx.StatusInactive)
		}, false},
		{"PATCH or PUT of a webhook", c.change, false},
		{"delete", c.remove, false},
		{"delete of an absent id", c.remove, false},
	}
}

// run asks everything, cleans up and completes the report.
func (c *check) run(ctx context.Context) {
	well := true
	for _, r := range c.rows() {
		verdict := c.decide(ctx, r)
		if nothing, ok := errors.AsType[troubleError](verdict); ok {
			c.report.Trouble, well = nothing.Error(), false
			break
		}
		c.report.found(r.doubt, c.seen, verdict)
		if r.first && verdict != nil {
			well = false
			break
		}
	}
	if slices.ContainsFunc(c.exchanges, func(x exchange) bool { return x.method == http.MethodPost }) {
		if left := c.cleanUp(context.WithoutCancel(ctx), well); left != nil {
			c.report.LeftBehind = fmt.Sprintf("webhooks named %s…, which make sweep deletes: %v", c.prefix, left)
		}
	}
	c.report.rates(c.exchanges)
}

// decide asks for one row and returns its verdict. What was seen is all that
// came, if the row does not say it. A 429 says nothing about what was asked.
func (c *check) decide(ctx context.Context, r row) error {
	c.seen = ""
	verdict := r.ask(ctx)
	came := c.wire.take()
	c.exchanges = append(c.exchanges, came...)
	if ctx.Err() != nil { // what was seen can be the interrupt
		return troubleError{context.Cause(ctx)}
	}
	var all []string
	for _, x := range came {
		// The client sends no PATCH and no PUT, so that any response to them
		// counts.
		if x.err != nil || x.status >= 500 && x.status != http.StatusNotImplemented && x.method != http.MethodPatch &&
			x.method != http.MethodPut {
			return troubleError{errors.New(x.String())}
		}
		if x.status != http.StatusTooManyRequests {
			all = append(all, x.String())
		}
	}
	c.seen = strings.TrimSuffix(cmp.Or(c.seen, strings.Join(slices.Compact(all), "; ")), "; ")
	switch {
	case c.wire.left.Load() < 0:
		return troubleError{errLimit}
	case c.seen == "":
		return troubleError{verdict}
	}
	return verdict
}

// cleanUp deletes what was created. It looks three times unless all went well:
// an uncertain create can take effect later, and a list can lag.
func (c *check) cleanUp(ctx context.Context, well bool) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	c.wire.left.Store(math.MaxInt64)
	defer func() { c.exchanges = append(c.exchanges, c.wire.take()...) }()
	cfg := c.config
	cfg.MaxRetries = titanx.DefaultMaxRetries
	client, err := titanx.New(cfg)
	if err != nil {
		return err
	}
	for _, pause := range []time.Duration{0, 2 * time.Second, 5 * time.Second} {
		<-time.After(pause)
		err = nil
		for _, id := range c.ids {
			err = errors.Join(err, client.Delete(ctx, id))
		}
		if err = errors.Join(err, sweep.Webhooks(ctx, client, c.prefix)); err == nil && well {
			break
		}
	}
	return err
}

func refusedKey(err error) bool {
	return errors.Is(err, titanx.ErrUnauthorized) || errors.Is(err, titanx.ErrForbidden)
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

// list is the first request. Without a list nothing could be cleaned up.
func (c *check) list(ctx context.Context) error {
	_, err := all(ctx, c.client)
	if refusedKey(err) {
		err = troubleError{err}
	}
	return err
}

func (c *check) listWithWrongKey(ctx context.Context) error {
	cfg := c.config
	cfg.APIKey = "titanx-contract-check-wrong-key"
	client, err := titanx.New(cfg)
	if err != nil {
		return err
	}
	_, err = all(ctx, client)
	switch {
	case refusedKey(err):
		return nil
	case err == nil:
		return errors.New("a wrong key is not refused: every webhook looks deleted under it")
	}
	return err
}

// create creates an inactive webhook.
func (c *check) create(ctx context.Context, suffix, url, event string) (titanx.Created, error) {
	created, err := c.client.Create(ctx, titanx.CreateRequest{
		Name: c.prefix + suffix, URL: url, EventTypes: []string{event}, Status: titanx.StatusInactive,
	})
	if err == nil {
		c.ids, c.secrets = append(c.ids, created.ID), append(c.secrets, created.Secret)
	}
	return created, err
}

func (c *check) createFirst(ctx context.Context) (err error) {
	if c.first, err = c.create(ctx, "", c.url, knownEvent); err != nil {
		err = fmt.Errorf("%w (if that is about the url, name one with -url)", err)
	}
	return err
}

func (c *check) secret(context.Context) error {
	if c.first.Secret == "" {
		c.seen = "none"
		return errors.New("without the secret nobody can verify a delivery")
	}
	c.seen = "returned"
	return nil
}

// get reads a webhook. The client does so only to confirm a list.
func (c *check) get(ctx context.Context, id string) error {
	_, err := c.client.Get(ctx, id)
	switch {
	case errors.Is(err, titanx.ErrNoRoute), errors.Is(err, titanx.ErrNotFound):
		return nil
	case err == nil && id == absentID:
		return errors.New("an id that does not exist is found")
	}
	return err
}

func (c *check) setStatus(ctx context.Context, status string) error {
	_, err := c.client.SetStatus(ctx, c.first.ID, status)
	return err
}

// createWithEachKey creates webhooks for the url of the first. Only one of the
// two keys for events is sent under its name.
func (c *check) createWithEachKey(ctx context.Context) error {
	keys := []string{"events", "eventTypes"}
	for i, key := range keys {
		c.wire.edit = func(_ *http.Request, body []byte) []byte {
			return bytes.ReplaceAll(body, []byte(`"`+keys[1-i]+`"`), []byte(`"ignored"`))
		}
		created, err := c.create(ctx, "-"+strings.ToLower(key), c.url, knownEvent)
		if err != nil {
			c.secondErr = errors.Join(c.secondErr, err)
			c.seen += fmt.Sprintf("not %s alone: %s; ", key, err)
		} else {
			c.second = created
			c.seen += key + " alone; "
		}
	}
	return nil
}

func (c *check) sameURL(context.Context) error {
	if c.second.ID == "" {
		c.seen = "refused"
		return fmt.Errorf("%w; a webhook with create_before_destroy cannot be replaced", c.secondErr)
	}
	c.seen = "accepted"
	return nil
}

// createOdd asks for what TitanX may refuse. The provider handles both results.
func (c *check) createOdd(ctx context.Context, suffix, scheme, event string) error {
	_, err := c.create(ctx, suffix, scheme+strings.TrimPrefix(c.url, "https"), event)
	if _, refused := errors.AsType[*titanx.Error](err); refused {
		return nil
	}
	return err
}

// listAgain checks that the client reads the first webhook as the create
// returned it. TitanX may leave out the name. It looks twice, because a list
// can lag.
func (c *check) listAgain(ctx context.Context) (err error) {
	var w titanx.Webhook
	for range 2 {
		if c.listed, err = all(ctx, c.client); err != nil {
			return err
		}
		if w = c.inList(c.first.ID); w.ID != "" {
			break
		}
	}
	switch {
	case w.ID == "":
		return errNotSeen
	case w.Name != "" && w.Name != c.first.Name || !titanx.SameURL(w.URL, c.first.URL) ||
		!slices.Equal(w.EventTypes, c.first.EventTypes) ||
		w.Status != titanx.StatusActive || w.CreatedAt.IsZero():
		return fmt.Errorf("the client reads name %.40q, events %.80q, status %.20q, created at %s", w.Name,
			w.EventTypes, w.Status, w.CreatedAt)
	}
	return nil
}

// inList returns a webhook of the last list, or a zero one.
func (c *check) inList(id string) titanx.Webhook {
	for _, w := range c.listed {
		if w.ID == id {
			return w
		}
	}
	return titanx.Webhook{}
}

// post returns the exchange that created the first webhook.
func (c *check) post() exchange {
	return c.exchanges[slices.IndexFunc(c.exchanges, func(x exchange) bool {
		return x.method == http.MethodPost && x.status < 300
	})]
}

var statusIn = regexp.MustCompile(`"status":\s*"(\w{1,30})"`)

// initialStatus reports what became of status = inactive in a create.
func (c *check) initialStatus(context.Context) (err error) {
	response, list := append(statusIn.FindStringSubmatch(string(c.post().body)), "", "")[1],
		c.inList(c.second.ID).Status
	c.seen = fmt.Sprintf("asked for inactive; in the response: %q; in the list: %.30q", response, list)
	if cmp.Or(response, titanx.StatusInactive) != titanx.StatusInactive ||
		cmp.Or(list, titanx.StatusInactive) != titanx.StatusInactive {
		err = errors.New("a create ignores status = inactive: the webhook of a lost response delivers")
	}
	return err
}

// change asks whether a webhook can be changed in place, with its own values.
// The client has no such call, so its get is sent as one.
func (c *check) change(ctx context.Context) error {
	for _, method := range []string{http.MethodPatch, http.MethodPut} {
		c.wire.edit = func(req *http.Request, _ []byte) []byte {
			req.Method = method
			req.Header.Set("Content-Type", "application/json")
			return c.post().request
		}
		_, _ = c.client.Get(ctx, c.first.ID) // any response is an answer
	}
	return nil
}

func (c *check) remove(ctx context.Context) error {
	// a list shows whether it is gone
	c.ids = slices.DeleteFunc(c.ids, func(id string) bool { return id == c.first.ID })
	return c.client.Delete(ctx, c.first.ID)
}
