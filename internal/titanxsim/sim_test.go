// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// bench is a simulator behind HTTP with a key for each of its users, "ada" and
// "bob".
type bench struct {
	t    *testing.T
	sim  *titanxsim.Server
	http *httptest.Server
	keys map[string]string // user → key
}

// start serves a simulator with the configuration's clock, dialect and so on.
func start(t *testing.T, cfg titanxsim.Config) *bench {
	t.Helper()
	b := &bench{t: t, keys: map[string]string{"ada": "CANARY-" + rand.Text(), "bob": "CANARY-" + rand.Text()}}
	cfg.Keys = map[string]string{b.keys["ada"]: "ada", b.keys["bob"]: "bob"}
	b.sim = titanxsim.New(cfg)
	b.http = httptest.NewServer(b.sim)
	t.Cleanup(b.http.Close)
	t.Cleanup(b.sim.Close)
	return b
}

// response is an answer with its body up to maxRead.
type response struct {
	status int
	header http.Header
	body   string
}

// json decodes the body.
func (r response) json(t *testing.T) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("answer %d %q is not JSON: %v", r.status, r.body, err)
	}
	return v
}

// at walks down the keys of nested objects. A missing key yields nil.
func at(v any, keys ...string) any {
	for _, k := range keys {
		object, _ := v.(map[string]any)
		v = object[k]
	}
	return v
}

// do sends a request as ada to a path under the API's base.
func (b *bench) do(method, path, body string) response {
	b.t.Helper()
	return b.as(b.keys["ada"], method, titanxsim.BasePath+path, body)
}

