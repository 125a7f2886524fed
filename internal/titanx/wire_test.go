// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// documented reads a body of the documentation.
func documented(tb testing.TB, name string) *answer {
	tb.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return &answer{status: http.StatusOK, body: body}
}

func ok(body string) *answer { return &answer{status: http.StatusOK, body: []byte(body)} }

var newYear = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestDecodeWebhook_documented(t *testing.T) {
	t.Parallel()
	req := CreateRequest{
		Name: "crm", URL: "https://your-app.com/webhooks/titanx", EventTypes: []string{"job.contact.scored"}, Status: StatusActive,
	}
	want := Webhook{
		ID: "7d3b0c1e-52a4-4f6b-9d0e-2f1f4c8a9b10", Name: req.Name, URL: req.URL, EventTypes: req.EventTypes, Status: req.Status,
		CreatedAt: newYear,
	}
	for _, name := range []string{"generated-schema.json", "hand-written-sample.json", "data-envelope.json"} {
		decoded, err := decodeWebhook(documented(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := req.asked().merged(decoded.webhook())
		got.UpdatedAt = time.Time{} // one of the three has none
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if decoded.Secret != "whsec_CANARY" {
			t.Errorf("%s: no secret", name)
		}
	}
}

func TestDecodeWebhook_wrappers(t *testing.T) {
	t.Parallel()
	wraps := []string{`%s`, `{"payload": %s}`, `{"data": %s}`, `{"data": {"webhook": %s}}`, `{"error": null, "payload": %s}`,
		`{"id": "request-1", "payload": %s}`, `{"id": "request-1", "data": {"id": "page-1", "webhook": %s}}`}
	for _, wrap := range wraps {
		for _, key := range []string{"triggers", "events", "eventTypes"} {
			body := fmt.Sprintf(wrap, `{"id": "w1", "`+key+`": ["b", "a", "b"]}`)
			decoded, err := decodeWebhook(ok(body))
			if diff := cmp.Diff(Webhook{ID: "w1", EventTypes: []string{"a", "b"}}, decoded.webhook()); err != nil || diff != "" {
				t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
			}
		}
	}
}

// What is shown once may be beside the webhook, as it is no part of it.
func TestDecodeWebhook_secretBeside(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"payload": {"id": "w1"}, "secret": "CANARY"}`:                         "CANARY",
		`{"data": {"webhook": {"id": "w1", "secret": ""}, "secret": "CANARY"}}`: "CANARY",
		`{"payload": {"id": "w1", "secret": "CANARY"}, "secret": "other"}`:      "CANARY",
		`{"payload": {"id": "w1"}, "secret": 7}`:                                "",
		`{"payload": {"id": "w1"}, "secret": null}`:                             "",
	} {
		if w, err := decodeWebhook(ok(body)); err != nil || w.Secret != want {
			t.Errorf("%s: %q, %v", body, w.Secret, err)
		}
	}
}

func TestDecodeWebhook_notReturned(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"id": "w1"}`,
		`{"id": "w1", "name": null, "url": null, "triggers": null, "status": null, "secret": null, "createdAt": null, "updatedAt": null}`,
		`{"id": "w1", "triggers": [], "events": [], "createdAt": 1767225600, "updatedAt": "yesterday"}`,
	} {
		decoded, err := decodeWebhook(ok(body))
		if diff := cmp.Diff(Webhook{ID: "w1"}, decoded.webhook()); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", body, err, diff)
		}
	}
}

