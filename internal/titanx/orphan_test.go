// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestEvidence_judge(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 1, 2, 12, 0, 5, 0, time.UTC)
	known := UncertainCreate{Sent: sent, GaveUp: sent.Add(2 * time.Second), Known: []string{"before"}}
	asked := crm().asked()
	for name, c := range map[string]struct {
		edit func(*evidence)
		want verdict
	}{
		"all of it":                 {func(*evidence) {}, orphan},
		"listed before":             {func(e *evidence) { e.Found.ID = "before" }, unrelated},
		"claimed":                   {func(e *evidence) { e.Claimed = true }, unrelated},
		"active":                    {func(e *evidence) { e.Found.Status = StatusActive }, candidate},
		"another status":            {func(e *evidence) { e.Found.Status = "pending" }, candidate},
		"no status":                 {func(e *evidence) { e.Found.Status = "" }, candidate},
		"active and later":          {func(e *evidence) { e.Found.Status, e.Found.CreatedAt = StatusActive, sent.Add(time.Minute) }, unrelated},
		"stamped without fraction":  {func(e *evidence) { e.Found.CreatedAt = sent.Add(-900 * time.Millisecond) }, orphan},
		"older":                     {func(e *evidence) { e.Found.CreatedAt = sent.Add(-2 * time.Second) }, unrelated},
		"as it was given up":        {func(e *evidence) { e.Found.CreatedAt = sent.Add(2 * time.Second) }, orphan},
		"after it was given up":     {func(e *evidence) { e.Found.CreatedAt = sent.Add(2*time.Second + 1) }, candidate},
		"long after":                {func(e *evidence) { e.Found.CreatedAt = sent.Add(time.Hour) }, unrelated},
		"no time":                   {func(e *evidence) { e.Found.CreatedAt = time.Time{} }, candidate},
		"no clock":                  {func(e *evidence) { e.Creates[0].Sent = time.Time{} }, candidate},
		"no clock and active":       {func(e *evidence) { e.Creates[0].Sent, e.Found.Status = time.Time{}, StatusActive }, candidate},
		"no name":                   {func(e *evidence) { e.Found.Name = "" }, candidate},
		"another name":              {func(e *evidence) { e.Found.Name = "other" }, unrelated},
		"lower case":                {func(e *evidence) { e.Asked.Name = "CRM " }, candidate},
		"composed":                  {func(e *evidence) { e.Asked.Name, e.Found.Name = "Zoe\u0308", "Zo\u00eb" }, candidate},
		"as it was answered":        {func(e *evidence) { e.Asked.Name, e.Answered.Name = "CRM ", "crm" }, orphan},
		"no url":                    {func(e *evidence) { e.Found.URL = "" }, candidate},
		"the same url":              {func(e *evidence) { e.Found.URL = "https://RECEIVER.example:443/titanx" }, orphan},
		"url without its query":     {func(e *evidence) { e.Asked.URL += "?token=x" }, candidate},
		"another url":               {func(e *evidence) { e.Found.URL = "https://other.example/titanx" }, unrelated},
		"no events":                 {func(e *evidence) { e.Found.EventTypes = nil }, candidate},
		"an event more":             {func(e *evidence) { e.Asked.EventTypes = e.Asked.EventTypes[:1] }, candidate},
		"an event less":             {func(e *evidence) { e.Found.EventTypes = e.Found.EventTypes[:1] }, unrelated},
		"contested":                 {func(e *evidence) { e.Creates[0].Contested = true }, orphan},
		"contested, in another run": {func(e *evidence) { e.Creates[0].Contested, e.EarlierRun = true, true }, candidate},
		"the second of two creates": {func(e *evidence) {
			e.Creates = append([]UncertainCreate{{Sent: sent.Add(-time.Hour), GaveUp: sent.Add(-time.Hour)}}, e.Creates...)
		}, orphan},
	} {
		e := evidence{Found: asked, Asked: asked, Creates: []UncertainCreate{known}}
		e.Found.ID, e.Found.Status, e.Found.CreatedAt = "w1", StatusInactive, sent.Add(time.Second)
		c.edit(&e)
		if got := e.judge(); got != c.want {
			t.Errorf("%s: %d, want %d: %+v", name, got, c.want, e)
		}
	}
}

// TestClient_FindOrphans_oneList of the run: a refresh of many webhooks
// costs one.
func TestClient_FindOrphans_oneList(t *testing.T) {
	t.Parallel()
	b := connected(t, titanxsim.Config{})
	if _, err := b.Create(t.Context(), crm()); err != nil {
		t.Fatal(err)
	}
	before := b.requests(titanxsim.CallList)
	if _, err := b.FindOrphans(t.Context(), crm(), Webhook{}, []UncertainCreate{{}}); err != nil {
		t.Fatal(err)
	}
	if after := b.requests(titanxsim.CallList); after != before {
		t.Errorf("%d lists, want %d", after, before)
	}
}

