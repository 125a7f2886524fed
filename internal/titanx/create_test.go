// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// lostResponse is a create that takes effect and loses its response.
func lostResponse(times int) titanxsim.Fault {
	return titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: times}
}

func (b *bench) ids() []string {
	var ids []string
	for _, w := range b.sim.Webhooks("ada") {
		ids = append(ids, w.ID)
	}
	return ids
}

func TestUncertainError(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]UncertainError{
		"the outcome is uncertain: no answer":                          {},
		"the outcome is uncertain: no answer; it may have left w1, w2": {Candidates: []Webhook{{ID: "w1"}, {ID: "w2"}}},
		"the outcome is uncertain: no answer; it left w1":              {Orphan: &Webhook{ID: "w1"}},
	} {
		e.Err = ErrNoAnswer
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

func TestCreate_uncertain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   titanxsim.Fault
		lag     int
		creates int
		removed int
	}{
		{"response lost", lostResponse(1), 0, 2, 1},
		{"response lost twice", lostResponse(2), 0, 3, 2},
		{"response lost, list one behind", lostResponse(1), 1, 2, 1},
		{"response lost, list two behind", lostResponse(1), 2, 2, 1},
		{"cut in the middle", titanxsim.Fault{Kind: titanxsim.FaultCut, Commit: true, Times: 1}, 0, 2, 1},
		{"truncated", titanxsim.Fault{Kind: titanxsim.FaultTruncated, Commit: true, Times: 1}, 0, 2, 1},
		{"empty", titanxsim.Fault{Kind: titanxsim.FaultEmpty, Commit: true, Times: 1}, 0, 2, 1},
		{"a web page", titanxsim.Fault{Kind: titanxsim.FaultHTML, Commit: true, Times: 1}, 0, 2, 1},
		{"another shape", titanxsim.Fault{Kind: titanxsim.FaultOtherShape, Commit: true, Times: 1}, 0, 2, 1},
		{"500 after it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Commit: true, Times: 1}, 0, 2, 1},
		{"502 after it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 502, Commit: true, Times: 1}, 0, 2, 1},
		{"504 after it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 504, Commit: true, Times: 1}, 0, 2, 1},
		{"408 after it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 408, Commit: true, Times: 1}, 0, 2, 1},
		{"too late", titanxsim.Fault{Kind: titanxsim.FaultDelay, Delay: time.Hour, Commit: true, Times: 1}, 0, 2, 1},
		{"cut before it", titanxsim.Fault{Kind: titanxsim.FaultReset, Times: 1}, 0, 2, 0},
		{"500 before it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Times: 1}, 0, 2, 0},
		{"503 before it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 503, Times: 1}, 0, 2, 0},
		{"page before it", titanxsim.Fault{Kind: titanxsim.FaultHTML, Times: 1}, 0, 2, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: c.lag}})
			earlier := b.sim.Put("ada", titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes})
			c.fault.Call = titanxsim.CallCreate
			b.sim.Inject(c.fault)
			created, err := b.Create(t.Context(), crm())
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				return
			}
			left := b.sim.Webhooks("ada")
			if len(left) != 2 || left[0].ID != earlier.ID || left[1].ID != created.ID || left[1].Secret != created.Secret {
				t.Errorf("%s: %d left, want the one that was there and the new one", c.name, len(left))
			}
			if n := b.requests(titanxsim.CallCreate); n != c.creates || len(created.Removed) != c.removed || b.requests(titanxsim.CallDelete) != c.removed {
				t.Errorf("%s: %d creates, removed %v; want %d and %d", c.name, n, created.Removed, c.creates, c.removed)
			}
			if slices.Contains(created.Removed, earlier.ID) || slices.Contains(created.Removed, created.ID) {
				t.Errorf("%s: removed %v", c.name, created.Removed)
			}
		})
	}
}

func TestCreate_refused(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 405, 409, 413, 422, 501} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: status})
			_, err := b.Create(t.Context(), crm())
			var uncertain *UncertainError
			var refusal *Error
			if errors.As(err, &uncertain) || !errors.As(err, &refusal) || refusal.StatusCode != status || b.requests() != 2 {
				t.Errorf("%d: %v after %d requests", status, err, b.requests())
			}
		})
	}
}

