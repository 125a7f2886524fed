// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestPaging(t *testing.T) {
	t.Parallel()
	cursor := url.Values{"cursor": {"c2"}}
	pageOf := func(n string) url.Values { return url.Values{"page": {n}} }
	for _, c := range []struct {
		body, link string
		number     int // of the page; 0 is 1
		next       url.Values
	}{
		{body: `{"data": []}`},
		{body: `{"data": [], "nextCursor": null}`},
		{body: `{"data": [], "nextCursor": "", "hasMore": false}`},
		{body: `{"data": [], "nextCursor": "c2"}`, next: cursor},
		{body: `{"data": [], "next_cursor": "c2", "has_more": true}`, next: cursor},
		{body: `{"data": [], "next_cursor": "c2", "has_more": false}`},
		{body: `{"data": {"items": [], "pageInfo": {"endCursor": "c2", "hasNextPage": true}}}`, next: cursor},
		{body: `{"data": {"items": [], "pageInfo": {"endCursor": "c2", "hasNextPage": false}}}`},
		{body: `{"data": [], "meta": {"pagination": {"nextCursor": "c2"}}}`, next: cursor},
		{body: `{"data": [], "cursors": {"next": "c2"}}`, next: cursor},
		{body: `{"data": [], "nextPageToken": "c2"}`, next: url.Values{"pageToken": {"c2"}}},
		{body: `{"data": [], "next": "/api/public/v2/webhooks?cursor=c2"}`, next: cursor},
		{body: `{"data": [], "next": "https://elsewhere.example/x?cursor=c2"}`, next: cursor},
		{body: `{"data": [], "next": null}`},
		{body: `{"data": [], "links": {"next": {"href": "?cursor=c2"}}}`, next: cursor},
		{body: `{"data": [], "next_page_url": "https://app.titanx.io/webhooks?page=2"}`, next: pageOf("2")},
		{body: `{"data": [], "page": 1, "totalPages": 2}`, next: pageOf("2")},
		{body: `{"data": [], "page": 2, "totalPages": 2}`, number: 2},
		{body: `{"data": [], "page": 0, "totalPages": 1}`},
		{body: `{"data": [], "page": 0, "totalPages": 2}`, next: pageOf("1")},
		{body: `{"data": [], "page": 1, "totalPages": 2}`, number: 2},
		{body: `{"data": [], "totalPages": 3}`, number: 2, next: pageOf("3")},
		{body: `{"data": [], "totalPages": 3}`, number: 3},
		{body: `{"data": [], "pagination": {"current_page": 1, "last_page": 4}}`, next: pageOf("2")},
		{body: `{"data": [], "nextPage": 2}`, next: pageOf("2")},
		{body: `{"data": [], "nextPage": "2"}`, next: pageOf("2")},
		{body: `{"data": [], "page": "1", "totalPages": "2"}`, next: pageOf("2")},
		{body: `{"data": [], "nextPage": 2}`, number: 2},
		{body: `{"data": [], "nextPage": null, "hasMore": false}`},
		{body: `[]`, link: `<https://app.titanx.io/webhooks?cursor=c2>; rel="next"`, next: cursor},
		{body: `[]`, link: `</webhooks?cursor=c0>; rel="prev", </webhooks?cursor=c2>; rel=next`, next: cursor},
		{body: `[]`, link: `</webhooks?cursor=c2>; title="2nd"; rel = "next last"`, next: cursor},
		{body: `[]`, link: `</webhooks?ids=1,2;3&cursor=c2>; rel="next"`, next: url.Values{"cursor": {"c2"}}},
		{body: `[]`, link: `</webhooks?after=1,2>; rel="next"`, next: url.Values{"after": {"1,2"}}},
		{body: `[]`, link: `</webhooks?cursor=c0>; rel="prev"`},
		{body: `[]`, link: `</webhooks?cursor=c0>; title="next"`},
		{body: `{"data": [], "links": {"next": {"href": ""}}}`},
		{body: `[]`, link: `garbage; rel="next"`},
	} {
		a := ok(c.body)
		a.header = http.Header{"Link": {c.link}}
		got, err := decodeList(a, max(c.number, 1))
		if diff := cmp.Diff(c.next, got.next); err != nil || diff != "" {
			t.Errorf("%s %s: %v (-want +got):\n%s", c.body, c.link, err, diff)
		}
	}
}

