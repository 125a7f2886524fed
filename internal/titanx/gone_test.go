// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestFindRecent looks for a webhook of another process. Ages are TitanX's.
func TestFindRecent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dialect titanxsim.Dialect
		skew    time.Duration // of TitanX's clock
		age     time.Duration
		deleted bool
		want    error         // nil is found
		takes   time.Duration // at most
		least   time.Duration
		lists   int // at most
	}{
		"listed":                             {titanxsim.Dialect{}, 0, 0, false, nil, 0, 0, 1},
		"a list that lags":                   {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"a list that lags, 405":              {titanxsim.Dialect{Get: "absent-405", ListDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"a list that lags, get-one has it":   {titanxsim.Dialect{ListDelay: 10}, 0, 0, false, nil, 0, 0, 1},
		"both lag":                           {titanxsim.Dialect{ListDelay: 10, GetDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"TitanX a year ahead":                {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, 365 * 24 * time.Hour, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"TitanX a year behind":               {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, -365 * 24 * time.Hour, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"deleted, get-one knows":             {titanxsim.Dialect{}, 0, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, without get-one":           {titanxsim.Dialect{Get: "absent-html"}, 0, 0, true, &NotListedError{}, 62 * time.Second, 58 * time.Second, 20},
		"deleted, TitanX a year ahead":       {titanxsim.Dialect{}, 365 * 24 * time.Hour, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, TitanX a year behind":      {titanxsim.Dialect{}, -365 * 24 * time.Hour, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, half the lag ago":          {titanxsim.Dialect{}, 0, 30 * time.Second, true, ErrNotFound, 32 * time.Second, 28 * time.Second, 18},
		"deleted, older than the lag":        {titanxsim.Dialect{}, 0, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
		"deleted, older, without get-one":    {titanxsim.Dialect{Get: "absent-html"}, 0, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
		"deleted, older, TitanX a year back": {titanxsim.Dialect{}, -365 * 24 * time.Hour, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := func() time.Time { return time.Now().Add(tc.skew) }
				b := wired(t, titanxsim.Config{Dialect: tc.dialect, Now: clock})
				w := b.sim.Put("ada", titanxsim.Webhook{Name: "crm", URL: "https://receiver.example", EventTypes: EventTypes(), CreatedAt: clock().Add(-tc.age)})
				if tc.deleted {
					b.sim.Remove("ada", w.ID)
				}
				began := time.Now()
				found, err := b.FindRecent(t.Context(), w.ID, w.CreatedAt)
				took := time.Since(began)
				var unlisted *NotListedError
				switch {
				case tc.want == nil && (err != nil || found.ID != w.ID):
					t.Errorf("%+v, %v", found, err)
				case errors.Is(tc.want, ErrNotFound) && !errors.Is(err, ErrNotFound):
					t.Errorf("want ErrNotFound: %v", err)
				case tc.want != nil && !errors.Is(tc.want, ErrNotFound) && (!errors.As(err, &unlisted) || !unlisted.Until.Equal(w.CreatedAt.Add(listLag))):
					t.Errorf("want a NotListedError: %v", err)
				}
				if slack := 2 * time.Second; took > tc.takes+slack || took < tc.least {
					t.Errorf("took %s", took)
				}
				if n := len(b.sim.Requests(titanxsim.CallList)); n > tc.lists {
					t.Errorf("%d lists", n)
				}
			})
		})
	}
}

// TestFindRecent_clockMoves moves TitanX's clock while the client looks: it
// uses that clock, and waits no longer.
func TestFindRecent_clockMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		b := wired(t, titanxsim.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		w := b.sim.Put("ada", titanxsim.Webhook{Name: "crm", URL: "https://receiver.example", EventTypes: EventTypes()})
		b.sim.Remove("ada", w.ID)
		time.AfterFunc(5*time.Second, func() { ahead.Store(int64(time.Hour)) })
		began := time.Now()
		if _, err := b.FindRecent(t.Context(), w.ID, w.CreatedAt); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

func TestClient_Find_lackedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &inventory{listAll: func(context.Context) ([]Webhook, error) { return []Webhook{{ID: "w1"}}, nil }}
		first := time.Now()
		for n := range 2 {
			if i.lackedTwice("w2") {
				t.Errorf("after %d lists", n)
			}
			if err := i.read(t.Context(), time.Now(), func(map[string]entry) {}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if !i.lackedTwice("w2") || i.lackedTwice("w1") {
			t.Error("two lists are no evidence, or the wrong one")
		}
		time.Sleep(time.Until(first.Add(inventoryAge)))
		if i.lackedTwice("w2") {
			t.Error("a list that is too old is evidence")
		}
	})
}

func TestClient_Find_confirm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dialect string
		gets    int // that a second miss takes: none where get-one is known to be absent
	}{
		{"", 1}, {"absent-id=410", 1}, {"get=absent-json", 1}, {"get=absent-html", 0}, {"get=absent-405", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			dialect, err := titanxsim.ParseDialect(c.dialect)
			if err != nil {
				t.Fatal(err)
			}
			b := wired(t, titanxsim.Config{Dialect: dialect})
			find := func(id string, exists bool, lists, gets int) {
				t.Helper()
				b.sim.ResetRequests()
				w, err := b.Find(t.Context(), id)
				if exists != (err == nil && w.ID == id) || !exists && !errors.Is(err, ErrNotFound) {
					t.Errorf("%s: %+v, %v", c.dialect, w, err)
				}
				if l, g := b.requests(titanxsim.CallList), b.requests(titanxsim.CallGet); l != lists || g != gets {
					t.Errorf("%s: %d lists, %d gets; want %d, %d", c.dialect, l, g, lists, gets)
				}
			}
			find("gone", false, 2, 1)
			find("gone too", false, 0, c.gets)
			<-time.After(inventoryAge)
			find("gone", false, 2, c.gets)
			<-time.After(inventoryAge)
			find(b.sim.Put("ada", titanxsim.Webhook{Name: "new"}).ID, true, 1, 0)
		})
	}
}

// A list that is behind, or lost a page, is not evidence: the next one has the
// webhook.
func TestClient_Find_oneList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lists int
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch lists++; {
			case r.URL.Path != titanxsim.BasePath+"/webhooks":
				w.WriteHeader(http.StatusMethodNotAllowed)
			case lists == 1:
				fmt.Fprint(w, `[]`)
			default:
				fmt.Fprint(w, `[{"id": "w1"}]`)
			}
		})}})
		if w, err := c.Find(t.Context(), "w1"); err != nil || w.ID != "w1" {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

// A refusal of the list itself says nothing about a webhook.
func TestClient_Find_refusedList(t *testing.T) {
	t.Parallel()
	for _, status := range []int{404, 410} {
		for _, body := range []string{"", "404 page not found", `{"error": "not found"}`, "<html>"} {
			for _, get := range []string{"exists", "absent-html", "absent-json"} {
				synctest.Test(t, func(t *testing.T) {
					b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{Get: get}})
					b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: status, Body: []byte(body)})
					_, err := b.Find(t.Context(), "w1")
					_, allErr := b.All(t.Context())
					deleteErr := b.Delete(t.Context(), "w1")
					for _, err := range []error{err, allErr, deleteErr} {
						if err == nil || errors.Is(err, ErrNotFound) {
							t.Errorf("%d %q, get-one %s: %v", status, body, get, err)
						}
					}
				})
			}
		}
	}
}

