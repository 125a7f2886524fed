// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

const (
	// namePrefix marks the webhooks of this program. Nothing else is ever deleted.
	namePrefix = "titanx-contract-check-"

	// urlMark stands in the query of their url, for an API that does not tell names.
	urlMark = "titanx-contract-check"

	absentID     = "00000000-0000-4000-8000-000000000000"
	wrongKey     = "titanx-contract-check-wrong-key"
	knownEvent   = "job.completed"
	unknownEvent = "titanx.contract.check"

	requestTimeout = 30 * time.Second
	maxPages       = 2 // of one list
)

func newToken() string { return strings.ToLower(rand.Text()) }

// errStop ends the check early: what was found says why the rest cannot be asked.
var errStop = errors.New("the rest cannot be asked")

// check is one run against the API.
type check struct {
	apiKey, baseURL string
	token           string // of this run
	url             string // of its webhooks
	confirm         func(ctx context.Context, question string) bool

	wire   *recorder
	client *titanx.Client // sends nothing twice: what it makes of an answer is the verdict
	report report

	first     made     // the webhook that the check is about
	eventKeys []string // the events keys of a create that are not refused
	ours      []string // ids of the webhooks that are there because of this run
	sent      bool     // a create was sent
	lost      int      // creates whose outcome is not known
}

func newCheck(apiKey, baseURL, target string, transport http.RoundTripper) (*check, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the url %q is not an absolute https URL", target)
	}
	c := &check{
		apiKey: apiKey, baseURL: strings.TrimRight(cmp.Or(baseURL, titanx.DefaultBaseURL), "/"), token: newToken(),
		wire:      &recorder{next: transport, limit: maxRequests},
		eventKeys: []string{"events", "eventTypes"},
	}
	query := u.Query()
	query.Set(urlMark, c.token)
	u.RawQuery = query.Encode()
	c.url = u.String()
	c.report.BaseURL = c.baseURL
	c.report.secrets = []string{apiKey}
	c.client, err = c.newClient(apiKey, 0)
	return c, err
}

func (c *check) newClient(apiKey string, retries int) (*titanx.Client, error) {
	return titanx.New(titanx.Config{
		APIKey: apiKey, BaseURL: c.baseURL, UserAgent: userAgent, MaxRetries: retries, RequestTimeout: requestTimeout, Transport: c.wire,
	})
}

// run asks everything in turn. An error says what is in the way; what was found until then is in the report.
func (c *check) run(ctx context.Context) error {
	for _, step := range []struct {
		activity string
		do       func(context.Context) error
	}{
		{"list webhooks", c.listBefore},
		{"list with a wrong key", c.listWithWrongKey},
		{"create a webhook", c.createFirst},
		{"get it", c.getFirst},
		{"get an absent webhook", c.getAbsent},
		{"set its status", c.activate},
		{"create a second one for the same url", c.createSecond},
		{"create one for an unknown event", c.createUnknownEvent},
		{"create one for an invalid url", c.createInvalid},
		{"list webhooks again", c.listAfter},
		{"set its status back", c.deactivate},
		{"delete it", c.deleteFirst},
		{"delete it again", c.deleteAgain},
	} {
		found := len(c.report.Findings)
		err := step.do(ctx)
		if ctx.Err() != nil { // what an interrupted step has found may be the interrupt
			c.report.Findings = c.report.Findings[:found]
			err = context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.activity, err)
		}
	}
	return nil
}

// listBefore is the ground to stand on: without a list nothing could be cleaned up, so nothing is made.
func (c *check) listBefore(ctx context.Context) error {
	from := c.wire.count()
	all, err := c.list(ctx, c.client, 1)
	answers := c.wire.heard(from)
	if err := trouble(err, answers); err != nil {
		return err
	}
	if errors.Is(err, titanx.ErrUnauthorized) || errors.Is(err, titanx.ErrForbidden) {
		return err
	}
	if err != nil {
		c.found("list", describe(answers[0]), err)
		return errStop
	}
	return c.deleteLeftovers(ctx, all)
}

func (c *check) listWithWrongKey(ctx context.Context) error {
	stranger, err := c.newClient(wrongKey, 0)
	if err != nil {
		return err
	}
	from := c.wire.count()
	_, err = stranger.All(ctx)
	answers := c.wire.heard(from)
	if err := trouble(err, answers); err != nil {
		return err
	}
	switch {
	case errors.Is(err, titanx.ErrUnauthorized), errors.Is(err, titanx.ErrForbidden):
		err = nil
	case err == nil:
		err = errors.New("a wrong key is not refused: every webhook looks deleted under it")
	}
	c.found("answer to a wrong key", describe(answers[0]), err)
	return nil
}