// A webhook that appears after the create was sent again is named, and only a
// proven orphan is deleted.
func TestClient_FindOrphans_lateCommit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		edit    func(*titanxsim.Webhook)
		proven  bool
		unknown bool
		managed bool // the state has it
	}{
		{name: "stamped at receipt", proven: true},
		{name: "stamped at commit", edit: func(w *titanxsim.Webhook) { w.CreatedAt = time.Now() }},
		{name: "active", edit: func(w *titanxsim.Webhook) { w.Status = StatusActive }},
		{name: "upper case", edit: func(w *titanxsim.Webhook) { w.Name = "CRM" }},
		{name: "more events", edit: func(w *titanxsim.Webhook) { w.EventTypes = append(w.EventTypes, "job.other") }},
		{name: "another name", edit: func(w *titanxsim.Webhook) { w.Name = "other" }, unknown: true},
		{name: "in the state", managed: true, unknown: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Times: 1})
			received := time.Now().Add(latency / 2)
			created := b.create(t, crm())
			if len(created.Uncertain) != 1 {
				t.Fatalf("%s: %+v", c.name, created)
			}
			time.Sleep(5 * time.Second)
			late := titanxsim.Webhook{ID: "late", Name: crm().Name, URL: crm().URL, EventTypes: crm().EventTypes, Status: StatusInactive, CreatedAt: received}
			if c.edit != nil {
				c.edit(&late)
			}
			b.sim.Put("ada", late)
			b.Client = client(t, Config{APIKey: b.key, Transport: wire{b.sim}}) // the next run
			asked := crm()
			asked.Managed = func(id string) bool { return c.managed && id == late.ID }
			found, err := b.FindOrphans(t.Context(), asked, created.Webhook, created.Uncertain)
			if err != nil || len(found.Orphans)+len(found.Candidates) != btoi(!c.unknown) || len(found.Orphans) != btoi(c.proven) || len(b.ids()) != 2 {
				t.Errorf("%s: found %+v, %v, left %v", c.name, found, err, b.ids())
			}
			removed, candidates, err := b.DeleteOrphans(t.Context(), asked, created.Webhook, created.Uncertain)
			if err != nil || len(removed) != btoi(c.proven) || len(candidates) != btoi(!c.proven && !c.unknown) || len(b.ids()) != 2-btoi(c.proven) {
				t.Errorf("%s: removed %v, candidates %v, %v", c.name, removed, candidates, err)
			}
		})
	}
}

func TestClient_DeleteOrphans_withoutList(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 404, 500} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{})
			b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: status})
			removed, _, err := b.DeleteOrphans(t.Context(), crm(), Webhook{}, []UncertainCreate{{Sent: time.Now(), GaveUp: time.Now()}})
			var refusal *Error
			if len(removed) > 0 || !errors.As(err, &refusal) || errors.Is(err, ErrNotFound) || b.requests(titanxsim.CallDelete) != 0 {
				t.Errorf("%v, %v", removed, err)
			}
		})
	}
}

// What this run has created since is no orphan of an earlier one.
func TestClient_DeleteOrphans_ownWebhooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		began := time.Now()
		req := crm()
		req.Status = StatusInactive
		made := b.create(t, req)
		removed, candidates, err := b.DeleteOrphans(t.Context(), req, Webhook{}, []UncertainCreate{{Sent: began, GaveUp: began.Add(time.Minute)}})
		if len(removed)+len(candidates) > 0 || err != nil || !cmp.Equal(b.ids(), []string{made.ID}) {
			t.Errorf("removed %q, candidates %v, %v", removed, candidates, err)
		}
	})
}

// A list that returns neither name nor time proves nothing.
func TestClient_DeleteOrphans_namelessList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		deleted := false
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			deleted = deleted || r.Method == http.MethodDelete
			w.Write([]byte(`[{"id": "w1", "url": "` + crm().URL + `", "status": "inactive"}]`))
		})}})
		_, candidates, err := c.DeleteOrphans(t.Context(), crm(), Webhook{}, []UncertainCreate{{Sent: time.Now(), GaveUp: time.Now()}})
		if err != nil || len(candidates) != 1 || deleted {
			t.Errorf("%v, candidates %v, deleted %t", err, candidates, deleted)
		}
	})
}
