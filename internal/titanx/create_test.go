// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
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

// lost is a create that takes effect and loses its answer.
func lost(times int) titanxsim.Fault {
	return titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: times}
}

func (b *bench) ids() []string {
	var ids []string
	for _, w := range b.sim.Webhooks("ada") {
		ids = append(ids, w.ID)
	}
	return ids
}

func TestCreateSettlesAnUnclearOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		fault   titanxsim.Fault
		lag     int
		creates int
		removed int
	}{
		{"answer lost", lost(1), 0, 2, 1},
		{"answer lost twice", lost(2), 0, 3, 2},
		{"answer lost, list one behind", lost(1), 1, 2, 1},
		{"answer lost, list two behind", lost(1), 2, 2, 1},
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
		{"lost before it", titanxsim.Fault{Kind: titanxsim.FaultReset, Times: 1}, 0, 2, 0},
		{"500 before it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Times: 1}, 0, 2, 0},
		{"503 before it", titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 503, Times: 1}, 0, 2, 0},
		{"page before it", titanxsim.Fault{Kind: titanxsim.FaultHTML, Times: 1}, 0, 2, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: c.lag}})
			stranger := b.sim.Put("ada", titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes})
			c.fault.Call = titanxsim.CallCreate
			b.sim.Inject(c.fault)
			created, err := b.Create(t.Context(), crm())
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				return
			}
			left := b.sim.Webhooks("ada")
			if len(left) != 2 || left[0].ID != stranger.ID || left[1].ID != created.ID || left[1].Secret != created.Secret {
				t.Errorf("%s: %d left, want the one that was there and the new one", c.name, len(left))
			}
			if n := b.requests(titanxsim.CallCreate); n != c.creates || len(created.Removed) != c.removed || b.requests(titanxsim.CallDelete) != c.removed {
				t.Errorf("%s: %d creates, removed %v; want %d and %d", c.name, n, created.Removed, c.creates, c.removed)
			}
			if slices.Contains(created.Removed, stranger.ID) || slices.Contains(created.Removed, created.ID) {
				t.Errorf("%s: removed %v", c.name, created.Removed)
			}
		})
	}
}

func TestCreateThatWasRefusedCreatedNothing(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 307, 400, 401, 403, 404, 405, 409, 413, 422, 501} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: status})
			_, err := b.Create(t.Context(), crm())
			var unclear *UncertainError
			var refused *Error
			if errors.As(err, &unclear) || !errors.As(err, &refused) || refused.StatusCode != status || b.requests() != 2 {
				t.Errorf("%d: %v after %d requests", status, err, b.requests())
			}
		})
	}
}

func TestCreateRefusedInsideA200IsRefusedOnce(t *testing.T) {
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

// TestSettleTakesNoOtherOrphanForALateOne has two identical creates without an outcome, of which one may still take effect.
func TestSettleTakesNoOtherOrphanForALateOne(t *testing.T) {
	t.Parallel()
	for _, orphans := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			if _, err := b.All(t.Context()); err != nil {
				t.Fatal(err)
			}
			group := b.creates.of(crm())
			group.unclear = 2
			began := moment{time.Now(), time.Now()}
			time.Sleep(time.Second)
			for range orphans {
				b.sim.Put("ada", titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes})
			}
			_, err := b.settle(t.Context(), group, crm(), began, errNoAnswerInTime)
			if (err != nil) != (orphans == 1) || len(b.ids()) != 0 {
				t.Errorf("%d of two appeared: %v, left %v", orphans, err, b.ids())
			}
			if orphans == 1 {
				uncertain(t, err)
			}
		})
	}
}

func TestCreateGivesUpAfterThreeUnclearOutcomes(t *testing.T) {
	t.Parallel()
	for _, commit := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			fault := lost(0)
			fault.Commit = commit
			b.sim.Inject(fault)
			_, err := b.Create(t.Context(), crm())
			var unclear *UncertainError
			if err == nil || errors.As(err, &unclear) {
				t.Errorf("%v: nothing is left, so nothing is uncertain", err)
			}
			if n := b.requests(titanxsim.CallCreate); n != maxUnclear || len(b.ids()) != 0 {
				t.Errorf("%d creates, left %v", n, b.ids())
			}
		})
	}
}

