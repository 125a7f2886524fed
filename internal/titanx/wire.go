// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The JSON shapes TitanX may speak. Its documentation contradicts itself (docs.titanx.io, "Webhooks"), so every doubt about the
// body of a request or an answer is settled in this file and nowhere else.

// eventKeys are the two documented names of the events array in a create request.
var eventKeys = []string{"events", "eventTypes"}

// encodeCreate writes a create request with the events under each of the given keys.
func encodeCreate(req CreateRequest, keys []string) ([]byte, error) {
	body := map[string]any{"name": req.Name, "url": req.URL, "status": req.Status}
	for _, key := range keys {
		body[key] = eventSet(req.EventTypes)
	}
	return json.Marshal(body)
}

// unknownEventKey tells which events key a refused create request names as unknown: "" if none or both.
func unknownEventKey(err error) string {
	var refused *Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusBadRequest && refused.StatusCode != http.StatusUnprocessableEntity {
		return ""
	}
	words := strings.FieldsFunc(refused.Message, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z')
	})
	named := slices.DeleteFunc(slices.Clone(eventKeys), func(key string) bool { return !slices.Contains(words, key) })
	if len(named) != 1 || !slices.ContainsFunc(words, isUnknownWord) {
		return ""
	}
	return named[0]
}

func isUnknownWord(word string) bool {
	switch strings.ToLower(word) {
	case "unknown", "unrecognized", "unrecognised", "unexpected", "unsupported", "additional", "extra", "allowed":
		return true
	}
	return false
}

// webhookJSON is one webhook under all documented names. A nil field was not said.
type webhookJSON struct {
	ID         string   `json:"id"`
	Name       *string  `json:"name"`
	URL        *string  `json:"url"`
	Triggers   []string `json:"triggers"`
	Events     []string `json:"events"`
	EventTypes []string `json:"eventTypes"`
	Status     *string  `json:"status"`
	Secret     *string  `json:"secret"`
	CreatedAt  any      `json:"createdAt"`
	UpdatedAt  any      `json:"updatedAt"`
}

func (w webhookJSON) webhook() Webhook {
	events := w.Triggers
	for _, other := range [][]string{w.Events, w.EventTypes} {
		if len(events) == 0 {
			events = other
		}
	}
	return Webhook{
		ID:         w.ID,
		Name:       said(w.Name),
		URL:        said(w.URL),
		EventTypes: eventSet(events),
		Status:     said(w.Status),
		CreatedAt:  timestamp(w.CreatedAt),
		UpdatedAt:  timestamp(w.UpdatedAt),
	}
}

func said(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// timestamp reads RFC 3339, the form of every sample. Another form counts as not said.
func timestamp(value any) time.Time {
	text, _ := value.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// eventSet sorts and removes what stands twice: the order of events means nothing. An empty set is nil.
func eventSet(events []string) []string {
	if len(events) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(events)))
}

// wrappers are the keys under which an answer may hold its object or list.
var wrappers = []string{"payload", "data", "webhook", "webhooks", "items", "results"}

// maxNesting bounds how deep a list or object may be wrapped.
const maxNesting = 3

// decodeWebhook reads an object under "payload", under "data", or bare.
func decodeWebhook(a *answer) (webhookJSON, error) {
	return decodeNested(a, a.body, maxNesting)
}

// decodeNested prefers the inner object: an id beside an envelope is that of the request or the page.
func decodeNested(a *answer, raw json.RawMessage, depth int) (webhookJSON, error) {
	fields, err := object(a, raw)
	if err != nil {
		return webhookJSON{}, err
	}
	inner := slices.IndexFunc(wrappers, func(key string) bool { return startsWith(fields[key], '{') })
	if inner >= 0 && depth > 0 {
		if w, err := decodeNested(a, fields[wrappers[inner]], depth-1); !errors.Is(err, ErrUnreadable) {
			return w, err
		}
	}
	if _, ok := fields["id"]; ok {
		return decodeObject(raw)
	}
	return webhookJSON{}, fmt.Errorf("%w: no webhook in it", ErrUnreadable)
}

func decodeObject(raw json.RawMessage) (webhookJSON, error) {
	var w webhookJSON
	if err := json.Unmarshal(raw, &w); err != nil {
		return webhookJSON{}, unreadable(err)
	}
	if w.ID == "" {
		return webhookJSON{}, fmt.Errorf("%w: a webhook without an id", ErrUnreadable)
	}
	return w, nil
}

// object reads one level of an answer, and turns a 2xx with a non-null "error" into the error it is.
func object(a *answer, raw json.RawMessage) (map[string]json.RawMessage, error) {
	if !startsWith(raw, '{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrUnreadable)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, unreadable(err)
	}
	for _, key := range []string{"error", "errors"} {
		if value := fields[key]; len(value) > 0 && !slices.Contains([]string{"null", "[]", "{}", `""`, "false"}, string(value)) {
			return nil, newError(a)
		}
	}
	return fields, nil
}

// unreadable describes a JSON error without quoting the body.
func unreadable(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fmt.Errorf("%w: field %q is not a %s", ErrUnreadable, wrongType.Field, wrongType.Type)
	}
	return fmt.Errorf("%w: not valid JSON", ErrUnreadable)
}

func startsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// page is one answer of the list: its webhooks, and the query of the next page (nil after the last).
type page struct {
	webhooks []Webhook
	next     url.Values
	total    int // how many there are in all, if the answer says; else -1
}

