// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// A webhook's whole life in every dialect, with three of its like so that lists
// have pages.
func TestClient_everyDialect(t *testing.T) {
	t.Parallel()
	for _, dialect := range append(titanxsim.Variations(), titanxsim.Dialect{}) {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { live(t, dialect) })
		})
	}
}

func live(t *testing.T, dialect titanxsim.Dialect) {
	t.Helper()
	b := wired(t, titanxsim.Config{Dialect: dialect, Limits: titanxsim.Limits{Second: 3, Minute: 100, Day: 10_000}})
	var made []Created
	for n := range 3 {
		req := crm()
		req.Name, req.URL = fmt.Sprintf("crm %d", n), fmt.Sprintf("%s/%d", req.URL, n)
		created := b.create(t, req)
		held := b.sim.Webhooks("ada")[n]
		want := Created{Webhook: Webhook{
			ID: held.ID, Name: held.Name, URL: held.URL, EventTypes: EventTypes(), Status: held.Status, CreatedAt: held.CreatedAt, UpdatedAt: held.UpdatedAt,
		}, Secret: held.Secret}
		if dialect.CreateSecret != "" {
			want.Secret = ""
		}
		if dialect.UpdatedAt == "absent" {
			want.UpdatedAt = time.Time{}
		}
		if dialect.CreatedAtOut == "absent" {
			want.CreatedAt = time.Time{}
		}
		if dialect.StatusAnswer != "" { // the second step returns no times
			want.UpdatedAt = created.UpdatedAt
		}
		disobeyed := created.StatusErr != nil
		if disobeyed != (dialect.StatusSet == "failed" || dialect.StatusSet == "pending_verification") {
			t.Errorf("status: %v", created.StatusErr)
		}
		if dialect.StatusSet == "ignored" { // it answers what it was told
			want.Status, want.UpdatedAt = StatusActive, created.UpdatedAt
		}
		if returned := created.Answered; returned.ID != held.ID || returned.Name != held.Name && (returned.Name != "" || dialect.NameOut == "") || returned.URL != held.URL {
			t.Errorf("answered: %+v", returned)
		}
		created.Answered, created.StatusErr = Webhook{}, nil
		if diff := cmp.Diff(want, created); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
		made = append(made, created)
	}
	<-time.After(inventoryAge)
	all, err := b.listAll(t.Context())
	if err != nil || len(all) != 3 && dialect.ListLag == 0 {
		t.Errorf("list: %d webhooks, %v", len(all), err)
	}
	for _, created := range made {
		want := created.Webhook
		want.UpdatedAt, want.Status = b.sim.Webhooks("ada")[0].UpdatedAt, b.sim.Webhooks("ada")[0].Status
		if dialect.UpdatedAt == "absent" {
			want.UpdatedAt = time.Time{}
		}
		if dialect.NameOut == "absent" {
			want.Name = "" // not returned
		}
		if dialect.StatusOut == "absent" {
			want.Status = ""
		}
		found, err := b.Find(t.Context(), want.ID)
		if dialect.ListForm == "masked" && found.URL == "https://receiver.example/***" {
			found.URL = want.URL
		}
		if diff := cmp.Diff(want, found); err != nil || diff != "" {
			t.Errorf("find: %v (-want +got):\n%s", err, diff)
		}
		got, err := b.Get(t.Context(), want.ID)
		switch dialect.Get {
		case "absent-html", "absent-405":
			if !errors.Is(err, ErrNoRoute) {
				t.Errorf("get: %+v, %v", got, err)
			}
		case "absent-json":
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("get: %+v, %v", got, err)
			}
		default:
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("get: %v (-want +got):\n%s", err, diff)
			}
		}
		changed, err := b.SetStatus(t.Context(), want.ID, StatusInactive)
		if err != nil || changed.ID != want.ID || changed.Status != StatusInactive && dialect.StatusSet == "" {
			t.Errorf("set status: %+v, %v", changed, err)
		}
		if found, err := b.Find(t.Context(), want.ID); err != nil || found.Status != StatusInactive && dialect.StatusOut == "" && dialect.StatusSet == "" || found.URL != want.URL && dialect.ListForm == "" {
			t.Errorf("find: %+v, %v", found, err)
		}
		if err := b.Delete(t.Context(), want.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
		if err := b.Delete(t.Context(), want.ID); err != nil {
			t.Errorf("delete again: %v", err)
		}
		if found, err := b.Find(t.Context(), want.ID); !errors.Is(err, ErrNotFound) && dialect.ErrorBody != "html" {
			t.Errorf("deleted, but %+v, %v", found, err)
		}
	}
	if left := b.sim.Webhooks("ada"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, r := range b.sim.Requests() {
		if r.Status == http.StatusTooManyRequests {
			t.Errorf("%s %s was refused for the rate", r.Method, r.Path)
		}
	}
}