func TestCreateThatMayStillTakeEffectIsUncertain(t *testing.T) {
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
			unclear := uncertain(t, err)
			if unclear == nil {
				return
			}
			if len(unclear.Candidates) != 0 || b.requests(titanxsim.CallCreate) != 1 {
				t.Errorf("%s: candidates %v, %d creates", name, unclear.Candidates, b.requests(titanxsim.CallCreate))
			}
			if unclear.Began.After(sent.Add(latency)) || unclear.Began.Before(sent.Add(-time.Second)) || unclear.Ended.Before(time.Now()) {
				t.Errorf("%s: sent at %v, but began %v, ended %v", name, sent, unclear.Began, unclear.Ended)
			}
			// An identical one would make it harder to tell what appears late.
			b.sim.ResetRequests()
			if _, err := b.Create(t.Context(), crm()); !errors.Is(err, ErrSiblingUnsettled) || b.requests() != 0 {
				t.Errorf("%s: an identical one: %v, %d requests", name, err, b.requests())
			}
			other := crm()
			other.Name = "other"
			b.create(t, other)
		})
	}
}

// uncertain is the error as it must be after a create that was not settled.
func uncertain(t *testing.T, err error) *UncertainError {
	t.Helper()
	var unclear *UncertainError
	if !errors.As(err, &unclear) {
		t.Errorf("%v; want an UncertainError", err)
		return nil
	}
	for _, w := range unclear.Candidates {
		if !strings.Contains(err.Error(), w.ID) {
			t.Errorf("%v does not name %s", err, w.ID)
		}
	}
	return unclear
}

func TestCreateWithoutAListIsUncertain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 500} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(lost(1))
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: status, After: 1})
			_, err := b.Create(t.Context(), crm())
			if unclear := uncertain(t, err); unclear != nil && (len(unclear.Candidates) != 0 || !errors.Is(err, errCut) || len(b.ids()) != 1) {
				t.Errorf("%v, candidates %v, left %v", err, unclear.Candidates, b.ids())
			}
		})
	}
}

func TestCreateNeedsAListFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 403})
		if _, err := b.Create(t.Context(), crm()); !errors.Is(err, ErrForbidden) || b.requests(titanxsim.CallCreate) != 0 {
			t.Errorf("%v, %d creates", err, b.requests(titanxsim.CallCreate))
		}
	})
}

func TestCreateWhoseOrphanCannotBeDeletedIsUncertain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(lost(1))
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 500})
		_, err := b.Create(t.Context(), crm())
		unclear := uncertain(t, err)
		if unclear == nil || len(unclear.Candidates) != 1 || !cmp.Equal(b.ids(), []string{unclear.Candidates[0].ID}) || b.requests(titanxsim.CallCreate) != 1 {
			t.Errorf("%v, left %v", err, b.ids())
		}
	})
}

// stranger makes webhooks like crm's behind the client's back while a create is under way.
func stranger(b *bench, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			for range n {
				b.sim.Put("ada", titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes})
			}
		}
		b.sim.ServeHTTP(w, r)
	})
}

func TestCreateDeletesNoneOfSeveral(t *testing.T) {
	t.Parallel()
	for n, fault := range map[int]titanxsim.Fault{1: lost(1), 2: {Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Times: 1}} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{stranger(b, n)}})
			b.sim.Inject(fault)
			_, err := b.Create(t.Context(), crm())
			unclear := uncertain(t, err)
			if unclear == nil || len(unclear.Candidates) != 2 || len(b.ids()) != 2 || b.requests(titanxsim.CallDelete) != 0 {
				t.Errorf("%v, left %v", err, b.ids())
			}
		})
	}
}

func TestCreateTakesNothingOlderOrOtherForItsOrphan(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*titanxsim.Webhook){
		"older":  func(w *titanxsim.Webhook) { w.CreatedAt = time.Now().Add(-time.Minute) },
		"name":   func(w *titanxsim.Webhook) { w.Name = "other" },
		"url":    func(w *titanxsim.Webhook) { w.URL = "https://receiver.example/TITANX" },
		"events": func(w *titanxsim.Webhook) { w.EventTypes = w.EventTypes[:1] },
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			other := titanxsim.Webhook{Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes}
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost && other.ID == "" {
					edit(&other)
					other = b.sim.Put("ada", other)
				}
				b.sim.ServeHTTP(w, r)
			})}})
			b.sim.Inject(lost(1))
			created := b.create(t, crm())
			if !cmp.Equal(b.ids(), []string{other.ID, created.ID}) || len(created.Removed) != 1 {
				t.Errorf("%s: left %v, removed %v", name, b.ids(), created.Removed)
			}
		})
	}
}

