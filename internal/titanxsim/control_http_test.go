// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func (b *bench) control(method, path, body string) response {
	b.t.Helper()
	return b.as("", method, "/_sim/"+path, body)
}

func TestControlFires(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, eventType, want string }{
		"no body":   {"", "job.contact.scored", `"firstName":"Zoë","lastName":"Zo\u00eb"`},
		"empty":     {"{}", "job.contact.scored", `"phoneStatus":`},
		"completed": {`{"eventType":"job.completed"}`, "job.completed", `"jobStatus":"Finalized"`},
		"payload":   {`{"payload":{ "leadId":7.0 }}`, "job.contact.scored", `"payload": { "leadId":7.0 },`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, 200)
			b := start(t, titanxsim.Config{DeliveryClient: r.Client()})
			both := []string{"job.contact.scored", "job.completed"}
			w := b.sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: both})
			b.sim.Put("bob", titanxsim.Webhook{URL: r.URL, EventTypes: both})

			resp := b.control("POST", "events", tc.body)
			expectStatus(t, resp, http.StatusAccepted)
			headers, bodies := r.received()
			if len(bodies) != 1 || !strings.Contains(bodies[0], tc.want) || !strings.Contains(bodies[0], tc.eventType) {
				t.Errorf("delivered %q, want one with %s", bodies, tc.want)
			}
			log := b.control("GET", "deliveries", "").json(t).([]any)
			expect(t, len(log), 1)
			if diff := cmp.Diff(log, at(resp.json(t), "deliveries")); diff != "" {
				t.Errorf("the answer is not the log (-log +answer):\n%s", diff)
			}
			expect(t, at(log[0], "verdict"), "200: delivered")
			expect(t, at(log[0], "body"), bodies[0])
			expect(t, at(log[0], "signature"), headers[0].Get("X-TitanX-Signature"))
			expect(t, at(log[0], "webhookId"), w.ID)
			expect(t, at(log[0], "eventId"), at(resp.json(t), "id"))
			expect(t, at(log[0], "status"), 200.0)
		})
	}
}

func TestControlShowsNoSecret(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	b := start(t, titanxsim.Config{DeliveryClient: r.Client()})
	ada := b.create()
	b.sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}, Secret: ada.Secret})
	bob := b.sim.Put("bob", titanxsim.Webhook{Name: "bob's"})
	b.sim.Fire("ada", "job.completed", nil)
	settle(t, b.sim)

	webhooks := b.control("GET", "webhooks", "")
	expectLen(t, webhooks.json(t), 2)
	expect(t, at(webhooks.json(t).([]any)[0], "name"), "crm")
	bobs := b.control("GET", "webhooks?user=bob", "")
	expectLen(t, bobs.json(t), 1)
	requests := b.control("GET", "requests", "")
	expectLen(t, requests.json(t), 1) // control requests are not among them
	first := requests.json(t).([]any)[0]
	expect(t, at(first, "call"), "create")
	expect(t, at(first, "body"), validCreate)
	for _, resp := range []response{webhooks, bobs, requests, b.control("GET", "deliveries", "")} {
		for what, secret := range map[string]string{"ada's secret": ada.Secret, "bob's secret": bob.Secret, "the key": b.keys["ada"]} {
			if strings.Contains(resp.body, secret) {
				t.Errorf("%s is in an answer", what)
			}
		}
	}
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	expectStatus(t, b.control("POST", "faults", `{"call": "list", "kind": "status", "status": 503, "body": "gone fishing",
		"header": {"Retry-After": ["7"]}, "after": 1, "times": 2, "delay": "1us"}`), http.StatusNoContent)
	for _, want := range []int{200, 503, 503, 200} {
		resp := b.do("GET", "/webhooks", "")
		expectStatus(t, resp, want)
		expect(t, resp.header.Get("Retry-After") == "7" && resp.body == "gone fishing", want == 503)
	}
	expectStatus(t, b.control("POST", "faults", `{"kind": "empty", "commit": true}`), http.StatusNoContent)
	expectEmpty(t, b.do("POST", "/webhooks", validCreate), 200)
	expect(t, len(b.sim.Webhooks("ada")), 1)
	expectStatus(t, b.control("DELETE", "faults", ""), http.StatusNoContent)
	expectStatus(t, b.do("POST", "/webhooks", validCreate), 201)
}

func TestControlRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
	}{
		"unknown kind":    {"POST", "faults", `{"kind":"explode"}`, 400},
		"no kind":         {"POST", "faults", ``, 400},
		"unknown call":    {"POST", "faults", `{"kind":"reset","call":"update"}`, 400},
		"unknown key":     {"POST", "faults", `{"kind":"reset","time":1}`, 400},
		"delay no time":   {"POST", "faults", `{"kind":"delay","delay":"soon"}`, 400},
		"negative times":  {"POST", "faults", `{"kind":"reset","times":-1}`, 400},
		"status too low":  {"POST", "faults", `{"kind":"status","status":7}`, 400},
		"event no JSON":   {"POST", "events", `{`, 400},
		"event key":       {"POST", "events", `{"type":"job.completed"}`, 400},
		"unknown path":    {"GET", "secrets", ``, 404},
		"unknown method":  {"PUT", "faults", `{}`, 405},
		"root of control": {"GET", "", ``, 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectStatus(t, b.control(tc.method, tc.path, tc.body), tc.status)
		})
	}
}

func TestControlIsLoopbackOnly(t *testing.T) {
	t.Parallel()
	sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY": "ada"}})
	t.Cleanup(sim.Close)
	for addr, want := range map[string]int{
		"127.0.0.1:1234": 200, "[::1]:1234": 200, "192.0.2.1:1234": 403, "[2001:db8::1]:1234": 403, "10.0.0.1:1234": 403, "": 403,
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_sim/webhooks", http.NoBody)
		req.RemoteAddr = addr
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("caller %q: %d, want %d", addr, w.Code, want)
		}
	}
}

func TestControlWebhookShape(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }})
	w := b.create()
	var got []map[string]any
	if err := json.Unmarshal([]byte(b.control("GET", "webhooks", "").body), &got); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{
		"id": w.ID, "name": "crm", "url": "https://receiver.example/titanx", "eventTypes": []any{"job.contact.scored"},
		"status": "active", "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
