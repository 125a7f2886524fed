// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestInventory_concurrentReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		id := b.sim.Put("ada", titanxsim.Webhook{Name: "crm"}).ID
		var finds sync.WaitGroup
		for range 50 {
			finds.Go(func() {
				if w, err := b.Find(t.Context(), id); err != nil || w.Name != "crm" {
					t.Errorf("%+v, %v", w, err)
				}
			})
		}
		finds.Wait()
		if all, err := b.All(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%v, %v", all, err)
		}
		if n := b.requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestClient_All_order(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		for _, w := range []titanxsim.Webhook{{Name: "b", ID: "1"}, {Name: "a", ID: "3"}, {Name: "", ID: "4"}, {Name: "a", ID: "2"}} {
			b.sim.Put("ada", w)
		}
		all, err := b.All(t.Context())
		var ids string
		for _, w := range all {
			ids += w.ID
		}
		if err != nil || ids != "4231" {
			t.Errorf("%s, %v", ids, err)
		}
	})
}

func TestClient_AtURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Put("ada", titanxsim.Webhook{Name: "b", URL: "HTTPS://Hooks.example.com:443/x"})
		b.sim.Put("ada", titanxsim.Webhook{Name: "a", URL: "https://hooks.example.com/x"})
		b.sim.Put("ada", titanxsim.Webhook{Name: "another path", URL: "https://hooks.example.com/X"})
		b.sim.Put("ada", titanxsim.Webhook{Name: "d", URL: "https://hooks.example.com/***"})
		b.sim.Put("ada", titanxsim.Webhook{Name: "another host", URL: "https://example.com/***"})
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Create(t.Context(), CreateRequest{Name: "c", URL: "https://hooks.EXAMPLE.com/x", EventTypes: []string{"job.completed"}, Status: StatusActive}); err != nil {
			t.Fatal(err)
		}
		at, err := b.AtURL(t.Context(), "https://hooks.example.com/x")
		var names string
		for _, w := range at {
			names += w.Name
		}
		if err != nil || names != "abcd" {
			t.Errorf("%s, %v", names, err)
		}
	})
}

func TestInventory_expires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		hook := b.sim.Put("ada", titanxsim.Webhook{Name: "old"})
		for _, step := range []struct {
			wait  time.Duration
			name  string
			lists int
		}{{0, "old", 1}, {inventoryAge - 2*latency, "old", 1}, {2 * latency, "new", 2}, {inventoryAge - 2*latency, "new", 2}} {
			<-time.After(step.wait)
			w, err := b.Find(t.Context(), hook.ID)
			all, allErr := b.All(t.Context())
			if err != nil || allErr != nil || w.Name != step.name || all[0].Name != step.name || b.requests() != step.lists {
				t.Errorf("after %v: %q, %v, %d lists; want %q, %d", step.wait, w.Name, err, b.requests(), step.name, step.lists)
			}
			hook.Name = "new"
			b.sim.Put("ada", hook)
		}
	})
}

func TestInventory_ownWrites(t *testing.T) {
	t.Parallel()
	for lag := range 3 {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{ListLag: lag}})
			made := b.create(t, crm()).Webhook
			for range 2 { // from the inventory, then from a list that may be behind
				if got, err := b.Find(t.Context(), made.ID); err != nil || !cmp.Equal(made, got) {
					t.Errorf("lag %d: %v (-want +got):\n%s", lag, err, cmp.Diff(made, got))
				}
				if _, err := b.lookup(t.Context(), made.ID, time.Now()); err != nil {
					t.Errorf("lag %d: a fresh list lacks our own: %v", lag, err)
				}
			}
			changed, err := b.SetStatus(t.Context(), made.ID, StatusInactive)
			if got, findErr := b.Find(t.Context(), made.ID); err != nil || findErr != nil || !cmp.Equal(changed, got) || got.Status != StatusInactive {
				t.Errorf("lag %d: %v %v (-want +got):\n%s", lag, err, findErr, cmp.Diff(changed, got))
			}
			if err := b.Delete(t.Context(), made.ID); err != nil {
				t.Error(err)
			}
			if got, err := b.Find(t.Context(), made.ID); !errors.Is(err, ErrNotFound) {
				t.Errorf("lag %d: deleted, but %+v, %v", lag, got, err)
			}
			b.sim.Put("ada", titanxsim.Webhook{ID: made.ID}) // a list that is behind still has it
			if got, err := b.lookup(t.Context(), made.ID, time.Now()); !errors.Is(err, ErrNotFound) {
				t.Errorf("lag %d: deleted, but a list that is behind has %+v, %v", lag, got, err)
			}
		})
	}
}