func TestPaging_withoutNextPage(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"data": [], "hasMore": true}`,
		`{"data": [], "has_next_page": true, "nextCursor": null}`,
		`{"data": [], "hasMore": "true"}`,
		`{"data": [], "next": "/webhooks/page/2"}`,
		`{"data": [], "next": "://?"}`,
	} {
		if got, err := decodeList(ok(body), 1); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %+v, %v; want ErrUnreadable", body, got, err)
		}
	}
}

func TestPaging_total(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body, name, value string
		want              int
	}{
		{`[]`, "X-Total-Count", "3", 3},
		{`{"data": []}`, "X-Total", "3", 3},
		{`[]`, "Content-Range", "webhooks 0-1/3", 3},
		{`[]`, "Content-Range", "items */0", 0},
		{`[]`, "Content-Range", "webhooks 0-1/*", -1},
		{`[]`, "Content-Range", "bytes 0-1/2", -1},
		{`[]`, "X-Total-Count", "many", -1},
		{`{"data": [], "total": 2}`, "X-Total-Count", "3", 2},
	} {
		a := ok(c.body)
		a.header = http.Header{}
		a.header.Set(c.name, c.value)
		if got, err := decodeList(a, 1); err != nil || got.total != c.want {
			t.Errorf("%s: %s, %s: %d, %v; want %d", c.name, c.value, c.body, got.total, err, c.want)
		}
	}
}

func TestPaging_headers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header http.Header
		number int
		next   url.Values
		fails  bool
	}{
		{http.Header{"X-Next-Page": {"2"}}, 1, url.Values{"page": {"2"}}, false},
		{http.Header{"X-Next-Page": {""}, "X-Total-Pages": {"2"}}, 2, nil, false},
		{http.Header{"X-Page": {"1"}, "X-Total-Pages": {"2"}}, 1, url.Values{"page": {"2"}}, false},
		{http.Header{"X-Pagination-Current-Page": {"1"}, "X-Pagination-Page-Count": {"2"}}, 1, url.Values{"page": {"2"}}, false},
		{http.Header{"X-Next-Cursor": {"c2"}}, 1, url.Values{"cursor": {"c2"}}, false},
		{http.Header{"X-Has-More": {"true"}}, 1, nil, true},
		{http.Header{"X-Has-More": {"false"}}, 1, nil, false},
	} {
		a := ok(`[]`)
		a.header = c.header
		got, err := decodeList(a, c.number)
		if diff := cmp.Diff(c.next, got.next); diff != "" || (err != nil) != c.fails {
			t.Errorf("%v: %v (-want +got):\n%s", c.header, err, diff)
		}
	}
	a := ok(`{"data": [], "page": 2, "totalPages": 2}`)
	a.header = http.Header{"X-Page": {"1"}, "X-Total-Pages": {"9"}}
	if got, err := decodeList(a, 2); err != nil || got.next != nil {
		t.Errorf("the body has no say: %v, %v", got.next, err)
	}
}

func TestList_incomplete(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		pages []string
		want  string // ids
		fails bool
		asked int
	}{
		{"empty", []string{`[]`}, "", false, 1},
		{"one page", []string{`{"data": [{"id": "1"}, {"id": "2"}], "total": 2}`}, "12", false, 1},
		{"two pages", []string{`{"data": [{"id": "1"}], "nextCursor": "c"}`, `{"data": [{"id": "2"}], "total": 2}`}, "12", false, 2},
		{"overlapping pages", []string{`{"data": [{"id": "1"}, {"id": "2"}], "nextCursor": "c"}`, `{"data": [{"id": "2"}, {"id": "3"}]}`}, "123", false, 2},
		{"total not met", []string{`{"data": [{"id": "1"}], "total": 2}`}, "1", true, 1},
		{"total not met on the last page", []string{`{"data": [{"id": "1"}], "nextCursor": "c"}`, `{"data": [{"id": "2"}], "total": "3"}`}, "12", true, 2},
		{"more, but not where", []string{`{"data": [{"id": "1"}], "hasMore": true}`}, "", true, 1},
		{"in circles", []string{`{"data": [{"id": "1"}], "nextCursor": "c"}`}, "1", true, 2},
		{"empty, but goes on", []string{`{"data": [], "nextCursor": "c"}`}, "", true, 1},
		{"second page unreadable", []string{`{"data": [{"id": "1"}], "nextCursor": "c"}`, `<html>`}, "1", true, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, asked := pages(t, c.pages...)
			var ids string
			var failure error
			for w, err := range client.List(t.Context()) {
				ids, failure = ids+w.ID, err
			}
			if ids != c.want || (failure != nil) != c.fails || failure != nil && !errors.Is(failure, ErrUnreadable) || *asked != c.asked {
				t.Errorf("%s: %q, %v after %d requests", c.name, ids, failure, *asked)
			}
			if all, err := client.listAll(t.Context()); (err != nil) != c.fails || err != nil && all != nil {
				t.Errorf("%s: %v, %v", c.name, all, err)
			}
		})
	}
}

// A list that is cut short may say so in its headers alone. It is no evidence
// that a webhook is gone.
func TestList_incompleteHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		header http.Header
		fails  bool
	}{
		{200, http.Header{"X-Total-Count": {"2"}}, true},
		{200, http.Header{"X-Total-Count": {"1"}}, false},
		{206, http.Header{"Content-Range": {"webhooks 0-0/2"}}, true},
		{206, http.Header{"Content-Range": {"webhooks 0-0/1"}}, false},
		{206, http.Header{"Content-Range": {"webhooks 0-0/*"}}, true},
		{206, nil, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			client := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/2") {
					http.NotFound(w, r)
					return
				}
				maps.Copy(w.Header(), c.header)
				w.WriteHeader(c.status)
				fmt.Fprint(w, `[{"id": "1"}]`)
			})}})
			_, err := client.Find(t.Context(), "2")
			if errors.Is(err, ErrNotFound) == c.fails || errors.Is(err, ErrUnreadable) != c.fails {
				t.Errorf("%d %v: %v", c.status, c.header, err)
			}
		})
	}
}

func TestList_lazy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, asked := pages(t, `{"data": [{"id": "1"}, {"id": "2"}], "nextCursor": "c"}`, `{"data": [{"id": "3"}]}`)
		for range client.List(t.Context()) {
			break
		}
		if *asked != 1 {
			t.Errorf("%d requests", *asked)
		}
	})
}

// A list that always names one more page, each with new webhooks, ends.
// TestList_most reads as many webhooks as a list may have.
func TestList_most(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var most strings.Builder
		for n := range maxWebhooks {
			fmt.Fprintf(&most, `,{"id":"%d"}`, n)
		}
		client, _ := pages(t, `{"data":[`+most.String()[1:]+`],"nextCursor":"c"}`, `{"data":[]}`)
		if all, err := client.listAll(t.Context()); err != nil || len(all) != maxWebhooks {
			t.Errorf("%d webhooks, %v", len(all), err)
		}
	})
}

func TestList_endlessPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			pages++
			fmt.Fprintf(w, `{"data": [{"id": "%d"}], "nextCursor": "%d"}`, pages, pages)
		})}})
		if _, err := c.listAll(t.Context()); !errors.Is(err, ErrUnreadable) || pages != maxPages {
			t.Errorf("%v after %d pages", err, pages)
		}
	})
}