// createFirst sends both documented events keys, as the provider does. If that is refused it tries each alone.
func (c *check) createFirst(ctx context.Context) error {
	m, err := c.create(ctx, "", nil, c.eventKeys...)
	if err != nil {
		return err
	}
	if refusal := m.answer(); m.refused() && refusal.status >= 400 {
		for _, key := range c.eventKeys {
			if m, err = c.create(ctx, "", nil, key); err != nil {
				return err
			}
			m.answers = append([]exchange{refusal}, m.answers...)
			if !m.refused() {
				c.eventKeys = []string{key}
				break
			}
		}
		_, err := m.judge(ctx)
		c.found("events key of a create", fmt.Sprintf("only %s; both together are refused: %s", strings.Join(c.eventKeys, " or "), describe(refusal)), err)
	}
	c.first = m
	created, err := m.judge(ctx)
	if err == nil && created.ID != m.id {
		err = fmt.Errorf("the client reads the id %q", created.ID)
	}
	if m.refused() && err != nil {
		err = fmt.Errorf("%w (if that is about the url, name one with -url)", err)
	}
	c.found("answer to a create", describe(m.answer()), err)
	if m.refused() {
		return errStop
	}
	c.found("id", idForm(m.id), err)
	if err == nil && created.Secret == "" {
		err = errors.New("without the secret nobody can verify a delivery")
	}
	c.found("secret in the answer to a create", secretShape(m.fields(), ""), err)
	return nil
}

func (c *check) getFirst(ctx context.Context) error {
	from := c.wire.count()
	_, err := c.client.Get(ctx, c.first.id)
	answers := c.wire.heard(from)
	if err := trouble(err, answers); err != nil {
		return err
	}
	seen := describe(answers[0])
	if errors.Is(err, titanx.ErrNoRoute) || errors.Is(err, titanx.ErrNotFound) {
		// The client asks for one webhook only to confirm that a complete list is right in lacking it.
		seen, err = "no such route: "+seen, nil
	}
	c.found("get one", seen, err)
	value, _ := decode(answers[0].body)
	if object, ok := find(value, webhookObject); ok {
		c.found("secret in the answer to a get", secretShape(object.value.(map[string]any), c.first.secret), err)
	}
	return nil
}

// getAbsent asks whether the client sees a deletion: no list has the id, and this is what get says of it.
func (c *check) getAbsent(ctx context.Context) error {
	from := c.wire.count()
	_, err := c.client.Get(ctx, absentID)
	answers := c.wire.heard(from)
	if err := trouble(err, answers); err != nil {
		return err
	}
	client, err := newReplay(answers...)
	if err != nil {
		return err
	}
	_, err = client.Find(ctx, absentID)
	switch {
	case errors.Is(err, titanx.ErrNotFound):
		err = nil
	case err == nil:
		err = errors.New("an id that does not exist is found")
	}
	c.found("get of an absent id", describe(answers[0]), err)
	return nil
}

func (c *check) activate(ctx context.Context) error {
	return c.ask("status change", func() error {
		_, err := c.client.SetStatus(ctx, c.first.id, titanx.StatusActive)
		return err
	})
}

// ask makes one call whose error is the verdict.
func (c *check) ask(doubt string, call func() error) error {
	from := c.wire.count()
	err := call()
	answers := c.wire.heard(from)
	if err := trouble(err, answers); err != nil {
		return err
	}
	c.found(doubt, describe(answers[0]), err)
	return nil
}

// createSecond makes a webhook for the same url under each events key alone, and so settles two doubts at once.
func (c *check) createSecond(ctx context.Context) error {
	var all []made
	var alone []string
	for _, key := range c.eventKeys {
		m, err := c.create(ctx, "-"+strings.ToLower(key), nil, key)
		if err != nil {
			return err
		}
		all = append(all, m)
		if m.refused() {
			key = "not " + key + " alone: " + describe(m.answer())
		}
		alone = append(alone, key)
	}
	if len(all) > 1 {
		_, err := c.first.judge(ctx)
		c.found("events key of a create", strings.Join(alone, "; "), err)
	}
	// An accepted one settles it. Of refusals the last in number tells: a conflict comes after a complaint about a key.
	second := all[0]
	for _, m := range all[1:] {
		if second.refused() && (!m.refused() || m.answer().status > second.answer().status) {
			second = m
		}
	}
	_, err := second.judge(ctx)
	if second.refused() {
		err = fmt.Errorf("%w; a webhook with create_before_destroy cannot be replaced", err)
	}
	c.found("second webhook for the same url", describe(second.answer()), err)
	return nil
}

func (c *check) createUnknownEvent(ctx context.Context) error {
	return c.createOdd(ctx, "unknown event", "-event", func(r *titanx.CreateRequest) { r.EventTypes = []string{unknownEvent} })
}