// A list that was asked for before a create was sent, and is answered after it took effect, must not make its orphan look old.
func TestCreateKnowsAnOrphanThatAListUnderWaySaw(t *testing.T) {
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

func TestCancelledCreateLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		fault := lost(1)
		fault.Delay = time.Second
		b.sim.Inject(fault)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		_, err := b.Create(ctx, crm())
		var unclear *UncertainError
		if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &unclear) || len(b.ids()) != 0 || b.requests(titanxsim.CallCreate) != 1 {
			t.Errorf("%v, left %v", err, b.ids())
		}
	})
}

// Fifty creates of the same, ten at a time, of which every tenth answer is lost: the orphans go, and no sibling does. On the real
// clock: one that waits for a mutex, as a create does for the settling of its like, stops that of a bubble.
func TestIdenticalCreatesSideBySide(t *testing.T) {
	t.Parallel()
	for lag := range 3 {
		b := connected(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: lag}})
		var posts, orphans atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && posts.Add(1)%10 == 0 {
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

func TestDeleteOrphan(t *testing.T) {
	t.Parallel()
	type webhook = titanxsim.Webhook
	for _, c := range []struct {
		name      string
		found     []webhook // with CreatedAt as it is after the create began
		siblings  []string
		removed   string
		late      string
		uncertain bool
	}{
		{name: "nothing"},
		{name: "one", found: []webhook{{ID: "w1"}}, removed: "w1"},
		{name: "one, made as it began", found: []webhook{{ID: "w1", CreatedAt: ago(clockSlack)}}, removed: "w1"},
		{name: "older", found: []webhook{{ID: "w1", CreatedAt: ago(clockSlack + time.Second)}}},
		{name: "another name", found: []webhook{{ID: "w1", Name: "other"}}},
		{name: "another url", found: []webhook{{ID: "w1", URL: "https://other.example/"}}},
		{name: "other events", found: []webhook{{ID: "w1", EventTypes: []string{"job.completed"}}}},
		{name: "a sibling", found: []webhook{{ID: "w1"}, {ID: "w2"}}, siblings: []string{"w2"}, removed: "w1"},
		{name: "only siblings", found: []webhook{{ID: "w1"}, {ID: "w2"}}, siblings: []string{"w1", "w2"}},
		{name: "two", found: []webhook{{ID: "w1"}, {ID: "w2"}}, uncertain: true},
		{name: "late", found: []webhook{{ID: "w1", CreatedAt: ago(-time.Minute)}}, late: "w1"},
		{name: "much later", found: []webhook{{ID: "w1", CreatedAt: ago(-time.Hour)}}},
		{name: "one and a late one", found: []webhook{{ID: "w1"}, {ID: "w2", CreatedAt: ago(-time.Minute)}}, removed: "w1", late: "w2"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			began := time.Now().UTC()
			for _, w := range c.found {
				w.Name, w.URL = or(w.Name, crm().Name), or(w.URL, crm().URL)
				if w.EventTypes == nil {
					w.EventTypes = crm().EventTypes
				}
				if offset := w.CreatedAt; offset.IsZero() {
					w.CreatedAt = began
				} else {
					w.CreatedAt = began.Add(offset.Sub(time.Unix(0, 0)))
				}
				b.sim.Put("ada", w)
			}
			unclear := UncertainError{Began: began, Ended: began.Add(10 * time.Second), Siblings: c.siblings}
			removed, late, err := b.DeleteOrphan(t.Context(), crm(), unclear)
			several := (*UncertainError)(nil)
			if errors.As(err, &several) != c.uncertain || !c.uncertain && err != nil || removed != c.removed {
				t.Errorf("%s: removed %q, %v", c.name, removed, err)
			}
			if several != nil && len(several.Candidates) != len(c.found) {
				t.Errorf("%s: candidates %v", c.name, several.Candidates)
			}
			lateIDs := ""
			for _, w := range late {
				lateIDs += w.ID
			}
			if lateIDs != c.late {
				t.Errorf("%s: late %s", c.name, lateIDs)
			}
			gone := 0
			if c.removed != "" {
				gone = 1
			}
			if len(b.ids()) != len(c.found)-gone || slices.Contains(b.ids(), c.removed) {
				t.Errorf("%s: left %v", c.name, b.ids())
			}
		})
	}
}

