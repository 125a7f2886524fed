// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// knownEvents are the documented event types.
var knownEvents = []string{"job.contact.scored", "job.completed"}

// webhookJSON is a webhook in an answer. The client has its own: sharing one
// would hide a wrong tag.
type webhookJSON struct {
	ID         string          `json:"id"`
	Name       *string         `json:"name,omitempty"`
	URL        string          `json:"url"`
	Triggers   []string        `json:"triggers,omitempty"`
	Events     []string        `json:"events,omitempty"`
	EventTypes []string        `json:"eventTypes,omitempty"`
	Status     string          `json:"status,omitempty"`
	Secret     json.RawMessage `json:"secret,omitempty"`
	CreatedAt  string          `json:"createdAt,omitempty"`
	UpdatedAt  string          `json:"updatedAt,omitempty"`
	DeletedAt  string          `json:"deletedAt,omitempty"`
}

func (d Dialect) webhook(w Webhook) webhookJSON {
	out := webhookJSON{ID: w.ID, URL: w.URL}
	if d.StatusOut == "present" {
		out.Status = w.Status
	}
	if d.CreatedAtOut == "present" {
		out.CreatedAt = timestamp(w.CreatedAt)
	}
	if d.NameOut != "absent" {
		out.Name = &w.Name
	}
	if d.UpdatedAt == "present" {
		out.UpdatedAt = timestamp(w.UpdatedAt)
	}
	switch {
	case w.DeletedAt.IsZero():
	case d.Deleted == "status":
		out.Status = "deleted"
	case d.Deleted == "timestamp":
		out.DeletedAt = timestamp(w.DeletedAt)
	}
	switch d.EventsOut {
	case "triggers":
		out.Triggers = w.EventTypes
	case "events":
		out.Events = w.EventTypes
	case "eventTypes":
		out.EventTypes = w.EventTypes
	}
	switch d.SecretOnRead {
	case "null":
		out.Secret = json.RawMessage(`null`)
	case "masked":
		out.Secret = mustJSON(d.SecretPrefix + "****")
	case "empty":
		out.Secret = json.RawMessage(`""`)
	}
	return out
}

// created is the one answer that shows the secret.
func (d Dialect) created(w Webhook) answer {
	out := d.webhook(w)
	switch d.CreateSecret {
	case "present":
		out.Secret = mustJSON(w.Secret)
	case "null":
		out.Secret = json.RawMessage(`null`)
	case "absent":
		out.Secret = nil
	}
	if d.NameOut == "absent-on-create" {
		out.Name = nil
	}
	code, _ := strconv.Atoi(d.CreateStatus)
	return jsonAnswer(code, d.wrap(out))
}

func (d Dialect) object(w Webhook) answer { return jsonAnswer(http.StatusOK, d.wrap(d.webhook(w))) }

func (d Dialect) statusSet(w Webhook) answer {
	switch d.StatusAnswer {
	case "empty-200":
		return answer{status: http.StatusOK}
	case "empty-204":
		return answer{status: http.StatusNoContent}
	case "text":
		return textAnswer(http.StatusOK, "OK")
	}
	if d.NameOut == "absent-on-create" {
		d.NameOut = "absent"
	}
	return d.object(w)
}

func (d Dialect) deleted(w Webhook) answer {
	switch d.DeleteAnswer {
	case "200-object":
		return d.object(w)
	case "200-empty":
		return answer{status: http.StatusOK}
	case "202":
		return answer{status: http.StatusAccepted}
	}
	return answer{status: http.StatusNoContent}
}

// wrap puts a value under the envelope.
func (d Dialect) wrap(v any) any {
	if d.Envelope == "bare" {
		return v
	}
	return map[string]any{d.Envelope: v}
}