func TestClient_Find_refused(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallList, titanxsim.CallGet} {
		for _, fault := range []titanxsim.Fault{
			{Kind: titanxsim.FaultStatus, Status: 401}, {Kind: titanxsim.FaultStatus, Status: 403},
			{Kind: titanxsim.FaultStatus, Status: 500}, {Kind: titanxsim.FaultStatus, Status: 503},
			{Kind: titanxsim.FaultHTML}, {Kind: titanxsim.FaultEmpty}, {Kind: titanxsim.FaultOtherShape},
			{Kind: titanxsim.FaultTruncated}, {Kind: titanxsim.FaultReset}, {Kind: titanxsim.FaultCut}, {Kind: titanxsim.FaultRedirect},
		} {
			synctest.Test(t, func(t *testing.T) {
				b := wired(t, titanxsim.Config{})
				fault.Call = call
				b.sim.Inject(fault)
				w, err := b.Find(t.Context(), "w1")
				if err == nil || errors.Is(err, ErrNotFound) {
					t.Errorf("%s %s %d: %+v, %v", call, fault.Kind, fault.Status, w, err)
				}
			})
		}
	}
}

func TestClient_Find_webPage(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]http.HandlerFunc{
		"html": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, "<!doctype html>not here")
		},
		"json as html": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error": "not here"}`)
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == titanxsim.BasePath+"/webhooks" {
					fmt.Fprint(w, `[]`)
					return
				}
				page(w, r)
			})}})
			if _, err := c.Get(t.Context(), "w1"); !errors.Is(err, ErrNoRoute) || errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := c.Find(t.Context(), "w1"); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: the list is evidence enough: %v", name, err)
			}
		})
	}
}

// A webhook that a list keeps as a record of its deletion is gone.
func TestClient_Find_deletedButListed(t *testing.T) {
	t.Parallel()
	for _, dialect := range []titanxsim.Dialect{
		{Deleted: "status"}, {Deleted: "timestamp"}, {Deleted: "status", Paging: "cursor", PageSize: 1},
		{Deleted: "timestamp", Get: "absent-html"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: dialect})
			var ids []string
			for range 3 {
				ids = append(ids, b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID)
			}
			b.sim.Remove("ada", ids[0])
			b.sim.Remove("ada", ids[1])
			if w, err := b.Find(t.Context(), ids[0]); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: find: %+v, %v", dialect, w, err)
			}
			if err := b.Delete(t.Context(), ids[1]); err != nil {
				t.Errorf("%s: delete: %v", dialect, err)
			}
			if all, err := b.listAll(t.Context()); err != nil || len(all) != 1 || all[0].ID != ids[2] {
				t.Errorf("%s: list: %+v, %v", dialect, all, err)
			}
		})
	}
}