func TestInventory_forget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		id := b.create(t, crm()).ID
		b.sim.Remove("ada", id)
		if _, err := b.lookup(t.Context(), id, time.Now()); err != nil {
			t.Errorf("the list may be behind: %v", err)
		}
		<-time.After(listLag)
		if w, err := b.lookup(t.Context(), id, time.Now()); !errors.Is(err, ErrNotFound) {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

// A list that lacks our own webhook is behind for less than its lag.
func TestInventory_lag(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]bool{0: true, listLag - 1: true, listLag: false} {
		synctest.Test(t, func(t *testing.T) {
			i := &inventory{listAll: func(context.Context) ([]Webhook, error) { return nil, nil }}
			i.wrote(createdWrite, Webhook{ID: "w1"})
			time.Sleep(wait)
			if got, err := i.has(t.Context(), "w1"); err != nil || got != want {
				t.Errorf("after %v: %t, %v", wait, got, err)
			}
		})
	}
}

// Only a webhook that may have the url of a create is one of its known ones.
func TestInventory_knownBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c Client
		c.inventory.listAll = func(context.Context) ([]Webhook, error) {
			return []Webhook{{ID: "same", URL: crm().URL}, {ID: "form", URL: crm().URL + "/"}, {ID: "none"}, {ID: "other", URL: "https://other.example"}}, nil
		}
		before := time.Now()
		time.Sleep(time.Second)
		if _, err := c.inventory.has(t.Context(), "same"); err != nil {
			t.Fatal(err)
		}
		g := c.createsOf(crm().URL)
		if got, want := c.inventory.knownBefore(time.Now(), crm().URL, g), []string{"form", "none", "same"}; !cmp.Equal(got, want) {
			t.Errorf("listed before: %v, want %v", got, want)
		}
		open, err := g.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		g.end(open, "same")
		if got, want := c.inventory.knownBefore(before, crm().URL, g), []string{"same"}; !cmp.Equal(got, want) {
			t.Errorf("listed since: %v, want %v", got, want)
		}
	})
}

func TestClient_Listed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
		if _, ok := b.Listed(id); ok {
			t.Error("listed before any list")
		}
		begun := time.Now()
		if _, err := b.All(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			age  time.Duration
			want bool
		}{{latency, true}, {inventoryAge, true}, {inventoryAge + 1, false}} {
			time.Sleep(time.Until(begun.Add(c.age)))
			if w, ok := b.Listed(id); ok != c.want || ok && w.ID != id {
				t.Errorf("after %v: %t", c.age, ok)
			}
			if _, ok := b.Listed("other"); ok {
				t.Errorf("after %v: another webhook is listed", c.age)
			}
		}
		if n := b.requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
}

// A list that failed answers nobody who comes later.
func TestInventory_failedFirstList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := true
		i := &inventory{listAll: func(context.Context) ([]Webhook, error) {
			if down {
				return nil, ErrNoAnswer
			}
			return []Webhook{{ID: "w1"}}, nil
		}}
		if _, err := i.has(t.Context(), "w1"); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("while the list is down: %v", err)
		}
		synctest.Wait()
		down = false
		if ok, err := i.has(t.Context(), "w1"); !ok || err != nil {
			t.Errorf("afterwards: %t, %v", ok, err)
		}
	})
}

func TestInventory_changeDuringList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i inventory
		i.listAll = func(context.Context) ([]Webhook, error) {
			i.wrote(changedWrite, Webhook{ID: "w1", Status: StatusInactive})
			return []Webhook{{ID: "w1", Name: "crm", Status: StatusActive}}, nil
		}
		read := func(want string) {
			err := i.read(t.Context(), time.Now(), func(known map[string]entry) {
				if got := known["w1"]; got.Status != want || got.Name != "crm" {
					t.Errorf("%+v, want %s", got.Webhook, want)
				}
			})
			if err != nil {
				t.Error(err)
			}
			<-time.After(time.Second)
		}
		list := i.listAll
		i.listAll = func(ctx context.Context) ([]Webhook, error) { <-time.After(time.Second); return list(ctx) }
		read(StatusInactive)
		i.listAll = func(context.Context) ([]Webhook, error) {
			return []Webhook{{ID: "w1", Name: "crm", Status: StatusActive}}, nil
		}
		read(StatusActive) // somebody else has changed it back
	})
}