func (c *check) createInvalid(ctx context.Context) error {
	return c.createOdd(ctx, "invalid url", "-invalid", func(r *titanx.CreateRequest) { r.URL = "http" + strings.TrimPrefix(r.URL, "https") })
}

// createOdd asks for something that may be refused. Both ends are good if the client tells them apart.
func (c *check) createOdd(ctx context.Context, doubt, suffix string, change func(*titanx.CreateRequest)) error {
	m, err := c.create(ctx, suffix, change, c.eventKeys...)
	if err != nil {
		return err
	}
	_, err = m.judge(ctx)
	var refusal *titanx.Error
	if m.refused() && errors.As(err, &refusal) {
		err = nil
	}
	c.found(doubt, describe(m.answer()), err)
	return nil
}

// listAfter reads the webhooks back. It looks twice, because a list may be behind.
func (c *check) listAfter(ctx context.Context) error {
	for look, when := range []string{"at once", "only at the second look"} {
		from := c.wire.count()
		all, err := c.list(ctx, c.client, maxPages-look)
		answers := c.wire.heard(from)
		if err := trouble(err, answers); err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(w titanx.Webhook) bool { return w.ID == c.first.id })
		if err == nil && at < 0 && look == 0 && len(answers) == 1 {
			continue
		}
		value, _ := decode(answers[0].body)
		page, _ := find(value, isList)
		c.found("list", fmt.Sprintf("%d, %s", answers[0].status, page.where()), err)
		c.found("paging of the list", pagingSeen(page, answers), err)
		switch {
		case at >= 0:
			c.foundListed(all[at], answers, when)
		case err == nil:
			c.unseen("webhook in the list", fmt.Sprintf("not among the first %d", len(all)))
		}
		return nil
	}
	return nil
}

func (c *check) foundListed(w titanx.Webhook, answers []exchange, when string) {
	c.found("webhook in the list", when, nil)
	for _, x := range answers {
		value, _ := decode(x.body)
		page, _ := find(value, isList)
		if fields := listed(page, c.first.id); fields != nil {
			c.found("keys of a webhook", strings.Join(keys(fields), ", "), c.compare(w))
			c.found("secret in the list", secretShape(fields, c.first.secret), nil)
		}
	}
}

// compare tells what the client does not read of the first webhook. The name may be left unsaid.
func (c *check) compare(w titanx.Webhook) error {
	want := c.first.request
	var wrong []string
	for what, right := range map[string]bool{
		"name":      w.Name == "" || w.Name == want.Name,
		"url":       titanx.SameURL(w.URL, want.URL),
		"events":    slices.Equal(w.EventTypes, want.EventTypes),
		"status":    w.Status == titanx.StatusActive,
		"createdAt": !w.CreatedAt.IsZero(),
	} {
		if !right {
			wrong = append(wrong, what)
		}
	}
	if wrong == nil {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("the client does not read its %s", strings.Join(wrong, ", "))
}

// pagingSeen tells what stands beside the list, where a next page would be named.
func pagingSeen(page place, answers []exchange) string {
	signs := slices.Clone(page.beside)
	if answers[0].header.Get("Link") != "" {
		signs = append(signs, "Link header")
	}
	elements, _ := page.value.([]any)
	text := fmt.Sprintf("none shown with %d webhooks", len(elements))
	if len(signs) > 0 {
		text = strings.Join(signs, ", ")
	}
	if len(answers) > 1 {
		text += fmt.Sprintf("; %d pages asked for", len(answers))
	}
	return text
}

func (c *check) deactivate(ctx context.Context) error {
	return c.ask("status change back", func() error {
		_, err := c.client.SetStatus(ctx, c.first.id, titanx.StatusInactive)
		return err
	})
}

func (c *check) deleteFirst(ctx context.Context) error {
	return c.ask("delete", func() error { return c.delete(ctx, c.client, c.first.id) })
}

func (c *check) deleteAgain(ctx context.Context) error {
	return c.ask("delete of an absent id", func() error { return c.client.Delete(ctx, c.first.id) })
}

func (c *check) delete(ctx context.Context, client *titanx.Client, id string) error {
	err := client.Delete(ctx, id)
	if err == nil {
		c.ours = slices.DeleteFunc(c.ours, func(other string) bool { return other == id })
	}
	return err
}

// list gives the webhooks on the first pages, the complete list if it is not longer.
func (c *check) list(ctx context.Context, client *titanx.Client, pages int) ([]titanx.Webhook, error) {
	defer c.wire.narrow(pages)()
	var all []titanx.Webhook
	for w, err := range client.List(ctx) {
		if errors.Is(err, errLimit) && len(all) > 0 {
			break
		}
		if err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}