// A redirect may answer a create that took effect: 303 is made for it. No
// Location is followed, and one that cannot be parsed is not repeated.
func TestCreate_redirect(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"", "/webhooks/w1", "https://other.example/CANARY", "https://other.example:port/CANARY", "%zz\x01CANARY"} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 303, Header: http.Header{"Location": {location}}, Commit: true, Times: 1})
			created, err := b.Create(t.Context(), crm())
			if err != nil || len(created.Removed) != 1 || b.requests(titanxsim.CallCreate) != 2 || !cmp.Equal(b.ids(), []string{created.ID}) {
				t.Errorf("%q: %v, removed %v, left %v", location, err, created.Removed, b.ids())
			}
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 303, Header: http.Header{"Location": {location}}})
			if _, err := b.Create(t.Context(), crm()); err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%q: %v", location, err)
			}
		})
	}
}

func TestCreate_refusedInside2xx(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 200, Body: []byte(`{"error": "no more webhooks"}`)})
		_, err := b.Create(t.Context(), crm())
		if err == nil || !strings.Contains(err.Error(), "no more webhooks") || b.requests(titanxsim.CallCreate) != 1 {
			t.Errorf("%v after %d creates", err, b.requests(titanxsim.CallCreate))
		}
	})
}

func TestCreate_givesUp(t *testing.T) {
	t.Parallel()
	for _, commit := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			fault := lostResponse(0)
			fault.Commit = commit
			b.sim.Inject(fault)
			_, err := b.Create(t.Context(), crm())
			var uncertain *UncertainError
			if err == nil || errors.As(err, &uncertain) == commit {
				t.Errorf("committed %t: %v; what was found and deleted is settled, and nothing else is", commit, err)
			}
			if n := b.requests(titanxsim.CallCreate); n != maxUncertain || len(b.ids()) != 0 {
				t.Errorf("%d creates, left %v", n, b.ids())
			}
			if uncertain != nil && len(uncertain.Creates) != maxUncertain {
				t.Errorf("remembers %d creates", len(uncertain.Creates))
			}
		})
	}
}

func TestCreate_refusedAfterUncertain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Times: 1})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 409, Times: 1})
		_, err := b.Create(t.Context(), crm())
		if uncertain := wantUncertain(t, err); uncertain != nil && len(uncertain.Creates) != 1 {
			t.Errorf("%v, creates %v", err, uncertain.Creates)
		}
	})
}

func TestCreate_stillPossible(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]titanxsim.Fault{
		"timeout": {Kind: titanxsim.FaultDelay, Delay: time.Hour},
		"408":     {Kind: titanxsim.FaultStatus, Status: 408},
		"504":     {Kind: titanxsim.FaultStatus, Status: 504},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			fault.Call, fault.Times = titanxsim.CallCreate, 1
			b.sim.Inject(fault)
			sent := time.Now()
			_, err := b.Create(t.Context(), crm())
			uncertain := wantUncertain(t, err)
			if uncertain == nil {
				return
			}
			if len(uncertain.Candidates) != 0 || b.requests(titanxsim.CallCreate) != 1 || len(uncertain.Creates) != 1 {
				t.Errorf("%s: candidates %v, %d creates", name, uncertain.Candidates, b.requests(titanxsim.CallCreate))
				return
			}
			if create := uncertain.Creates[0]; create.Sent.After(sent.Add(2*latency)) || create.Sent.Before(sent.Add(-time.Second)) || create.GaveUp.Before(create.Sent) {
				t.Errorf("%s: sent at %v, but %+v", name, sent, create)
			}
			b.create(t, crm()) // an identical one is not held up
		})
	}
}

// wantUncertain returns the error as it must be after a create that was not
// settled.
func wantUncertain(t *testing.T, err error) *UncertainError {
	t.Helper()
	var uncertain *UncertainError
	if !errors.As(err, &uncertain) {
		t.Errorf("%v; want an UncertainError", err)
		return nil
	}
	for _, w := range uncertain.Candidates {
		if !strings.Contains(err.Error(), w.ID) {
			t.Errorf("%v does not name %s", err, w.ID)
		}
	}
	return uncertain
}

func TestCreate_listDown(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 500} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(lostResponse(1))
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: status, After: 1})
			_, err := b.Create(t.Context(), crm())
			if uncertain := wantUncertain(t, err); uncertain != nil && (len(uncertain.Candidates) != 0 || !errors.Is(err, ErrNoAnswer) || len(b.ids()) != 1) {
				t.Errorf("%v, candidates %v, left %v", err, uncertain.Candidates, b.ids())
			}
		})
	}
}