func (b *bench) as(key, method, path, body string) response {
	b.t.Helper()
	resp, err := b.try(key, method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

// maxRead is where try stops reading a body.
const maxRead = 1 << 20

// try returns the error of a broken connection.
func (b *bench) try(key, method, path, body string) (response, error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.http.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := b.http.Client().Transport.RoundTrip(req) // follows no redirect
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	var read bytes.Buffer
	_, err = io.Copy(&read, io.LimitReader(resp.Body, maxRead))
	return response{resp.StatusCode, resp.Header, read.String()}, err
}

const validCreate = `{"name": "crm", "url": "https://receiver.example/titanx",
	"events": ["job.contact.scored"], "eventTypes": ["job.contact.scored"], "status": "active"}`

// create creates ada's webhook through the API and returns what the simulator
// holds.
func (b *bench) create() titanxsim.Webhook {
	b.t.Helper()
	if resp := b.do("POST", "/webhooks", validCreate); resp.status/100 != 2 {
		b.t.Fatalf("create: %d %s", resp.status, resp.body)
	}
	all := b.sim.Webhooks("ada")
	return all[len(all)-1]
}

func TestServer_webhookLife(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	b := start(t, titanxsim.Config{Now: func() time.Time { return now }})

	resp := b.do("POST", "/webhooks", validCreate)
	if resp.status != http.StatusCreated {
		t.Fatalf("create: %d %s", resp.status, resp.body)
	}
	held := b.sim.Webhooks("ada")
	if len(held) != 1 {
		t.Fatalf("%d webhooks after a create", len(held))
	}
	want := map[string]any{
		"id": held[0].ID, "name": "crm", "url": "https://receiver.example/titanx", "triggers": []any{"job.contact.scored"},
		"status": "active", "createdAt": "2026-01-02T03:04:05.678Z", "updatedAt": "2026-01-02T03:04:05.678Z",
	}
	withSecret := maps.Clone(want)
	withSecret["secret"] = held[0].Secret
	if diff := cmp.Diff(map[string]any{"payload": withSecret}, resp.json(t)); diff != "" {
		t.Errorf("create (-want +got):\n%s", diff)
	}
	expect(t, held[0].CreatedAt, now.Truncate(time.Millisecond)) // as the API returns it
	if !regexp.MustCompile(`^whsec_\w{40,}$`).MatchString(held[0].Secret) {
		t.Error("the secret is not whsec_ and something long")
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(held[0].ID) {
		t.Errorf("id %q is not a UUID of version 4", held[0].ID)
	}

	if diff := cmp.Diff(map[string]any{"payload": []any{want}}, b.do("GET", "/webhooks", "").json(t)); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"payload": want}, b.do("GET", "/webhooks/"+held[0].ID, "").json(t)); diff != "" {
		t.Errorf("get (-want +got):\n%s", diff)
	}

	now = now.Add(time.Hour)
	want["status"], want["updatedAt"] = "inactive", "2026-01-02T04:04:05.678Z"
	resp = b.do("POST", "/webhooks/"+held[0].ID+"/inactive", "")
	if diff := cmp.Diff(map[string]any{"payload": want}, resp.json(t)); diff != "" {
		t.Errorf("set status (-want +got):\n%s", diff)
	}

	if resp := b.do("DELETE", "/webhooks/"+held[0].ID, ""); resp.status != http.StatusNoContent || resp.body != "" {
		t.Errorf("delete: %d %q", resp.status, resp.body)
	}
	if resp := b.do("DELETE", "/webhooks/"+held[0].ID, ""); resp.status != http.StatusNotFound {
		t.Errorf("second delete: %d", resp.status)
	}
	if diff := cmp.Diff(map[string]any{"payload": []any{}}, b.do("GET", "/webhooks", "").json(t)); diff != "" {
		t.Errorf("list after delete (-want +got):\n%s", diff)
	}
}

func TestServer_createDefaults(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	b.do("POST", "/webhooks", `{"name": "crm", "url": "https://receiver.example", "eventTypes": ["job.completed", "job.completed"], "more": 1}`)
	held := b.sim.Webhooks("ada")
	if len(held) != 1 || held[0].Status != "active" || !slices.Equal(held[0].EventTypes, []string{"job.completed"}) {
		t.Errorf("held: %d webhooks, %+v", len(held), held)
	}
}

func TestServer_refusals(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	id := b.create().ID
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		message            string
	}{
		"http":              {"POST", "/webhooks", `{"name":"x","url":"http://a.example","events":["job.completed"]}`, 400, "https"},
		"no host":           {"POST", "/webhooks", `{"name":"x","url":"https:///p","events":["job.completed"]}`, 400, "https"},
		"url missing":       {"POST", "/webhooks", `{"name":"x","events":["job.completed"]}`, 400, "url"},
		"url a number":      {"POST", "/webhooks", `{"name":"x","url":7,"events":["job.completed"]}`, 400, "url must be a string"},
		"name missing":      {"POST", "/webhooks", `{"url":"https://a.example","events":["job.completed"]}`, 400, "name"},
		"name empty":        {"POST", "/webhooks", `{"name":"","url":"https://a.example","events":["job.completed"]}`, 400, "name"},
		"name null":         {"POST", "/webhooks", `{"name":null,"url":"https://a.example","events":["job.completed"]}`, 400, "name"},
		"events missing":    {"POST", "/webhooks", `{"name":"x","url":"https://a.example"}`, 400, "events"},
		"events empty":      {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":[]}`, 400, "events"},
		"events a string":   {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":"job.completed"}`, 400, "array"},
		"events null":       {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":null}`, 400, "array"},
		"event unknown":     {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.unknown"]}`, 400, "job.unknown"},
		"keys differ":       {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.completed"],"eventTypes":["job.contact.scored"]}`, 400, "differ"},
		"status unknown":    {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.completed"],"status":"paused"}`, 400, "status"},
		"status null":       {"POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.completed"],"status":null}`, 400, "status must be a string"},
		"no JSON":           {"POST", "/webhooks", `{"name":`, 400, "JSON"},
		"no object":         {"POST", "/webhooks", `["x"]`, 400, "JSON"},
		"null":              {"POST", "/webhooks", `null`, 400, "JSON"},
		"empty":             {"POST", "/webhooks", ``, 400, "JSON"},
		"too large":         {"POST", "/webhooks", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, "large"},
		"set to unknown":    {"POST", "/webhooks/" + id + "/paused", "", 400, "status"},
		"set of absent":     {"POST", "/webhooks/absent/active", "", 404, "absent"},
		"get of absent":     {"GET", "/webhooks/absent", "", 404, "absent"},
		"delete of absent":  {"DELETE", "/webhooks/absent", "", 404, "absent"},
		"id to be escaped":  {"GET", "/webhooks/a%2Fb%20c", "", 404, "a/b c"},
		"update":            {"PUT", "/webhooks/" + id, validCreate, 404, "<html>"},
		"patch":             {"PATCH", "/webhooks/" + id, validCreate, 404, "<html>"},
		"other noun":        {"GET", "/contacts", "", 404, "<html>"},
		"empty id":          {"GET", "/webhooks/", "", 404, "<html>"},
		"too deep a path":   {"POST", "/webhooks/" + id + "/active/now", "", 404, "<html>"},
		"no such operation": {"DELETE", "/webhooks", "", 404, "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp := b.do(tc.method, tc.path, tc.body)
			if resp.status != tc.status || !strings.Contains(resp.body, tc.message) {
				t.Errorf("%d %s, want %d and %q", resp.status, resp.body, tc.status, tc.message)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(b.sim.Webhooks("ada")); n != 1 {
			t.Errorf("%d webhooks after refusals, want 1", n)
		}
	})
}

func TestServer_authentication(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	id := b.create().ID
	for _, key := range []string{"", "unknown", strings.ToLower(b.keys["ada"]), b.keys["ada"] + "x"} {
		for method, path := range map[string]string{
			"POST": "/webhooks", "GET": "/webhooks", "DELETE": "/webhooks/" + id,
		} {
			if resp := b.as(key, method, titanxsim.BasePath+path, validCreate); resp.status != http.StatusUnauthorized {
				t.Errorf("%s %s with a wrong key: %d", method, path, resp.status)
			}
		}
	}
	if n := len(b.sim.Webhooks("ada")); n != 1 {
		t.Errorf("%d webhooks, want 1", n)
	}
}

func TestServer_users(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	id := b.create().ID
	bob := b.keys["bob"]
	if list := at(b.as(bob, "GET", titanxsim.BasePath+"/webhooks", "").json(t), "payload"); len(list.([]any)) != 0 {
		t.Errorf("bob sees ada's webhooks: %v", list)
	}
	for method, path := range map[string]string{"GET": "", "DELETE": "", "POST": "/inactive"} {
		if resp := b.as(bob, method, titanxsim.BasePath+"/webhooks/"+id+path, ""); resp.status != http.StatusNotFound {
			t.Errorf("bob's %s of ada's webhook: %d", method, resp.status)
		}
	}
	if held := b.sim.Webhooks("ada"); len(held) != 1 || held[0].Status != "active" {
		t.Errorf("ada's webhooks after bob's attempts: %d", len(held))
	}
}

func TestServer_twoKeys(t *testing.T) {
	t.Parallel()
	sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY-1": "ada", "CANARY-2": "ada"}})
	defer sim.Close()
	sim.Put("ada", titanxsim.Webhook{Name: "crm"})
	for _, key := range []string{"CANARY-1", "CANARY-2"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, titanxsim.BasePath+"/webhooks", http.NoBody)
		req.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, req)
		if !strings.Contains(w.Body.String(), "crm") {
			t.Errorf("%s: %s", key, w.Body)
		}
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	b := start(t, titanxsim.Config{Now: func() time.Time { return now }})
	id := b.create().ID
	b.do("GET", "/webhooks?cursor=x", "")
	b.do("GET", "/webhooks/"+id, "")
	b.do("POST", "/webhooks/"+id+"/inactive", "")
	b.do("DELETE", "/webhooks/"+id, "")
	b.as("", "GET", "/elsewhere", "")

	type row struct {
		Call                      titanxsim.Call
		Method, Path, Query, User string
		Status                    int
	}
	var got []row
	for _, r := range b.sim.Requests() {
		got = append(got, row{r.Call, r.Method, r.Path, r.Query, r.User, r.Status})
		if r.RemoteAddr == "" || !r.Time.Equal(now) {
			t.Errorf("%s: remote address %q, time %s", r.Call, r.RemoteAddr, r.Time)
		}
	}
	base := titanxsim.BasePath
	want := []row{
		{titanxsim.CallCreate, "POST", base + "/webhooks", "", "ada", 201},
		{titanxsim.CallList, "GET", base + "/webhooks", "cursor=x", "ada", 200},
		{titanxsim.CallGet, "GET", base + "/webhooks/" + id, "", "ada", 200},
		{titanxsim.CallSetStatus, "POST", base + "/webhooks/" + id + "/inactive", "", "ada", 200},
		{titanxsim.CallDelete, "DELETE", base + "/webhooks/" + id, "", "ada", 204},
		{titanxsim.CallOther, "GET", "/elsewhere", "", "", 404},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	create := b.sim.Requests(titanxsim.CallCreate)
	if len(create) != 1 || string(create[0].Body) != validCreate {
		t.Errorf("creates: %d", len(create))
	}
	if got := create[0].Header.Get("Authorization"); got != "Bearer (redacted)" {
		t.Errorf("Authorization is %q", got)
	}
	if n := len(b.sim.Requests(titanxsim.CallGet, titanxsim.CallDelete)); n != 2 {
		t.Errorf("%d gets and deletes, want 2", n)
	}
	b.sim.ResetRequests()
	if n := len(b.sim.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

func TestServer_control(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	put := b.sim.Put("ada", titanxsim.Webhook{Name: "seed", URL: "https://a.example", EventTypes: []string{"job.completed"}})
	if put.ID == "" || put.Secret == "" || put.Status != "active" || put.CreatedAt.IsZero() || put.UpdatedAt.IsZero() {
		t.Fatal("Put leaves something empty")
	}
	second := b.create()
	put.Name = "changed"
	b.sim.Put("ada", put)
	got := b.sim.Webhooks("ada")
	if len(got) != 2 || got[0].Name != "changed" || got[1].ID != second.ID {
		t.Fatalf("%d webhooks; an overwritten one keeps its place", len(got))
	}
	got[0].EventTypes[0] = "broken"
	put.EventTypes[0] = "broken"
	if b.sim.Webhooks("ada")[0].EventTypes[0] != "job.completed" {
		t.Error("the caller can change the state through a copy")
	}
	b.sim.Remove("ada", put.ID)
	b.sim.Remove("ada", "absent")
	if got := b.sim.Webhooks("ada"); len(got) != 1 || got[0].ID != second.ID {
		t.Errorf("%d webhooks after Remove", len(got))
	}
}