// decodeList reads a list that is bare, under "payload" or "data", or one level deeper; number is this page's, from 1.
func decodeList(a *answer, number int) (page, error) {
	raw, hints := json.RawMessage(a.body), pagingHints{}
	for range maxNesting {
		if startsWith(raw, '[') {
			return decodePage(a, raw, hints, number)
		}
		fields, err := object(a, raw)
		if err != nil {
			return page{}, err
		}
		hints.read(fields)
		inner := slices.IndexFunc(wrappers, func(key string) bool { return startsWith(fields[key], '[') })
		if inner < 0 {
			inner = slices.IndexFunc(wrappers, func(key string) bool { return startsWith(fields[key], '{') })
		}
		if inner < 0 {
			break
		}
		raw = fields[wrappers[inner]]
	}
	return page{}, fmt.Errorf("%w: no list of webhooks in it", ErrUnreadable)
}

func decodePage(a *answer, raw json.RawMessage, hints pagingHints, number int) (page, error) {
	var list []webhookJSON
	if err := json.Unmarshal(raw, &list); err != nil {
		return page{}, unreadable(err)
	}
	p := page{webhooks: make([]Webhook, 0, len(list)), total: hints.number(-1, "total", "totalcount", "totalitems", "totalresults")}
	for _, w := range list {
		if w.ID == "" {
			return page{}, fmt.Errorf("%w: a webhook without an id", ErrUnreadable)
		}
		p.webhooks = append(p.webhooks, w.webhook())
	}
	var err error
	p.next, err = hints.next(a.header, number)
	return p, err
}

// pagingHints are the values beside a list that may tell of further pages, by their key in lower case without underscores.
// Paging is undocumented: the usual forms of a cursor, a link and a page count are understood.
type pagingHints map[string]json.RawMessage

func (h pagingHints) read(fields map[string]json.RawMessage) {
	for key, value := range fields {
		key = strings.ToLower(strings.ReplaceAll(key, "_", ""))
		switch key {
		case "pagination", "paging", "meta", "page", "links", "cursors", "pageinfo":
			if startsWith(value, '{') {
				var inner map[string]json.RawMessage
				if json.Unmarshal(value, &inner) == nil {
					h.read(inner)
				}
				continue
			}
		}
		h[key] = value
	}
}

func (h pagingHints) text(keys ...string) string {
	for _, key := range keys {
		var text string
		if json.Unmarshal(h[key], &text) == nil && text != "" {
			return text
		}
		var link struct {
			Href string `json:"href"`
		}
		if startsWith(h[key], '{') && json.Unmarshal(h[key], &link) == nil && link.Href != "" {
			return link.Href
		}
	}
	return ""
}

func (h pagingHints) number(missing int, keys ...string) int {
	for _, key := range keys {
		if n, err := strconv.Atoi(strings.Trim(string(h[key]), `"`)); err == nil {
			return n
		}
	}
	return missing
}

// next gives the query of the page after this one, nil if there is none. An answer that says there is more, but not how to ask
// for it, is an error: a short list must never pass for a whole one.
func (h pagingHints) next(header http.Header, number int) (url.Values, error) {
	if link := nextLink(header); link != "" {
		return linkQuery(link)
	}
	if cursor := h.text("nextcursor", "endcursor"); cursor != "" && h.more(true) {
		return url.Values{"cursor": {cursor}}, nil
	}
	if token := h.text("nextpagetoken"); token != "" {
		return url.Values{"pageToken": {token}}, nil
	}
	if next := h.text("next", "nextpageurl", "nexturl", "nextlink"); next != "" {
		if strings.ContainsAny(next, "/?") {
			return linkQuery(next)
		}
		return url.Values{"cursor": {next}}, nil
	}
	if next := h.number(0, "nextpage", "next"); next > number {
		return url.Values{"page": {strconv.Itoa(next)}}, nil
	}
	current := h.number(number, "page", "currentpage", "pagenumber")
	last := h.number(0, "totalpages", "pagecount", "pages", "lastpage")
	if current == number-1 {
		last-- // pages are counted from 0
	}
	if current < last {
		return url.Values{"page": {strconv.Itoa(current + 1)}}, nil
	} else if last <= 0 && h.more(false) {
		return nil, fmt.Errorf("%w: the list says there is more, but not where", ErrUnreadable)
	}
	return nil, nil
}

func (h pagingHints) more(missing bool) bool {
	for _, key := range []string{"hasmore", "hasnext", "hasnextpage"} {
		if more, err := strconv.ParseBool(strings.Trim(string(h[key]), `"`)); err == nil {
			return more
		}
	}
	return missing
}

// linkValue is one link of a Link header: its target, which may hold commas and semicolons, and its parameters (RFC 8288).
var linkValue = regexp.MustCompile(`<([^>]*)>([^<]*)`)

// nextLink reads a Link header with rel="next".
func nextLink(header http.Header) string {
	for _, value := range header.Values("Link") {
		for _, link := range linkValue.FindAllStringSubmatch(value, -1) {
			for param := range strings.SplitSeq(link[2], ";") {
				name, rel, _ := strings.Cut(param, "=")
				relations := strings.Fields(strings.Trim(strings.ToLower(rel), "\", "))
				if strings.EqualFold(strings.TrimSpace(name), "rel") && slices.Contains(relations, "next") {
					return link[1]
				}
			}
		}
	}
	return ""
}

// linkQuery takes only the query of a link: the key is sent to the configured address and never to one that an answer names.
func linkQuery(link string) (url.Values, error) {
	u, err := url.Parse(link)
	if err != nil || len(u.Query()) == 0 {
		return nil, fmt.Errorf("%w: the link to the next page has no query", ErrUnreadable)
	}
	return u.Query(), nil
}