// A webhook that somebody creates while the pages are read moves them.
func TestClient_All_shiftedList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lists := 0
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			lists++
			switch page := r.URL.Query().Get("page"); {
			case page == "" && lists == 1:
				fmt.Fprint(w, `{"items": [{"id": "w3"}, {"id": "w2"}], "total": 3, "totalPages": 2}`)
			case page == "2" && lists == 2: // w4 has moved w2 here, and w1 away
				fmt.Fprint(w, `{"items": [{"id": "w2"}], "total": 4, "totalPages": 2, "page": 2}`)
			case page == "":
				fmt.Fprint(w, `{"items": [{"id": "w4"}, {"id": "w3"}], "total": 4, "totalPages": 2}`)
			default:
				fmt.Fprint(w, `{"items": [{"id": "w2"}, {"id": "w1"}], "total": 4, "totalPages": 2, "page": 2}`)
			}
		})}})
		if all, err := c.All(t.Context()); err != nil || len(all) != 4 || lists != 4 {
			t.Errorf("%d webhooks after %d requests: %v", len(all), lists, err)
		}
	})
}

func TestInventory_failedList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "cursor"}})
		id := b.sim.Put("ada", titanxsim.Webhook{Name: "a"}).ID
		for range 4 {
			b.sim.Put("ada", titanxsim.Webhook{Name: "b"})
		}
		if _, err := b.Find(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 401, After: 1})
		if _, err := b.lookup(t.Context(), id, time.Now()); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("the second page failed, but %v", err)
		}
		if all, err := b.All(t.Context()); err != nil || len(all) != 5 {
			t.Errorf("%d webhooks, %v", len(all), err)
		}
	})
}

// slowList is an inventory whose list takes a second, or ends when nobody wants
// it, and then takes another second for it. How each list ended is
// told on the channel.
func slowList() (*inventory, chan error) {
	ended := make(chan error, 10)
	return &inventory{listAll: func(ctx context.Context) ([]Webhook, error) {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			<-time.After(time.Second)
		}
		ended <- ctx.Err()
		return []Webhook{{ID: "w1"}}, ctx.Err()
	}}, ended
}

func (i *inventory) has(ctx context.Context, id string) (ok bool, err error) {
	err = i.read(ctx, time.Time{}, func(known map[string]entry) { _, ok = known[id] })
	return ok, err
}

func TestInventory_canceledWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i, ended := slowList()
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var reads sync.WaitGroup
		reads.Go(func() {
			if _, err := i.has(impatient, "w1"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the impatient: %v", err)
			}
		})
		synctest.Wait() // it has begun the list
		reads.Go(func() {
			if ok, err := i.has(t.Context(), "w1"); !ok || err != nil {
				t.Errorf("the patient: %t, %v", ok, err)
			}
		})
		reads.Wait()
		if err := <-ended; err != nil || len(ended) > 0 {
			t.Errorf("the list ended with %v, and there were %d more", err, len(ended))
		}
	})
}

// A list has a limit of its own: who waits for it leaves when its own context
// ends.
func TestInventory_limit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		i := &inventory{listAll: func(ctx context.Context) ([]Webhook, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}}
		begun := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := i.has(impatient, "w1"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if _, err := i.has(t.Context(), "w1"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != listLimit {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		<-ended
	})
}

// A first list that stalls costs one attempt.
func TestClient_All_stalledList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultDelay, Delay: time.Hour, Times: 1})
		begun := time.Now()
		if _, err := b.All(t.Context()); err != nil || time.Since(begun) > DefaultRequestTimeout+time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

// Not parallel, as it measures the memory of the process.
func TestInventory_tenThousandWebhooks(t *testing.T) { //nolint:paralleltest // see above
	many := make([]Webhook, 10_000)
	for n := range many {
		many[n] = Webhook{ID: fmt.Sprintf("7d3b0c1e-52a4-4f6b-9d0e-%012d", n), Name: "crm", URL: "https://receiver.example/titanx", EventTypes: EventTypes()}
	}
	i := &inventory{listAll: func(context.Context) ([]Webhook, error) { return many, nil }}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if ok, err := i.has(t.Context(), many[9_999].ID); !ok || err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 16<<20 {
		t.Errorf("%d MiB for the inventory of 10,000", kept>>20)
	}
	if allocs := testing.AllocsPerRun(100, func() {
		if ok, err := i.has(t.Context(), many[0].ID); !ok || err != nil {
			t.Error(err)
		}
	}); allocs > 10 {
		t.Errorf("%.0f allocations for one read", allocs)
	}
}
