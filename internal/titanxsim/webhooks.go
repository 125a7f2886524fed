// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
)

// account holds a user's webhooks in order of creation.
type account struct {
	webhooks []*stored
	byID     map[string]*stored
	deleted  []Webhook // by requests, as they were
	last     int       // number given last

	tombstones []*stored // all that were deleted
}

type stored struct {
	Webhook
	number int // counts the user's webhooks from 1, for cursors that outlive a deletion
	lag    int // lists that must still come until it shows, that one included
}

// account is called with the lock held, as are its methods.
func (s *Server) account(user string) *account {
	a := s.accounts[user]
	if a == nil {
		a = &account{byID: map[string]*stored{}}
		s.accounts[user] = a
	}
	return a
}

func (a *account) put(w Webhook, lag int) {
	if old := a.byID[w.ID]; old != nil {
		old.Webhook = w
		return
	}
	a.last++
	a.byID[w.ID] = &stored{Webhook: w, number: a.last, lag: lag}
	a.webhooks = append(a.webhooks, a.byID[w.ID])
}

func (a *account) remove(id string, now time.Time) {
	if w := a.byID[id]; w != nil {
		tombstone := *w
		tombstone.DeletedAt = now
		a.tombstones = append(a.tombstones, &tombstone)
	}
	delete(a.byID, id)
	a.webhooks = slices.DeleteFunc(a.webhooks, func(w *stored) bool { return w.ID == id })
}

// handle answers the request. Without commit it answers the same and changes
// nothing.
func (x *exchange) handle(commit bool) answer {
	s := x.s
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.dialect
	if x.route.call == CallOther {
		return htmlAnswer(http.StatusNotFound)
	}
	if x.route.call == CallGet {
		switch d.Get {
		case "absent-html":
			return htmlAnswer(http.StatusNotFound)
		case "absent-json":
			return d.refusal(http.StatusNotFound, "", fmt.Sprintf("Cannot GET %s", x.r.URL.Path))
		case "absent-405":
			return d.refusal(http.StatusMethodNotAllowed, "", "method not allowed")
		}
	}
	if !x.known {
		return d.refusal(http.StatusUnauthorized, "", "missing or unknown API key")
	}
	acct := s.account(x.user)
	switch x.route.call {
	case CallCreate:
		return s.create(acct, x.body, x.received, commit)
	case CallList:
		return s.list(acct, x.r)
	}
	w := acct.byID[x.route.id]
	if i := slices.IndexFunc(acct.tombstones, func(w *stored) bool { return w.ID == x.route.id }); i >= 0 &&
		w == nil && x.route.call == CallGet && d.Deleted == "timestamp" {
		return d.object(acct.tombstones[i].Webhook)
	}
	if w == nil || x.route.call == CallGet && s.age(w) < time.Duration(d.GetDelay)*time.Second {
		return d.notFound(x.route.id)
	}
	switch x.route.call {
	case CallSetStatus:
		return s.changeStatus(w, x.route.status, commit)
	case CallDelete:
		if commit {
			acct.remove(w.ID, s.now())
			acct.deleted = append(acct.deleted, w.Webhook)
		}
		return d.deleted(w.Webhook)
	}
	return d.object(w.Webhook)
}

func (s *Server) create(acct *account, body []byte, received time.Time, commit bool) answer {
	d := s.dialect
	w, refused, ok := d.createRequest(body)
	if !ok {
		return refused
	}
	w = d.Form(w)
	for _, o := range acct.webhooks {
		key, rule := "url", d.SameURL
		if o.Name == w.Name && d.SameName != "accepted" {
			key, rule = "name", d.SameName
		} else if o.URL != w.URL {
			continue
		}
		switch rule {
		case "409":
			return d.refusal(http.StatusConflict, "", "a webhook with this "+key+" already exists")
		case "existing":
			return d.object(o.Webhook)
		case "overwritten":
			w.ID, w.CreatedAt = o.ID, o.CreatedAt
			s.complete(&w)
			if commit {
				o.Webhook = w
			}
			return d.created(w)
		}
	}
	if d.InitialStatus == "ignored" {
		w.Status = ""
	}
	if d.Stamp == "receipt" {
		w.CreatedAt = received
	}
	s.complete(&w)
	if commit {
		acct.put(w, d.ListLag)
	}
	return d.created(w)
}

func (s *Server) list(acct *account, r *http.Request) answer {
	query := r.URL.Query()
	first := !query.Has("cursor") && (!query.Has("page") || query.Get("page") == "1")
	all := acct.webhooks
	if s.dialect.Deleted != "gone" {
		all = slices.SortedFunc(slices.Values(slices.Concat(all, acct.tombstones)), func(v, w *stored) int {
			return v.number - w.number
		})
	}
	var shown []*stored
	for _, w := range all {
		if first && w.lag > 0 {
			w.lag--
		}
		if w.lag == 0 && s.age(w) >= time.Duration(s.dialect.ListDelay)*time.Second {
			shown = append(shown, w)
		}
	}
	return s.dialect.list(r, shown)
}

func (s *Server) changeStatus(w *stored, status string, commit bool) answer {
	if !validStatus(status) {
		return s.dialect.invalid("status", "status must be active or inactive")
	}
	changed := w.Webhook
	changed.Status, changed.UpdatedAt = status, s.now()
	switch set := s.dialect.StatusSet; set {
	case "obeyed":
	case "ignored":
		return s.dialect.statusSet(changed)
	default:
		changed.Status = set
	}
	if commit {
		w.Webhook = changed
	}
	return s.dialect.statusSet(changed)
}

// complete sets what a new webhook lacks.
func (s *Server) complete(w *Webhook) {
	if w.ID == "" {
		w.ID = delivery.NewID()
		if s.dialect.ID == "prefixed" {
			w.ID = "wh_" + strings.ToLower(rand.Text())
		}
	}
	if w.Status == "" {
		w.Status = "active"
	}
	if w.Secret == "" {
		w.Secret = s.dialect.SecretPrefix + rand.Text() + rand.Text()
	}
	if w.CreatedAt.IsZero() {
		w.CreatedAt = s.now()
	}
	if w.UpdatedAt.IsZero() {
		w.UpdatedAt = w.CreatedAt
	}
}

// age is how long ago a webhook was created.
func (s *Server) age(w *stored) time.Duration { return s.now().Sub(w.CreatedAt) }

// now is the clock at the precision of the API.
func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }
