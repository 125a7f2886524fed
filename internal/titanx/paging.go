// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxPages and maxWebhooks bound a list: a server that always names one more
// page must not hold Terraform.
const (
	maxPages    = 1000
	maxWebhooks = 100_000
)

var (
	errTooMany = fmt.Errorf("%w: the list has more than %d pages or %d webhooks", ErrUnreadable, maxPages,
		maxWebhooks)
	errShortList = fmt.Errorf("%w: the list is not complete", ErrUnreadable)
)

// listAll reads the whole list. A webhook that somebody creates meanwhile
// moves the pages, so that the list looks short: it is read once more.
func (c *Client) listAll(ctx context.Context) (all []Webhook, err error) {
	for range 2 {
		all = nil
		err = c.eachPage(ctx, func(w Webhook) bool { all = append(all, w); return true })
		if !errors.Is(err, errShortList) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}
	return all, nil
}

// eachPage follows the pages until the last, until yield has enough, or until a
// page brings nothing new.
func (c *Client) eachPage(ctx context.Context, yield func(Webhook) bool) error {
	seen := map[string]bool{}
	var query url.Values
	for number := 1; number <= maxPages && len(seen) <= maxWebhooks; number++ {
		var p page
		_, err := c.do(ctx, call{
			method: http.MethodGet, path: []string{webhooksPath}, query: query, read: func(a *answer) (err error) {
				p, err = decodeList(a, number)
				return err
			}})
		if err != nil {
			return err
		}
		before := len(seen)
		for _, w := range p.webhooks {
			if seen[w.ID] {
				continue
			}
			seen[w.ID] = true
			if w.Status != statusDeleted && !yield(w) {
				return nil
			}
		}
		switch {
		case p.next == nil && len(seen) < p.total:
			return fmt.Errorf("%w: it has %d of %d webhooks and no next page", errShortList, len(seen), p.total)
		case p.next == nil:
			return nil
		case len(seen) == before:
			return fmt.Errorf("%w: page %d contains nothing new, but names a next page", errShortList, number)
		}
		query = p.next
	}
	return errTooMany
}

// page is one response of the list.
type page struct {
	webhooks []Webhook
	next     url.Values // the query of the next page; nil after the last
	total    int        // how many webhooks there are in all; -1 if the response does not say
}

// decodeList reads a list that is bare, under "payload" or "data", or one level
// deeper. The pages count from 1.
func decodeList(a *answer, number int) (page, error) {
	raw, hints := json.RawMessage(a.body), pagingHints{}
	hints.readHeader(a.header)
	for range maxNesting {
		if startsWith(raw, '[') {
			return decodePage(a, raw, hints, number)
		}
		fields, err := object(a, raw)
		if err != nil {
			return page{}, err
		}
		hints.read(fields)
		if raw = unwrap(fields, '[', '{'); raw == nil {
			break
		}
	}
	return page{}, fmt.Errorf("%w: no list of webhooks in it", ErrUnreadable)
}

// decodePage decodes one element at a time: the first that is no webhook ends
// it, before memory is spent on the rest.
func decodePage(a *answer, raw json.RawMessage, hints pagingHints, number int) (page, error) {
	p := page{webhooks: []Webhook{}, total: hints.total(a.header)}
	from := json.NewDecoder(bytes.NewReader(raw))
	_, err := from.Token()
	for err == nil && from.More() {
		var w webhookJSON
		if err = from.Decode(&w); err != nil {
			break
		}
		if err := w.check(); err != nil {
			return page{}, err
		}
		if p.webhooks = append(p.webhooks, w.webhook()); len(p.webhooks) > maxWebhooks {
			return page{}, errTooMany
		}
	}
	if err == nil {
		_, err = from.Token()
	}
	if err != nil {
		return page{}, unreadable(err)
	}
	p.next, err = hints.next(a.header, number)
	if err == nil && p.next == nil && p.total < 0 && a.status == http.StatusPartialContent {
		err = fmt.Errorf("%w: TitanX answered 206 Partial Content", errShortList)
	}
	return p, err
}

// pagingHints are the values beside a list that may point to further pages, as
// readFields names them. Paging is undocumented: the usual forms of a cursor, a
// link and a page count are understood.
type pagingHints map[string]json.RawMessage

func (h pagingHints) read(fields map[string]json.RawMessage) {
	for key, value := range fields {
		switch key {
		case "pagination", "paging", "meta", "page", "links", "cursors", "pageinfo":
			if inner, err := readFields(value); err == nil {
				h.read(inner)
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

// readHeader reads the hints of a list without any in its body, such as
// X-Total-Count and X-Next-Page.
func (h pagingHints) readHeader(header http.Header) {
	for name := range header {
		if key, ok := strings.CutPrefix(name, "X-"); ok {
			value, _ := json.Marshal(header.Get(name)) // a string always encodes
			h[strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(key, "Pagination-"), "-", ""))] = value
		}
	}
}

// total returns how many webhooks there are in all, -1 if the response does not
// say.
func (h pagingHints) total(header http.Header) int {
	unit, size, _ := strings.Cut(header.Get("Content-Range"), "/")
	total, err := strconv.Atoi(size)
	if err != nil || strings.HasPrefix(unit, "bytes") {
		total = -1
	}
	return h.number(total, "total", "totalcount", "totalitems", "totalresults")
}

// next returns the query of the page after this one, nil if there is none. A
// response that says there is more, but not how to ask for it, is an error: a
// short list must never pass for a complete one.
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

// linkValue is one link of a Link header: its target, which may hold commas and
// semicolons, and its parameters (RFC 8288).
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

// linkQuery returns only the query of a link: the key is sent to the configured
// address and never to one that a response names.
func linkQuery(link string) (url.Values, error) {
	u, err := url.Parse(link)
	if err != nil || len(u.Query()) == 0 {
		return nil, fmt.Errorf("%w: the link to the next page has no query", ErrUnreadable)
	}
	return u.Query(), nil
}
