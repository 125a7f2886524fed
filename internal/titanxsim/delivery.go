// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// Delivery is one attempt to deliver an event.
type Delivery struct {
	WebhookID string
	URL       string
	EventID   string // the same over retries
	EventType string
	Attempt   int       // from 1
	Status    int       // the receiver's; 0 without an answer
	Err       string    // why there was no answer
	Verdict   string    // whether TitanX repeats the delivery, and why
	Signature string    // as sent
	Body      string    // as sent
	Time      time.Time // of the attempt's start
}

// Fire delivers an event to the user's active subscribers of its type, in the
// background, and returns the event's id. A payload of type json.RawMessage is
// sent byte for byte; any other is encoded. Retries stop when the webhook is
// deleted or inactive (assumed).
func (s *Server) Fire(user, eventType string, payload any) (eventID string) {
	eventID, _ = s.fire(user, eventType, payload)
	return eventID
}

// FireAndWait is Fire, and returns the attempts once each subscriber was tried.
func (s *Server) FireAndWait(user, eventType string, payload any) []Delivery {
	id, first := s.fire(user, eventType, payload)
	first.Wait()
	return slices.DeleteFunc(s.Deliveries(), func(d Delivery) bool { return d.EventID != id })
}

// fire is Fire. The group waits for the first attempt of each subscriber.
func (s *Server) fire(user, eventType string, payload any) (eventID string, first *sync.WaitGroup) {
	raw, ok := payload.(json.RawMessage)
	if !ok {
		raw = mustJSON(payload)
	}
	e := delivery.Event{ID: delivery.NewID(), Type: eventType, Time: s.cfg.Now(), Payload: raw}
	first = new(sync.WaitGroup)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return e.ID, first
	}
	for _, w := range s.account(user).webhooks {
		if w.Status == "active" && slices.Contains(w.EventTypes, eventType) {
			s.delivering++
			subscriber := w.copy()
			first.Add(1)
			s.tasks.Go(func() { s.deliver(user, subscriber, e, first.Done) })
		}
	}
	return e.ID, first
}

// Deliveries returns the attempts so far in the order they ended.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deliveries)
}

// WaitForDeliveries waits until no delivery is under way or waits for a retry.
func (s *Server) WaitForDeliveries(ctx context.Context) error {
	s.mu.Lock()
	if s.delivering == 0 {
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

// deliver attempts a delivery until TitanX would stop. It calls tried after the
// first attempt.
func (s *Server) deliver(user string, w Webhook, e delivery.Event, tried func()) {
	defer s.deliveryEnded()
	first := sync.OnceFunc(tried)
	defer first()
	for attempt := 1; ; attempt++ {
		d := s.post(w, e, attempt)
		if s.ctx.Err() != nil {
			return
		}
		wait := s.cfg.Backoff(attempt)
		if d.repeated() && wait < 0 {
			d.Verdict += ". This was the last attempt"
		}
		s.logDelivery(d)
		first()
		if !d.repeated() || wait < 0 || !s.sleep(s.ctx, wait) {
			return
		}
		var ok bool
		if w, ok = s.subscriber(user, w.ID); !ok {
			s.cfg.Logger.Info("delivery not repeated: the webhook is deleted or inactive", "webhook", d.WebhookID,
				"event", d.EventID)
			return
		}
	}
}

func (s *Server) post(w Webhook, e delivery.Event, attempt int) Delivery {
	body := e.Body()
	d := Delivery{
		WebhookID: w.ID,
		URL:       w.URL,
		EventID:   e.ID,
		EventType: e.Type,
		Attempt:   attempt,
		Body:      string(body),
		Time:      s.cfg.Now(),
	}
	key, err := signature.Reading(s.currentDialect().SecretReading).Key(w.Secret)
	if err != nil {
		d.Err, d.Verdict = err.Error(), "not sent: the dialect cannot read this secret"
		return d
	}
	d.Signature = signature.SignWithKey(key, body)
	_, d.Status, err = delivery.Send(s.ctx, s.client, w.URL, body, d.Signature)
	if err != nil {
		d.Err = err.Error()
	}
	d.Verdict = verdict(d.Status)
	return d
}

// verdict says what TitanX does after an answer, and by which rule. A status of
// 0 is no answer.
func verdict(status int) string {
	if status == 0 {
		return fmt.Sprintf("no answer: %s (assumed)", delivery.Repeated)
	}
	v := delivery.VerdictOf(status)
	text := fmt.Sprintf("%d: %s", status, v)
	switch {
	case v == delivery.Delivered:
		return text
	case status < http.StatusBadRequest:
		return text + " (assumed). It follows no redirect"
	}
	return text + ". Only 408, 429, and 5xx are repeated"
}

// repeated reports whether TitanX sends the delivery again. That it does so
// where there was no answer is assumed.
func (d Delivery) repeated() bool {
	return d.Signature != "" && (d.Status == 0 || delivery.VerdictOf(d.Status) == delivery.Repeated)
}

// subscriber looks the webhook up again. It is not ok when it is deleted or
// inactive by now.
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
		"attempt", d.Attempt, "status", d.Status, "verdict", d.Verdict, "error", d.Err)
}

func (s *Server) deliveryEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delivering--; s.delivering == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// defaultBackoff waits 15 s, 30 s, 1 min and so on: 14 retries in 68 hours,
// within the documented three days.
func defaultBackoff(attempt int) time.Duration {
	if attempt > 14 {
		return -1
	}
	return 15 * time.Second << (attempt - 1)
}