func TestCreate_withoutFirstList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 403})
		if _, err := b.Create(t.Context(), crm()); !errors.Is(err, ErrForbidden) || b.requests(titanxsim.CallCreate) != 0 {
			t.Errorf("%v, %d creates", err, b.requests(titanxsim.CallCreate))
		}
	})
}

// What follows an uncertain create may take as long as its requests may.
func TestCreate_slowAfterUncertain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(lostResponse(1))
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultDelay, Delay: time.Hour, After: 1, Times: 3})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultDelay, Delay: time.Hour, Times: 1})
		created, err := b.Create(t.Context(), crm())
		if err != nil || len(created.Removed) != 1 || !cmp.Equal(b.ids(), []string{created.ID}) {
			t.Errorf("%v, removed %v, left %v", err, created.Removed, b.ids())
		}
	})
}

func TestCreate_orphanNotDeletable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(lostResponse(1))
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 500})
		_, err := b.Create(t.Context(), crm())
		uncertain := wantUncertain(t, err)
		if uncertain == nil || uncertain.Orphan == nil || !cmp.Equal(b.ids(), []string{uncertain.Orphan.ID}) || b.requests(titanxsim.CallCreate) != 1 {
			t.Errorf("%v, left %v", err, b.ids())
		}
	})
}

// beside puts webhooks like crm's behind the client's back while a create is
// under way.
func beside(b *bench, status string, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			for range n {
				b.sim.Put("ada", titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes, Status: status})
			}
			n = 0
		}
		b.sim.ServeHTTP(w, r)
	})
}

// Looking for an orphan never deletes a webhook that delivers.
func TestCreate_activeCandidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		others    int
		commit    bool
		uncertain bool
	}{
		"one beside the orphan": {others: 1, commit: true},
		"two without an orphan": {others: 2, uncertain: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{beside(b, StatusActive, c.others)}})
			fault := lostResponse(1)
			fault.Commit = c.commit
			b.sim.Inject(fault)
			created, err := b.Create(t.Context(), crm())
			active := 0
			for _, w := range b.sim.Webhooks("ada") {
				if w.Status == StatusActive && w.ID != created.ID {
					active++
				}
			}
			if active != c.others || len(created.Removed) != b.requests(titanxsim.CallDelete) {
				t.Errorf("%s: %d of %d active ones are left, removed %v", name, active, c.others, created.Removed)
			}
			if c.uncertain {
				if uncertain := wantUncertain(t, err); uncertain != nil && len(uncertain.Candidates) != c.others {
					t.Errorf("%s: %v", name, err)
				}
			} else if err != nil || len(created.Removed) != 1 {
				t.Errorf("%s: %v, removed %v", name, err, created.Removed)
			}
		})
	}
}

// The second step sets the requested status unless the response to the first
// has it.
func TestCreate_twoSteps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  string
		dialect titanxsim.Dialect
		changes int
	}{
		{StatusActive, titanxsim.Dialect{}, 1},
		{StatusInactive, titanxsim.Dialect{}, 0},
		{StatusInactive, titanxsim.Dialect{InitialStatus: "ignored"}, 1},
		{StatusInactive, titanxsim.Dialect{InitialStatus: "ignored", StatusOut: "absent"}, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			status := c.status
			b := wired(t, titanxsim.Config{Dialect: c.dialect})
			req := crm()
			req.Status = status
			created := b.create(t, req)
			if created.Status != status || created.StatusErr != nil || b.sim.Webhooks("ada")[0].Status != status {
				t.Errorf("asked for %s: %+v", status, created.Webhook)
			}
			if got := string(b.sim.Requests(titanxsim.CallCreate)[0].Body); !strings.Contains(got, `"status":"inactive"`) {
				t.Errorf("sent %s", got)
			}
			if n := b.requests(titanxsim.CallSetStatus); n != c.changes {
				t.Errorf("asked for %s: %d changes of status, want %d", status, n, c.changes)
			}
		})
	}
}

