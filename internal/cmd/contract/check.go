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
	prefix string // of the names of this run's webhooks, and in their urls
	url    string
	report report

	exchanges []exchange     // all so far
	seen      string         // by the row that is asked, if not all that came
	first     titanx.Created // the webhook that is activated
	ids       []string       // of the webhooks that were created
	secrets   []string       // never to be shown
}

func newCheck(cfg titanx.Config, target *url.URL) (*check, error) {
	prefix, query, wire := sweep.Prefix+strings.ToLower(rand.Text()[:8]), target.Query(), newWire(cfg.Transport)
	query.Set("check", prefix)
	target.RawQuery = query.Encode()
	cfg.UserAgent, cfg.Transport = "titanx-contract-check", wire
	client, err := titanx.New(cfg)
	return &check{
		config: cfg, client: client, wire: wire, prefix: prefix, url: target.String(),
		report: report{BaseURL: cfg.BaseURL}, secrets: []string{cfg.APIKey},
	}, err
}

// row answers one doubt about the API. Its error is the verdict: why the client
// does not handle what was seen.
type row struct {
	doubt string
	ask   func() error
}

var errNotSeen = errors.New("not seen")

// rows has all doubts in order. A row may use what an earlier one has found.
// Without a list nothing could be cleaned up, so it comes first.
func (c *check) rows(ctx context.Context) []row {
	second, listed := titanx.Created{}, map[string]titanx.Webhook{}
	return []row{
		{"list", func() error {
			_, err := c.client.All(ctx)
			return err
		}},
		{"answer to a create", func() (err error) {
			c.first, err = c.create(ctx, "", c.url, knownEvent)
			switch {
			case err != nil:
				return fmt.Errorf("%w (if that is about the url, name one with -url)", err)
			case c.first.Secret == "":
				return errors.New("without the secret nobody can verify a delivery")
			}
			return nil
		}},
		{"answer to a wrong key", func() error {
			_, err := c.listAs(ctx, "titanx-contract-check-wrong-key")
			switch {
			case refusedKey(err):
				return nil
			case err == nil:
				return errors.New("a wrong key is not refused: every webhook looks deleted under it")
			}
			return err
		}},
		{"get one", func() error { return c.get(ctx, c.first.ID) }},
		{"get of an absent id", func() error { return c.get(ctx, absentID) }},
		{"status change", func() error { return c.setStatus(ctx, titanx.StatusActive) }},
		{"events as the only key for events", func() error {
			c.wire.edit = without("eventTypes")
			return c.createOdd(ctx, "-events", "https", knownEvent)
		}},
		{"eventTypes as the only key for events", func() error {
			c.wire.edit = without("events")
			return c.createOdd(ctx, "-eventtypes", "https", knownEvent)
		}},
		{"second webhook for the same url", func() (err error) {
			if second, err = c.create(ctx, "-second", c.url, knownEvent); err != nil {
				err = fmt.Errorf("%w; a webhook with create_before_destroy cannot be replaced", err)
			}
			return err
		}},
		{"unknown event", func() error { return c.createOdd(ctx, "-event", "https", "titanx.contract.check") }},
		{"invalid url", func() error { return c.createOdd(ctx, "-invalid", "http", knownEvent) }},
		{"webhook in the list", func() error {
			for tries := 0; tries < 2 && listed[c.first.ID].ID == ""; tries++ { // a list can lag
				all, err := c.listAs(ctx, c.config.APIKey)
				if err != nil {
					return err
				}
				for _, w := range all {
					listed[w.ID] = w
				}
			}
			return c.compare(listed[c.first.ID])
		}},
		{"initial status", func() error {
			response, list := append(statusIn.FindStringSubmatch(string(c.post().body)), "", "")[1],
				listed[second.ID].Status
			c.seen = fmt.Sprintf("asked for inactive; in the response: %q; in the list: %.30q", response, list)
			if cmp.Or(response, titanx.StatusInactive) != titanx.StatusInactive ||
				cmp.Or(list, titanx.StatusInactive) != titanx.StatusInactive {
				return errors.New("a create ignores status = inactive: the webhook of a lost response delivers")
			}
			return nil
		}},
		{"status change back", func() error { return c.setStatus(ctx, titanx.StatusInactive) }},
		{"PATCH or PUT of a webhook", func() error {
			// With the webhook's own values. The client has no such call, so
			// that its get is sent as one, and any response is an answer.
			for _, method := range []string{http.MethodPatch, http.MethodPut} {
				c.wire.edit = func(req *http.Request, _ []byte) []byte {
					req.Method = method
					req.Header.Set("Content-Type", "application/json")
					return c.post().request
				}
				_, _ = c.client.Get(ctx, c.first.ID)
			}
			return nil
		}},
		{"delete", func() error { return c.remove(ctx) }},
		{"delete of an absent id", func() error { return c.remove(ctx) }},
	}
}