func (b *bench) bodies() []string {
	var bodies []string
	for _, r := range b.sim.Requests(titanxsim.CallCreate) {
		bodies = append(bodies, string(r.Body))
	}
	return bodies
}

func TestSetStatus_onTheWire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
		if _, err := b.SetStatus(t.Context(), id, StatusInactive); err != nil {
			t.Fatal(err)
		}
		r := b.sim.Requests()[0]
		if r.Method != http.MethodPost || r.Path != titanxsim.BasePath+"/webhooks/"+id+"/inactive" || len(r.Body) != 0 {
			t.Errorf("%s %s %s", r.Method, r.Path, r.Body)
		}
		if _, err := b.SetStatus(t.Context(), "gone", StatusInactive); !errors.Is(err, ErrNotFound) {
			t.Errorf("a webhook that is gone: %v", err)
		}
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultStatus, Status: 404})
		if _, err := b.SetStatus(t.Context(), id, StatusInactive); errors.Is(err, ErrNotFound) || !errors.Is(err, ErrListed) {
			t.Errorf("a webhook that is listed: %v", err)
		}
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 403})
		if _, err := b.SetStatus(t.Context(), id, StatusInactive); errors.Is(err, ErrNotFound) || !errors.Is(err, ErrForbidden) {
			t.Errorf("without a list: %v", err)
		}
	})
}

func TestGet_anotherWebhook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data": {"id": "w2", "name": "other"}}`)
		})}})
		if w, err := c.Get(t.Context(), "w1"); !errors.Is(err, ErrUnreadable) {
			t.Errorf("get: %+v, %v", w, err)
		}
		if w, err := c.SetStatus(t.Context(), "w1", StatusActive); err != nil || !cmp.Equal(w, Webhook{ID: "w1", Status: StatusActive}) {
			t.Errorf("set status: %+v, %v", w, err)
		}
	})
}

// A web page says nothing of a webhook: only the list shows whether a delete
// has done its work.
func TestDelete_webPage(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{ErrorBody: "html"}})
			id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultHTML, Status: 404})
			if gone {
				b.sim.Remove("ada", id)
			}
			err := b.Delete(t.Context(), id)
			if (err == nil) != gone || err != nil && (!errors.Is(err, ErrNoRoute) || !strings.Contains(err.Error(), "but the list has it")) {
				t.Errorf("gone %t: %v", gone, err)
			}
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 500})
			if err := b.Delete(t.Context(), id); !errors.Is(err, ErrNoRoute) || !strings.Contains(err.Error(), "could not be checked") {
				t.Errorf("without a list: %v", err)
			}
		})
	}
}

// A 2xx that carries an error may have deleted nothing: the list decides.
func TestDelete_errorInside2xx(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"error": {"message": "busy"}}`, `{"success": false, "message": "busy", "data": null}`,
		`{"status": "error", "message": "busy"}`,
	} {
		for _, done := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := wired(t, titanxsim.Config{})
				id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
				b.sim.Inject(titanxsim.Fault{
					Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 200, Body: []byte(body), Commit: done,
				})
				err := b.Delete(t.Context(), id)
				if (err == nil) != done || err != nil && !strings.Contains(err.Error(), "200 OK with an error: busy, but the list has it") {
					t.Errorf("%s, done %t: %v", body, done, err)
				}
				if b.requests(titanxsim.CallDelete) != 1 {
					t.Errorf("%s: %d deletes", body, b.requests(titanxsim.CallDelete))
				}
			})
		}
	}
}

// pages serves the given bodies in turn, and the last of them for ever. It
// counts the requests of a list.
func pages(t *testing.T, bodies ...string) (*Client, *int) {
	t.Helper()
	asked := 0
	return client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			asked = 0
		}
		fmt.Fprint(w, bodies[min(asked, len(bodies)-1)])
		asked++
	})}}), &asked
}

func TestEventTypes_sorted(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(EventTypes()) || len(EventTypes()) != 2 {
		t.Error(EventTypes())
	}
}
