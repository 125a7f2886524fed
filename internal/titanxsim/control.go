// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"slices"
	"time"
)

// Webhook is a webhook as the simulator holds it, secret included.
type Webhook struct {
	ID         string
	Name       string
	URL        string
	EventTypes []string
	Status     string // active or inactive
	Secret     string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	DeletedAt  time.Time // zero for all but those that Dialect.Deleted shows
}

// Webhooks returns copies of the user's webhooks in order of creation.
func (s *Server) Webhooks(user string) []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Webhook
	for _, w := range s.account(user).webhooks {
		out = append(out, w.copy())
	}
	return out
}

// Put adds a webhook behind the API's back, or overwrites the one of the same
// id, and returns what is stored. An empty id, status, secret or time is made.
// Nothing is validated.
func (s *Server) Put(user string, w Webhook) Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	w = w.copy()
	s.complete(&w)
	s.account(user).put(w, 0)
	return w.copy()
}

// Remove deletes a webhook behind the API's back, if it is there.
func (s *Server) Remove(user, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account(user).remove(id, s.now())
}

// SetDialect changes the dialect for the requests that follow. It panics when a
// value does not exist.
func (s *Server) SetDialect(d Dialect) {
	d = d.resolved()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialect = d
}

// SetLimits changes the rate limits and starts every window afresh.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = l
	clear(s.windows)
}

func (w Webhook) copy() Webhook {
	w.EventTypes = slices.Clone(w.EventTypes)
	return w
}

// Deleted returns the user's webhooks that requests have deleted, in that
// order and as they were then.
func (s *Server) Deleted(user string) []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.account(user).deleted)
}