// A refusal that mentions an events key for another reason must not switch that
// key off for the creates after it.
func TestCreate_eventKeyRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		for range 2 {
			b.sim.Inject(titanxsim.Fault{
				Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 400, Times: 1, Body: []byte(`{"error": "unknown key: events"}`),
			})
		}
		if _, err := b.Create(t.Context(), crm()); err == nil || len(b.bodies()) != 2 {
			t.Errorf("%v after %d creates", err, len(b.bodies()))
		}
		b.create(t, crm())
		if last := b.bodies()[2]; !strings.Contains(last, `"events"`) || !strings.Contains(last, `"eventTypes"`) {
			t.Errorf("a key is missing: %s", last)
		}
	})
}

func TestCreate_bothEventKeysRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{EventsIn: "events-400"}})
		b.create(t, crm())
		b.sim.SetDialect(titanxsim.Dialect{EventsIn: "eventTypes-400"})
		b.sim.ResetRequests()
		_, err := b.Create(t.Context(), crm())
		var refused *Error
		if !errors.As(err, &refused) || refused.StatusCode != 400 || !strings.Contains(err.Error(), "'events'") || len(b.bodies()) != 1 {
			t.Errorf("%v after %d creates", err, len(b.bodies()))
		}
	})
}

func TestCreate_onTheWire(t *testing.T) {
	t.Parallel()
	const both = `{"eventTypes":["job.completed","job.contact.scored"],"events":["job.completed","job.contact.scored"],`
	const events = `{"events":["job.completed","job.contact.scored"],`
	const eventTypes = `{"eventTypes":["job.completed","job.contact.scored"],`
	const rest = `"name":"crm","status":"inactive","url":"https://receiver.example/titanx"}`
	for dialect, want := range map[string][]string{
		"":                         {both + rest, both + rest},
		"events-in=events":         {both + rest, both + rest},
		"events-in=events-400":     {both + rest, events + rest, events + rest},
		"events-in=events-422":     {both + rest, events + rest, events + rest},
		"events-in=eventTypes-400": {both + rest, eventTypes + rest, eventTypes + rest},
		"events-in=eventTypes-422": {both + rest, eventTypes + rest, eventTypes + rest},
	} {
		synctest.Test(t, func(t *testing.T) {
			d, err := titanxsim.ParseDialect(dialect)
			if err != nil {
				t.Fatal(err)
			}
			b := wired(t, titanxsim.Config{Dialect: d})
			b.create(t, crm())
			b.create(t, crm())
			if diff := cmp.Diff(want, b.bodies()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", dialect, diff)
			}
		})
	}
}

func TestCreate_failedActivation(t *testing.T) {
	t.Parallel()
	for _, fault := range []titanxsim.Fault{
		{Kind: titanxsim.FaultStatus, Status: 500}, {Kind: titanxsim.FaultStatus, Status: 403}, {Kind: titanxsim.FaultReset},
		{Kind: titanxsim.FaultDelay, Delay: time.Hour}, {Kind: titanxsim.FaultStatus, Status: 404}, {Kind: titanxsim.FaultHTML},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			fault.Call = titanxsim.CallSetStatus
			b.sim.Inject(fault)
			created := b.create(t, crm())
			if created.StatusErr == nil || created.Status != StatusInactive || created.Secret == "" || !cmp.Equal(b.ids(), []string{created.ID}) {
				t.Errorf("%s %d: %+v, %v", fault.Kind, fault.Status, created.Webhook, created.StatusErr)
			}
		})
	}
}

// Another run that lost a response takes an inactive webhook for its orphan.
func TestCreate_deletedBeforeActivation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		taken := false
		b.Client = client(t, Config{APIKey: b.key, Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/active") && !taken {
				taken = true
				b.sim.Remove("ada", b.ids()[0])
			}
			b.sim.ServeHTTP(w, r)
		})}})
		created := b.create(t, crm())
		if created.StatusErr != nil || len(created.Uncertain) != 1 || !cmp.Equal(b.ids(), []string{created.ID}) || b.sim.Webhooks("ada")[0].Status != StatusActive {
			t.Errorf("%+v, left %v", created, b.ids())
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestCreate_unrelatedWebhooks(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*titanxsim.Webhook){
		"older":  func(w *titanxsim.Webhook) { w.CreatedAt = time.Now().Add(-time.Minute) },
		"name":   func(w *titanxsim.Webhook) { w.Name = "other" },
		"url":    func(w *titanxsim.Webhook) { w.URL = "https://receiver.example/TITANX" },
		"events": func(w *titanxsim.Webhook) { w.EventTypes = w.EventTypes[:1] },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			other := titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes, Status: StatusInactive}
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && other.ID == "" {
					edit(&other)
					other = b.sim.Put("ada", other)
				}
				b.sim.ServeHTTP(w, r)
			})}})
			b.sim.Inject(lostResponse(1))
			created := b.create(t, crm())
			if !cmp.Equal(b.ids(), []string{other.ID, created.ID}) || len(created.Removed) != 1 {
				t.Errorf("%s: left %v, removed %v", name, b.ids(), created.Removed)
			}
		})
	}
}