// run asks everything, cleans up and completes the report.
func (c *check) run(ctx context.Context) {
	for _, r := range c.rows(ctx) {
		if !c.decide(ctx, r) {
			break
		}
	}
	if slices.ContainsFunc(c.exchanges, func(x exchange) bool { return x.method == http.MethodPost }) {
		if left := c.cleanUp(context.WithoutCancel(ctx)); left != nil {
			c.report.LeftBehind = fmt.Sprintf("webhooks named %s…, which make sweep deletes: %v", c.prefix, left)
		}
	}
	c.report.rates(c.exchanges)
}

// decide reports whether the next row can be asked after this one, which it
// asks: without a webhook, nothing can. A 429 says nothing about what was
// asked.
func (c *check) decide(ctx context.Context, r row) bool {
	c.seen = ""
	verdict := r.ask()
	came := c.wire.take()
	c.exchanges = append(c.exchanges, came...)
	var trouble error // why nothing was learned
	var all []string
	for _, x := range came {
		switch {
		case x.failed():
			trouble = errors.New(x.String())
		case x.status != http.StatusTooManyRequests:
			all = append(all, x.String())
		}
	}
	seen := cmp.Or(c.seen, strings.Join(slices.Compact(all), "; "))
	switch {
	case ctx.Err() != nil: // what was seen can be the interrupt
		trouble = context.Cause(ctx)
	case c.wire.left.Load() < 0:
		trouble = errLimit
	case trouble == nil && (seen == "" || c.first.ID == "" && refusedKey(verdict)):
		trouble = verdict
	}
	if trouble != nil {
		c.report.Trouble = trouble.Error()
		return false
	}
	c.report.found(r.doubt, seen, verdict)
	return verdict == nil || c.first.ID != ""
}

// cleanUp deletes what was created. It looks three times unless all went well:
// an uncertain create can take effect later, and a list can lag. Its client
// sends again what failed, and does not add this run's webhooks to a list.
func (c *check) cleanUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cfg := c.config
	cfg.MaxRetries = titanx.DefaultMaxRetries
	client, err := titanx.New(cfg)
	if err != nil {
		return err
	}
	c.wire.left.Store(math.MaxInt64)
	for _, pause := range []time.Duration{0, 2 * time.Second, 5 * time.Second} {
		<-time.After(pause)
		err = nil
		for _, id := range c.ids {
			err = errors.Join(err, client.Delete(ctx, id))
		}
		err = errors.Join(err, sweep.Webhooks(ctx, client, c.prefix))
		if err == nil && c.report.exitCode() == exitCovered {
			break
		}
	}
	c.exchanges = append(c.exchanges, c.wire.take()...)
	return err
}

func refusedKey(err error) bool {
	return errors.Is(err, titanx.ErrUnauthorized) || errors.Is(err, titanx.ErrForbidden)
}

// listAs lists with a client that knows nothing of this run.
func (c *check) listAs(ctx context.Context, key string) ([]titanx.Webhook, error) {
	cfg := c.config
	cfg.APIKey = key
	client, err := titanx.New(cfg)
	if err != nil {
		return nil, err
	}
	return client.All(ctx)
}

// create creates an inactive webhook.
func (c *check) create(ctx context.Context, suffix, url, event string) (titanx.Created, error) {
	created, err := c.client.Create(ctx, titanx.CreateRequest{
		Name: c.prefix + suffix, URL: url, EventTypes: []string{event}, Status: titanx.StatusInactive,
	})
	if err == nil {
		c.ids = append(c.ids, created.ID)
	}
	if created.Secret != "" {
		c.secrets = append(c.secrets, created.Secret)
	}
	return created, err
}

// compare checks that the client reads the first webhook in a list as the
// create returned it. TitanX may leave out the name, and show only a part of
// the url.
func (c *check) compare(w titanx.Webhook) error {
	if w.URL != "" && w.WithoutMasked(c.first.Name, c.first.URL).URL == "" {
		c.seen = "only a part of the url"
		w.URL = c.first.URL
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

// createOdd asks for what TitanX may refuse. The provider handles both results.
func (c *check) createOdd(ctx context.Context, suffix, scheme, event string) error {
	_, err := c.create(ctx, suffix, scheme+strings.TrimPrefix(c.url, "https")+suffix, event)
	if _, refused := errors.AsType[*titanx.Error](err); refused {
		return nil
	}
	return err
}

// without returns an edit that renames a key of the body.
func without(key string) func(*http.Request, []byte) []byte {
	return func(_ *http.Request, body []byte) []byte {
		return bytes.ReplaceAll(body, []byte(`"`+key+`"`), []byte(`"ignored"`))
	}
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

func (c *check) remove(ctx context.Context) error {
	// a list shows whether it is gone
	c.ids = slices.DeleteFunc(c.ids, func(id string) bool { return id == c.first.ID })
	return c.client.Delete(ctx, c.first.ID)
}

// post returns the exchange that created the first webhook.
func (c *check) post() exchange {
	return c.exchanges[slices.IndexFunc(c.exchanges, func(x exchange) bool {
		return x.method == http.MethodPost && x.status < 300
	})]
}

var statusIn = regexp.MustCompile(`"status":\s*"(\w{1,30})"`)
