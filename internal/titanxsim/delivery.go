// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// deliveryTimeout is how long a receiver may take to answer (docs.titanx.io).
const deliveryTimeout = 10 * time.Second

// Delivery is one attempt to deliver an event.
type Delivery struct {
	WebhookID string
	URL       string
	EventID   string // the same over retries
	EventType string
	Attempt   int       // from 1
	Status    int       // the receiver's; 0 without an answer
	Err       string    // why there was no answer
	Time      time.Time // of the attempt's start
}

// eventJSON is the body of a delivery.
type eventJSON struct {
	Payload    any    `json:"payload"`
	EventType  string `json:"eventType"`
	Timestamp  int64  `json:"timestamp"` // Unix milliseconds
	APIVersion string `json:"apiVersion"`
	ID         string `json:"id"`
}

type event struct {
	id, eventType string
	body          []byte
}

// Fire delivers an event to the user's active subscribers of its type, in the background, and returns the event's id.
// The payload must encode to JSON. Retries stop when the webhook is deleted or inactive (assumed).
func (s *Server) Fire(user, eventType string, payload any) (eventID string) {
	e := event{id: newUUID(), eventType: eventType}
	e.body = mustJSON(eventJSON{
		Payload: payload, EventType: eventType, Timestamp: s.cfg.Now().UnixMilli(), APIVersion: "v2", ID: e.id,
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return e.id
	}
	for _, w := range s.account(user).webhooks {
		if w.Status == "active" && slices.Contains(w.EventTypes, eventType) {
			s.pending++
			subscriber := w.copy()
			s.tasks.Go(func() { s.deliver(user, subscriber, e) })
		}
	}
	return e.id
}

// Deliveries returns the attempts so far in the order they ended.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// Settle waits until no delivery is under way or waits for a retry.
func (s *Server) Settle(ctx context.Context) error {
	s.mu.Lock()
	if s.pending == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) deliver(user string, w Webhook, e event) {
	defer s.settled()
	for attempt := 1; ; attempt++ {
		d := s.post(w, e, attempt)
		if s.ctx.Err() != nil {
			return
		}
		s.logDelivery(d)
		wait := s.cfg.Backoff(attempt)
		if !d.retried() || wait < 0 || !s.sleep(s.ctx, wait) {
			return
		}
		var ok bool
		if w, ok = s.subscriber(user, w.ID); !ok {
			return
		}
	}
}

func (s *Server) post(w Webhook, e event, attempt int) Delivery {
	d := Delivery{
		WebhookID: w.ID, URL: w.URL, EventID: e.id, EventType: e.eventType, Attempt: attempt, Time: s.cfg.Now(),
	}
	ctx, cancel := context.WithTimeout(s.ctx, deliveryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(e.body))
	if err != nil {
		d.Err = err.Error()
		return d
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "TitanX-Webhooks/1.0")
	req.Header.Set(signature.Header, signature.Sign(w.Secret, e.body))
	resp, err := s.cfg.DeliveryClient.Do(req)
	if err != nil {
		d.Err = err.Error()
		return d
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)) // lets the connection be used again
	d.Status = resp.StatusCode
	return d
}

// retried tells the documented rule: no answer (assumed), 408, 429 and 5xx are tried again.
func (d Delivery) retried() bool {
	return d.Status == 0 || d.Status == http.StatusRequestTimeout || d.Status == http.StatusTooManyRequests || d.Status >= 500
}

// subscriber looks the webhook up again. It is not ok when it is deleted or inactive by now.
func (s *Server) subscriber(user, id string) (Webhook, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.account(user).byID[id]
	if w == nil || w.Status != "active" {
		return Webhook{}, false
	}
	return w.copy(), true
}

func (s *Server) logDelivery(d Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deliveries = appendBounded(s.deliveries, d)
	s.cfg.Logger.Info("delivery", "webhook", d.WebhookID, "event", d.EventID, "type", d.EventType,
		"attempt", d.Attempt, "status", d.Status, "error", d.Err)
}

func (s *Server) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending--; s.pending == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// defaultBackoff waits 15 s, 30 s, 1 min and so on: 14 retries in 68 hours, within the documented three days.
func defaultBackoff(attempt int) time.Duration {
	if attempt > 14 {
		return -1
	}
	return 15 * time.Second << (attempt - 1)
}

// deliveryClient is c, or a client of its own, made to follow no redirect: a 3xx is an answer like another.
func deliveryClient(c *http.Client) *http.Client {
	own := http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}