func TestDecodeWebhook_undocumented(t *testing.T) {
	t.Parallel()
	decoded, err := decodeWebhook(ok(`{"id": "w1", "status": "paused", "triggers": [], "events": ["job.new"], "owner": {"id": 7}}`))
	if diff := cmp.Diff(Webhook{ID: "w1", Status: "paused", EventTypes: []string{"job.new"}}, decoded.webhook()); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestDecodeWebhook_status(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"status": "ACTIVE"`:                              StatusActive,
		`"status": "Inactive", "deletedAt": null`:         StatusInactive,
		`"status": "Paused"`:                              "Paused",
		`"status": "DELETED"`:                             statusDeleted,
		`"deletedAt": "2026-01-01T12:00:00Z"`:             statusDeleted,
		`"deleted_at": "2026-01-01T12:00:00+01:00"`:       statusDeleted,
		`"status": "active", "deleted": true`:             statusDeleted,
		`"isDeleted": true`:                               statusDeleted,
		`"status": "active", "deleted": false`:            StatusActive,
		`"deletedAt": "0001-01-01T00:00:00Z"`:             "",
		`"deletedAt": "", "deleted": 0, "is_deleted": ""`: "",
	} {
		if w, err := decodeWebhook(ok(`{"id": "w1", ` + fields + `}`)); err != nil || w.webhook().Status != want {
			t.Errorf("%s: %q, %v; want %q", fields, w.webhook().Status, err, want)
		}
	}
}

func TestDecodeWebhook_refuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, ` `, `null`, `7`, `"text"`, `[]`, `{}`, `<!doctype html>`, `{"id": "w1"`, `{"id": ""}`, `{"id": 7}`, `{"id": null}`,
		`{"id": "w1", "name": 7}`, `{"id": "w1", "events": "job.completed"}`, `{"payload": []}`, `{"payload": "w1"}`,
		`{"data": {"data": {"data": {"data": {"id": "w1"}}}}}`, `{"id": "w1"} {"id": "w2"}`,
	} {
		decoded, err := decodeWebhook(ok(body))
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %+v, %v; want ErrUnreadable", body, decoded.webhook(), err)
		}
	}
	if _, err := decodeWebhook(ok(`{"id": "w1", "secret": {"text": "CANARY"}}`)); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("error %v quotes the body", err)
	}
}

// TestDecodeWebhook_limits decodes what just fits, and one more.
func TestDecodeWebhook_limits(t *testing.T) {
	t.Parallel()
	list := func(n int) string { return strings.Repeat(`"a",`, n-1) + `"a"` }
	fields := func(n int) string {
		var b strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&b, `"f%d": 0, `, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		name string
		body func(n int) string
		most int
	}{
		{"events", func(n int) string { return `{"id": "w1", "events": [` + list(n) + `]}` }, maxEvents},
		{"fields", func(n int) string { return `{` + fields(n) + `"id": "w1"}` }, maxFields},
		{"characters of an id", func(n int) string { return `{"id": "` + strings.Repeat("x", n) + `"}` }, maxID},
	} {
		if _, err := decodeWebhook(ok(c.body(c.most))); err != nil {
			t.Errorf("%d %s: %v", c.most, c.name, err)
		}
		if _, err := decodeWebhook(ok(c.body(c.most + 1))); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%d %s: %v", c.most+1, c.name, err)
		}
	}
}

func TestDecodeWebhook_errorInside2xx(t *testing.T) {
	t.Parallel()
	for body, message := range map[string]string{
		`{"error": "no more webhooks"}`:                                        "no more webhooks",
		`{"error": {"message": "no more webhooks"}, "payload": {"id": "w1"}}`:  "no more webhooks",
		`{"payload": {"error": "no more webhooks"}}`:                           "",
		`{"errors": [{"message": "no url"}, {"message": "no name"}]}`:          "no url; no name",
		`{"data": [{"id": "w1"}], "error": "half of it", "message": "sorry"}`:  "half of it; sorry",
		`{"error": true, "message": "TitanX is being maintained", "data": []}`: "TitanX is being maintained",
		`{"success": false, "message": "no more webhooks", "data": null}`:      "no more webhooks",
		`{"ok": false, "data": [{"id": "w1"}]}`:                                "",
		`{"status": "fail", "data": {"message": "no name"}}`:                   "",
		`{"status": "error", "message": "no more webhooks"}`:                   "no more webhooks",
	} {
		_, err := decodeWebhook(ok(body))
		_, listErr := decodeList(ok(body), 1)
		for _, err := range []error{err, listErr} {
			var refused *Error
			if !errors.As(err, &refused) || refused.StatusCode != http.StatusOK || refused.Message != message {
				t.Errorf("%s: %v; want an Error with the message %q", body, err, message)
			}
		}
	}
	for _, none := range []string{`null`, `""`, `[]`, `{}`, `false`, `0`} {
		if _, err := decodeWebhook(ok(`{"error": ` + none + `, "errors": ` + none + `, "payload": {"id": "w1"}}`)); err != nil {
			t.Errorf("error %s: %v", none, err)
		}
	}
	for _, status := range []string{"error", "fail"} {
		if w, err := decodeWebhook(ok(`{"success": true, "ok": true, "data": {"id": "w1", "status": "` + status + `"}}`)); err != nil || w.Status != status {
			t.Errorf("a webhook of the status %q: %v", status, err)
		}
	}
}

func TestDecodeList_wrappers(t *testing.T) {
	t.Parallel()
	for _, wrap := range []string{
		`%s`, `{"payload": %s}`, `{"data": %s}`, `{"webhooks": %s}`, `{"payload": {"webhooks": %s}}`, `{"data": {"items": %s}}`,
		`{"payload": {"results": %s}}`, `{"items": %s}`,
	} {
		for list, want := range map[string][]Webhook{
			`[]`: {},
			`[{"id": "w2", "events": ["a"]}, {"id": "w1", "secret": "****"}]`: {{ID: "w2", EventTypes: []string{"a"}}, {ID: "w1"}},
		} {
			body := fmt.Sprintf(wrap, list)
			got, err := decodeList(ok(body), 1)
			if diff := cmp.Diff(want, got.webhooks); err != nil || diff != "" || got.next != nil || got.total != -1 {
				t.Errorf("%s: %v, next %v, total %d (-want +got):\n%s", body, err, got.next, got.total, diff)
			}
		}
	}
}

func TestDecodeList_refuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `{}`, `"[]"`, `<html>`, `{"payload": null}`, `{"payload": {"id": "w1"}}`, `[{"id": "w1"}`, `[{"name": "crm"}]`,
		`[{"id": ""}]`, `[null]`, `["w1"]`, `[{"id": 7}]`, `{"data": {"data": {"data": {"data": []}}}}`,
	} {
		got, err := decodeList(ok(body), 1)
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %+v, %v; want ErrUnreadable", body, got, err)
		}
	}
}

func TestPageVariant(t *testing.T) {
	t.Parallel()
	got, err := decodeList(documented(t, "page_variant.json"), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := page{next: url.Values{"cursor": {"b3BhcXVl"}}, total: 3, webhooks: []Webhook{{
		ID: "7d3b0c1e-52a4-4f6b-9d0e-2f1f4c8a9b10", Name: "crm", URL: "https://your-app.com/webhooks/titanx", Status: StatusActive,
		EventTypes: EventTypes(), CreatedAt: newYear, UpdatedAt: newYear.AddDate(0, 0, 1),
	}, {
		ID: "0a5f6f0e-8a55-4c55-8d0e-6a1d2f9c7e21", Name: "warehouse", URL: "https://your-app.com/webhooks/warehouse",
		Status: StatusInactive, EventTypes: []string{"job.completed"}, CreatedAt: newYear.AddDate(0, 0, 2), UpdatedAt: newYear.AddDate(0, 0, 2),
	}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(page{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEncodeCreate(t *testing.T) {
	t.Parallel()
	req := CreateRequest{Name: `a "name"`, URL: "https://r.example/?a=1&b=<2>", EventTypes: []string{"b", "a", "b"}, Status: StatusInactive}
	for keys, want := range map[string]string{
		"events eventTypes": `{"eventTypes":["a","b"],"events":["a","b"],"name":"a \"name\"","status":"inactive","url":"https://r.example/?a=1\u0026b=\u003c2\u003e"}`,
		"events":            `{"events":["a","b"],"name":"a \"name\"","status":"inactive","url":"https://r.example/?a=1\u0026b=\u003c2\u003e"}`,
		"eventTypes":        `{"eventTypes":["a","b"],"name":"a \"name\"","status":"inactive","url":"https://r.example/?a=1\u0026b=\u003c2\u003e"}`,
	} {
		if diff := cmp.Diff(want, string(encodeCreate(req, strings.Fields(keys)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", keys, diff)
		}
	}
}

func TestUnknownEventKey(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"Unrecognized key(s) in object: 'eventTypes'":             "eventTypes",
		"Unrecognized key(s) in object: 'events'":                 "events",
		"unknown field \"events\"":                                "events",
		"additional property eventTypes is not allowed":           "eventTypes",
		"property eventTypes should not exist, extra":             "eventTypes",
		"Unrecognized key(s) in object: 'events', 'eventTypes'":   "",
		"events must have at least 1 element":                     "",
		"unknown event type \"job.new\"":                          "",
		"property events should not exist":                        "events",
		"name must be a string; property events should not exist": "events",
		"eventTypes[0]: unknown event type":                       "",
		"eventTypes: unknown event type":                          "",
		"unknown event type in eventTypes":                        "",
		"\"events\" is not allowed":                               "events",
		"events: Extra inputs are not permitted":                  "events",
		"found unpermitted parameter: :events":                    "events",
		"eventTypes: must NOT have additional properties":         "eventTypes",
		"Unrecognized field \"eventTypes\" (class CreateWebhook), not marked as ignorable (3 known properties: \"name\", \"url\", \"events\"])": "eventTypes",
		"unknown field `events`, expected one of `name`, `url`, `eventTypes`":                                                                   "events",
		`[ { "code": "unrecognized_keys", "keys": [ "events" ], "message": "Unrecognized key: \"events\"" } ]`:                                  "events",
		`Unrecognized keys: \"events\", \"eventTypes\"`:                                                                                         "",
		"eventTypes: Unknown field.":           "eventTypes",
		"events: is not a known property":      "events",
		"events: This field was not expected.": "events",
		"The events field is prohibited.":      "events",
		"The events field is required.":        "",
		"events: This field may not be null.":  "",
		"events is not a list":                 "",
		"unknown field \"my_events\"":          "",
		"":                                     "",
	} {
		for _, status := range []int{400, 422} {
			if got := unknownEventKey(fmt.Errorf("x: %w", &Error{StatusCode: status, Message: message})); got != want {
				t.Errorf("%d %q: %q, want %q", status, message, got, want)
			}
		}
		for _, status := range []int{200, 401, 403, 404, 409, 429, 500} {
			if got := unknownEventKey(&Error{StatusCode: status, Message: message}); got != "" {
				t.Errorf("%d %q: %q, want none", status, message, got)
			}
		}
	}
	if got := unknownEventKey(errors.New("unknown events")); got != "" {
		t.Errorf("an error of ours names %q", got)
	}
}

// Whatever is answered: no panic, a webhook always has an id, an error is of a
// known class, and no error quotes a secret.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"generated-schema.json", "hand-written-sample.json", "data-envelope.json", "page_variant.json"} {
		f.Add(documented(f, name).body, "", 1)
	}
	f.Add([]byte(`[{"id":"w1","events":["a"]}]`), `</webhooks?cursor=c2>; rel="next", </webhooks>; rel=prev`, 2)
	f.Add([]byte(`{"data":{"webhooks":[]},"page":1,"totalPages":2,"has_more":true}`), "", 1)
	f.Add([]byte(`{"payload":[["unexpected",{"id":7}]],"data":"unexpected","id":{}}`), "", 1)
	f.Add([]byte(`{"error":{"message":"no"},"links":{"next":{"href":"?page=2"}}}`), "", 1)
	f.Fuzz(func(t *testing.T, body []byte, link string, number int) {
		a := &answer{status: http.StatusOK, header: http.Header{"Link": {link}}, body: bytes.Clone(body)}
		decoded, err := decodeWebhook(a)
		checkDecodeError(t, err)
		if err == nil && decoded.ID == "" {
			t.Error("a webhook without an id")
		}
		p, err := decodeList(a, number)
		checkDecodeError(t, err)
		for _, w := range p.webhooks {
			if err == nil && w.ID == "" {
				t.Error("a listed webhook without an id")
			}
		}
		if err == nil && p.next != nil && len(p.next) == 0 {
			t.Error("the next page is this one")
		}
		if !bytes.Equal(a.body, body) {
			t.Error("decoding changed the body")
		}
	})
}

func checkDecodeError(t *testing.T, err error) {
	t.Helper()
	var refused *Error
	if err != nil && !errors.Is(err, ErrUnreadable) && !errors.As(err, &refused) {
		t.Errorf("error of no known class: %v", err)
	}
	if err != nil && looksSecret.MatchString(err.Error()) {
		t.Errorf("error quotes a secret: %v", err)
	}
}