// A list that was asked for before a create was sent, and is answered after it
// took effect, must not make its orphan look old.
func TestCreate_orphanInListUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultDelay, Delay: time.Second, Times: 1})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Delay: 2 * time.Second, Times: 1})
		var list sync.WaitGroup
		list.Go(func() {
			if _, err := b.lookup(t.Context(), "w1", time.Now()); !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		})
		<-time.After(latency)
		created := b.create(t, crm())
		list.Wait()
		if len(created.Removed) != 1 || !cmp.Equal(b.ids(), []string{created.ID}) {
			t.Errorf("left %v, removed %v", b.ids(), created.Removed)
		}
	})
}

func TestCreate_canceled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		fault := lostResponse(1)
		fault.Delay = time.Second
		b.sim.Inject(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := b.Create(ctx, crm())
		var uncertain *UncertainError
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &uncertain) || len(b.ids()) != 0 || b.requests(titanxsim.CallCreate) != 1 {
			t.Errorf("%v, left %v", err, b.ids())
		}
		if !strings.Contains(err.Error(), "what it left was deleted") {
			t.Errorf("the error does not say what was deleted: %v", err)
		}
	})
}

// TestCreate_canceledWithoutOrphan deletes nothing, and does not say that it
// did.
func TestCreate_canceledWithoutOrphan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		fault := lostResponse(1)
		fault.Commit, fault.Delay = false, time.Second
		b.sim.Inject(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := b.Create(ctx, crm())
		if wantUncertain(t, err); strings.Contains(err.Error(), "was deleted") {
			t.Error(err)
		}
	})
}

// TestCreate_inactiveRoom: a create that needs no activation uses the
// last place of a window, and one that does waits for two.
func TestCreate_inactiveRoom(t *testing.T) {
	t.Parallel()
	for status, waits := range map[string]bool{StatusInactive: false, StatusActive: true} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := wired(t, titanxsim.Config{Limits: titanxsim.Limits{Minute: 2}})
				began := time.Now()
				req := crm()
				req.Status = status
				if _, err := b.Create(t.Context(), req); err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(began) > time.Second; waited != waits {
					t.Errorf("it waited: %t, want %t", waited, waits)
				}
			})
		})
	}
}

// Fifty creates of the same, ten at a time, of which every tenth response is
// lost: the orphans go, and no webhook of this run does.
func TestCreate_identicalSideBySide(t *testing.T) {
	t.Parallel()
	for lag := range 3 {
		b := connected(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: lag}})
		var posts, orphans atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/webhooks") && posts.Add(1)%10 == 0 {
				orphans.Add(1)
				b.sim.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			b.sim.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		b.Client = client(t, Config{APIKey: b.key, BaseURL: server.URL + titanxsim.BasePath})
		var mu sync.Mutex
		var secrets []string
		var creates sync.WaitGroup
		slots := make(chan struct{}, 10)
		for range 50 {
			creates.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				created, err := b.Create(t.Context(), crm())
				if err != nil { // three times the tenth: nothing is left of it, and the next run creates it
					created, err = b.Create(t.Context(), crm())
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("lag %d: %v", lag, err)
				}
				secrets = append(secrets, created.Secret)
			})
		}
		creates.Wait()
		var left []string
		for _, w := range b.sim.Webhooks("ada") {
			left = append(left, w.Secret)
		}
		slices.Sort(secrets)
		slices.Sort(left)
		if len(left) != 50 || len(slices.Compact(slices.Clone(secrets))) != 50 || !slices.Equal(left, secrets) {
			t.Errorf("lag %d: %d left, %d secrets", lag, len(left), len(secrets))
		}
		if n := b.requests(titanxsim.CallDelete); int64(n) != orphans.Load() || n < 5 {
			t.Errorf("lag %d: %d removed of %d orphans", lag, n, orphans.Load())
		}
	}
}