// list answers a request for a list with the page that its query names.
func (d Dialect) list(r *http.Request, all []*stored) answer {
	page, more, next, ok := d.page(r, all)
	if !ok {
		return d.invalid("cursor", "no such page")
	}
	items := make([]webhookJSON, 0, len(page))
	for _, w := range page {
		item := d.webhook(w.Webhook)
		if d.ListForm == "masked" {
			item.URL = masked(item.URL)
		}
		items = append(items, item)
	}
	shape := d.List
	if shape == "array" && d.Envelope == "bare" && len(more) > 0 {
		shape = "items"
	}
	var body any
	switch {
	case shape != "array":
		more[shape] = items
		body = d.wrap(more)
	case d.Envelope == "bare":
		body = items
	default:
		more[d.Envelope] = items
		body = more
	}
	a := jsonAnswer(http.StatusOK, body)
	if d.Paging == "link" && next != "" {
		a.header.Set("Link", fmt.Sprintf("<%s>; rel=%q", next, "next"))
	}
	return a
}

// page cuts out the page that the query names, if it names one. more is what
// the body says about paging, next the address of the page that follows.
func (d Dialect) page(r *http.Request, all []*stored) (page []*stored, more map[string]any, next string, ok bool) {
	more = map[string]any{}
	switch d.Paging {
	case "none":
		return all, more, "", true
	case "pages":
		page, more["page"], more["totalPages"], ok = d.numberedPage(r, all)
		return page, more, "", ok
	}
	after := 0
	if given := r.URL.Query().Get("cursor"); given != "" {
		var err error
		if after, err = strconv.Atoi(strings.TrimPrefix(given, "after-")); err != nil {
			return nil, nil, "", false
		}
	}
	from, _ := slices.BinarySearchFunc(all, after+1, func(w *stored, n int) int { return w.number - n })
	to := min(from+d.PageSize, len(all))
	var cursor, address any // null on the last page
	if to < len(all) {
		c := fmt.Sprintf("after-%d", all[to-1].number)
		next = r.URL.Path + "?" + url.Values{"cursor": {c}}.Encode()
		cursor, address = c, next
	}
	switch d.Paging {
	case "cursor":
		more["nextCursor"] = cursor
	case "next":
		more["next"] = address
	}
	return all[from:to], more, next, true
}

func (d Dialect) numberedPage(r *http.Request, all []*stored) (page []*stored, number, total int, ok bool) {
	total = max(1, (len(all)+d.PageSize-1)/d.PageSize)
	number = 1
	if given := r.URL.Query().Get("page"); given != "" {
		number, _ = strconv.Atoi(given)
	}
	if number < 1 || number > total {
		return nil, 0, 0, false
	}
	from := (number - 1) * d.PageSize
	return all[from:min(from+d.PageSize, len(all))], number, total, true
}

// refusal is an error answer. field names the request's key that is to blame,
// if one is.
func (d Dialect) refusal(status int, field, message string) answer {
	switch d.ErrorBody {
	case "error-object":
		code := strings.ToLower(strings.ReplaceAll(http.StatusText(status), " ", "_"))
		return jsonAnswer(status, map[string]any{"error": map[string]string{"code": code, "message": message}})
	case "message":
		return jsonAnswer(status, map[string]any{"statusCode": status, "message": message})
	case "errors":
		return jsonAnswer(status, map[string]any{"errors": []any{map[string]string{"path": field, "message": message}}})
	case "text":
		return textAnswer(status, message)
	case "html":
		return htmlAnswer(status)
	case "empty":
		return answer{status: status}
	case "ok-error":
		if field != "" {
			status = http.StatusOK
		}
	}
	return jsonAnswer(status, map[string]string{"error": message})
}

// invalid is the refusal of a request's key.
func (d Dialect) invalid(field, message string) answer {
	code, _ := strconv.Atoi(d.Invalid)
	return d.refusal(code, field, message)
}

func (d Dialect) notFound(id string) answer {
	code, _ := strconv.Atoi(d.AbsentID)
	return d.refusal(code, "", fmt.Sprintf("webhook %q not found", id))
}

