// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// made is what a create has brought.
type made struct {
	request titanx.CreateRequest
	answers []exchange // one, and the refusal of an events key before it
	object  place      // of the webhook in the answer
	id      string
	secret  string
}

func (m made) answer() exchange { return m.answers[len(m.answers)-1] }

func (m made) refused() bool { return m.id == "" }

func (m made) fields() map[string]any {
	fields, _ := m.object.value.(map[string]any)
	return fields
}

// judge tells what the client makes of the answers.
func (m made) judge(ctx context.Context) (titanx.Created, error) {
	client, err := newReplay(m.answers...)
	if err != nil {
		return titanx.Created{}, err
	}
	return client.Create(ctx, m.request)
}

// create sends one create with the events under the given keys. Once sent it is finished, run interrupted or not.
func (c *check) create(ctx context.Context, suffix string, change func(*titanx.CreateRequest), keys ...string) (made, error) {
	m := made{request: titanx.CreateRequest{
		Name: namePrefix + c.token + suffix, URL: c.url, EventTypes: []string{knownEvent}, Status: titanx.StatusInactive,
	}}
	if change != nil {
		change(&m.request)
	}
	body := map[string]any{"name": m.request.Name, "url": m.request.URL, "status": m.request.Status}
	for _, key := range keys {
		body[key] = m.request.EventTypes
	}
	x, err := c.post(ctx, body)
	if err != nil {
		return m, err
	}
	m.answers = []exchange{x}
	value, _ := decode(x.body)
	if object, ok := find(value, webhookObject); ok && x.status <= 299 {
		m.object = object
		m.id, _ = m.fields()["id"].(string)
		m.secret, _ = m.fields()["secret"].(string)
		c.ours = append(c.ours, m.id)
		c.report.secrets = append(c.report.secrets, m.secret)
		c.lost--
	} else if x.status >= 400 && x.status <= 499 && x.status != http.StatusRequestTimeout {
		c.lost--
	}
	return m, nil
}

// post counts the create as lost until its answer says otherwise. What was refused for its rate was not seen and is sent again.
func (c *check) post(ctx context.Context, body map[string]any) (exchange, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return exchange{}, err
	}
	for _, pause := range []time.Duration{0, time.Second, time.Minute, time.Minute} {
		if err := wait(ctx, pause); err != nil {
			return exchange{}, err
		}
		c.sent = true
		c.lost++
		x, err := c.postOnce(context.WithoutCancel(ctx), text)
		if x.status != http.StatusTooManyRequests {
			return x, err
		}
		c.lost--
	}
	return exchange{}, errors.New("TitanX has refused the create for its rate for two minutes")
}

func (c *check) postOnce(ctx context.Context, body []byte) (exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.baseURL+"/webhooks", bytes.NewReader(body))
	if err != nil {
		return exchange{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.apiKey)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", userAgent)
	x, err := c.wire.send(req)
	if err == nil {
		err = trouble(nil, []exchange{x})
	}
	return x, err
}