// The period in which an orphan was created begins when the request is sent,
// not before a wait for the rate limit.
func TestCreate_sentAfterWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{Limits: titanxsim.Limits{Second: 5, Minute: 1, Day: 100}})
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultDelay, Delay: time.Hour, Times: 1})
		asked := time.Now()
		_, err := b.Create(t.Context(), crm())
		if uncertain := wantUncertain(t, err); uncertain != nil && uncertain.Creates[0].Sent.Before(asked.Add(50*time.Second)) {
			t.Errorf("asked at %v, waited for the minute, and %+v", asked, uncertain.Creates[0])
		}
	})
}

// A create that waits for another one to be settled obeys its context.
func TestCreate_canceledWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{}, func(cfg *Config) { cfg.SettleWait = time.Minute })
		b.sim.Inject(lostResponse(1))
		var first sync.WaitGroup
		first.Go(func() {
			if _, err := b.Create(t.Context(), crm()); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(time.Second) // it is being settled
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if _, err := b.Create(ctx, crm()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		first.Wait()
	})
}

// Without a Date header, and with a clock that is off, the orphan cannot be
// proven, but the user learns of it.
func TestCreate_withoutClock(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, -time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Now: func() time.Time { return time.Now().Add(skew) }})
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				out := httptest.NewRecorder()
				b.sim.ServeHTTP(out, r)
				out.Header().Del("Date")
				maps.Copy(w.Header(), out.Header())
				w.WriteHeader(out.Code)
				w.Write(out.Body.Bytes())
			})}})
			b.sim.Inject(lostResponse(1))
			_, err := b.Create(t.Context(), crm())
			if uncertain := wantUncertain(t, err); uncertain != nil && (len(uncertain.Candidates) != 1 || !cmp.Equal(b.ids(), []string{uncertain.Candidates[0].ID})) {
				t.Errorf("%v off: %v, left %v", skew, err, b.ids())
			}
		})
	}
}

// If a create is refused under either name of the events, the first refusal is
// shown.
func TestCreate_refusedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		for _, body := range []string{`{"message": ["property events should not exist"]}`, `{"message": "no more webhooks"}`} {
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 400, Body: []byte(body), Times: 1})
		}
		_, err := b.Create(t.Context(), crm())
		if err == nil || !strings.Contains(err.Error(), "property events should not exist") || !strings.Contains(err.Error(), "no more webhooks") || len(b.bodies()) != 2 {
			t.Errorf("%v after %d creates", err, len(b.bodies()))
		}
	})
}

// A status route and a list that are behind look as if the webhook were gone.
// What is created again meanwhile is remembered, and nothing is called settled.
func TestCreate_activationLag(t *testing.T) {
	t.Parallel()
	for _, times := range []int{1, 0} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: 50}})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultStatus, Status: 404, Times: times})
			created, err := b.Create(t.Context(), crm())
			if times == 1 {
				if err != nil || len(created.Uncertain) != 1 {
					t.Errorf("%v, uncertain %v", err, created.Uncertain)
				}
				return
			}
			if uncertain := wantUncertain(t, err); uncertain != nil && len(uncertain.Creates) != len(b.ids()) {
				t.Errorf("%d webhooks are left, and %d creates are remembered", len(b.ids()), len(uncertain.Creates))
			}
		})
	}
}

// A status of TitanX's own is shown, shortened and without a secret.
func TestCreate_cleanedStatus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodGet:
				w.Write([]byte("[]"))
			case strings.HasSuffix(r.URL.Path, "/active"):
				w.Write([]byte(`{"id": "w1", "status": "CANARY-secret \u001b[31m` + strings.Repeat("x", 5000) + `"}`))
			default:
				w.Write([]byte(`{"id": "w1", "status": "inactive", "secret": "CANARY-secret"}`))
			}
		})}})
		created, err := c.Create(t.Context(), crm())
		if err != nil || created.StatusErr == nil || len(created.StatusErr.Error()) > 2*maxMessage || strings.Contains(created.StatusErr.Error(), "CANARY") {
			t.Errorf("%v, %v", err, created.StatusErr)
		}
	})
}