// ago is an offset from the beginning of a create, in the form of a time.
func ago(d time.Duration) time.Time { return time.Unix(0, 0).Add(-d) }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestDeleteOrphanWithoutATimeStampDeletesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deleted := false
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			deleted = deleted || r.Method == http.MethodDelete
			fmt.Fprint(w, `[{"id": "w1"}]`)
		})}})
		_, _, err := c.DeleteOrphan(t.Context(), crm(), UncertainError{Began: time.Now(), Ended: time.Now()})
		if unclear := uncertain(t, err); unclear == nil || len(unclear.Candidates) != 1 || deleted {
			t.Errorf("%v, deleted %t", err, deleted)
		}
	})
}

func TestDeleteOrphanWithoutAListDeletesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 401})
		removed, _, err := b.DeleteOrphan(t.Context(), crm(), UncertainError{Began: time.Now(), Ended: time.Now()})
		if removed != "" || !errors.Is(err, ErrUnauthorized) || b.requests(titanxsim.CallDelete) != 0 {
			t.Errorf("%q, %v", removed, err)
		}
	})
}

// What this run has made since is no orphan of an earlier one.
func TestDeleteOrphanSparesWhatThisRunMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		began := time.Now()
		made := b.create(t, crm())
		removed, late, err := b.DeleteOrphan(t.Context(), crm(), UncertainError{Began: began, Ended: began.Add(time.Minute)})
		if removed != "" || len(late) != 0 || err != nil || !cmp.Equal(b.ids(), []string{made.ID}) {
			t.Errorf("removed %q, late %v, %v", removed, late, err)
		}
	})
}

func TestSameURL(t *testing.T) {
	t.Parallel()
	const address = "https://hooks.example.com/titanx?a=1"
	for _, same := range []string{
		address, "HTTPS://hooks.example.com/titanx?a=1", "https://HOOKS.Example.com/titanx?a=1",
		"https://hooks.example.com:443/titanx?a=1", "https://hooks.example.com:/titanx?a=1",
	} {
		if !SameURL(address, same) || !SameURL(same, address) {
			t.Errorf("%s is another address", same)
		}
	}
	for _, other := range []string{
		"", "https://hooks.example.com/TITANX?a=1", "https://hooks.example.com/titanx?a=2", "https://hooks.example.com/titanx/?a=1",
		"https://hooks.example.com:8443/titanx?a=1", "https://hooks.example.org/titanx?a=1", "http://hooks.example.com/titanx?a=1",
		"https://hooks.example.com:80/titanx?a=1", "https://hooks.example.com:443", "https://[::1", "hooks.example.com/titanx?a=1",
	} {
		if SameURL(address, other) || SameURL(other, address) {
			t.Errorf("%s is the same address", other)
		}
	}
	for a, b := range map[string]string{
		"https://hooks.example.com":         "https://hooks.example.com/",
		"https://hooks.example.com?a=1":     "https://hooks.example.com/?a=1",
		"https://[2001:DB8::1]:443/x":       "https://[2001:db8::1]/x",
		"https://b\u00fccher.example/":      "https://B\u00dcCHER.example",
		"not a url, but the same not a url": "not a url, but the same not a url",
	} {
		if !SameURL(a, b) {
			t.Errorf("%s and %s are different addresses", a, b)
		}
	}
}

// The canonical form of an address is an address, has itself as canonical form, and decides equality both ways.
func FuzzSameURL(f *testing.F) {
	for _, text := range []string{
		"https://your-app.com/webhooks/titanx", "HTTPS://YOUR-APP.com:443", "https://a.example:/?q#f", "https://[2001:DB8::1]:443/x",
		"https://b\u00fccher.example/%C3%BC", "https://user:CANARY@a.example/", "https://:443", "", "//a", "https://%41.example",
		"https://a.example:443:443", "//::", "mailto:a@b", "https://a.example/%2e%2e/x",
	} {
		f.Add(text, "https://your-app.com/webhooks/titanx")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		canonical := canonicalURL(a)
		if again := canonicalURL(canonical); again != canonical {
			t.Errorf("canonicalURL(%q) = %q, and of that %q", a, canonical, again)
		}
		if !SameURL(a, a) || !SameURL(a, canonical) || !SameURL(canonical, a) {
			t.Errorf("%q is another address than itself", a)
		}
		if SameURL(a, b) != SameURL(b, a) || SameURL(a, b) != SameURL(canonical, canonicalURL(b)) {
			t.Errorf("SameURL(%q, %q) depends on the order or spelling", a, b)
		}
	})
}