// tooMany is the 429 of a request that came before the exhausted window ends.
func (d Dialect) tooMany(now, end time.Time) answer {
	var a answer
	switch d.LimitBody {
	case "text":
		a = textAnswer(http.StatusTooManyRequests, "Too Many Requests")
	case "html":
		a = htmlAnswer(http.StatusTooManyRequests)
	case "empty":
		a = answer{status: http.StatusTooManyRequests, header: http.Header{}}
	default:
		a = d.refusal(http.StatusTooManyRequests, "", "rate limit exceeded")
	}
	if a.header == nil {
		a.header = http.Header{}
	}
	switch d.RetryAfter {
	case "seconds":
		a.header.Set("Retry-After", strconv.Itoa(int((end.Sub(now)+time.Second-1)/time.Second)))
	case "date":
		a.header.Set("Retry-After", end.UTC().Format(http.TimeFormat))
	}
	return a
}

// createRequest reads the body of a create. On a refusal, ok is false.
func (d Dialect) createRequest(body []byte) (w Webhook, refused answer, ok bool) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(body, &keys); err != nil || keys == nil {
		return w, d.invalid("body", "request body is not a JSON object"), false
	}
	eventKeys, strict := []string{"events", "eventTypes"}, 0
	if d.EventsIn != "both" {
		key, code, _ := strings.Cut(d.EventsIn, "-")
		eventKeys = []string{key}
		strict, _ = strconv.Atoi(code)
	}
	if unknown := unknownKeys(keys, append(eventKeys, "name", "url", "status")); strict != 0 && len(unknown) > 0 {
		return w, d.refusal(strict, unknown[0], "Unrecognized key(s) in object: '"+strings.Join(unknown, "', '")+"'"),
			false
	}
	w.Status = "active"
	for _, f := range []struct {
		key string
		to  *string
	}{{"name", &w.Name}, {"url", &w.URL}, {"status", &w.Status}} {
		if raw, given := keys[f.key]; given && (json.Unmarshal(raw, f.to) != nil || isNull(raw)) {
			return w, d.invalid(f.key, f.key+" must be a string"), false
		}
	}
	for _, key := range eventKeys {
		raw, given := keys[key]
		if !given {
			continue
		}
		var events []string
		if json.Unmarshal(raw, &events) != nil || isNull(raw) {
			return w, d.invalid(key, key+" must be an array of strings"), false
		}
		if events = distinct(events); w.EventTypes != nil && !sameSet(events, w.EventTypes) {
			return w, d.invalid(key, "events and eventTypes differ"), false
		}
		w.EventTypes = events
	}
	if field, message := d.check(w, eventKeys[0]); field != "" {
		return w, d.invalid(field, message), false
	}
	return w, answer{}, true
}

// check applies the documented rules to a webhook and returns the first key
// that breaks one.
func (d Dialect) check(w Webhook, eventKey string) (field, message string) {
	if w.Name == "" {
		return "name", "name must have at least 1 character"
	}
	if u, err := url.Parse(w.URL); err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return "url", "url must be an https URL"
	}
	if len(w.EventTypes) == 0 {
		return eventKey, eventKey + " must have at least 1 element"
	}
	for _, e := range w.EventTypes {
		if d.UnknownEvent == "refused" && !slices.Contains(knownEvents, e) {
			return eventKey, fmt.Sprintf("unknown event type %q", e)
		}
	}
	if !validStatus(w.Status) {
		return "status", "status must be active or inactive"
	}
	return "", ""
}

func validStatus(s string) bool { return s == "active" || s == "inactive" }

func unknownKeys(keys map[string]json.RawMessage, known []string) []string {
	var out []string
	for k := range keys {
		if !slices.Contains(known, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func isNull(raw json.RawMessage) bool { return bytes.Equal(raw, []byte("null")) }

// distinct drops repetitions and keeps the order. It never returns nil.
func distinct(list []string) []string {
	out := []string{}
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// timestamp is RFC 3339 in UTC with milliseconds, as in the documentation's
// samples.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

func jsonAnswer(status int, v any) answer {
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:   mustJSON(v),
	}
}

func textAnswer(status int, text string) answer {
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:   []byte(text),
	}
}

// htmlAnswer is a page of the web app that shares the API's host.
func htmlAnswer(status int) answer {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	page := "<!DOCTYPE html>\n<html><head><title>" + title + "</title></head><body><h1>" + title +
		"</h1></body></html>\n"
	return answer{status: status, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(page)}
}
