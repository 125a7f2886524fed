// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxRequests = 100      // of one check, without its cleaning up
	maxBody     = 17 << 20 // bytes of a response: more than the client reads

	// spacing keeps a check below the lowest documented limit, 5 a second. Each
	// of its clients knows only its own requests.
	spacing = 250 * time.Millisecond
)

var errLimit = fmt.Errorf("stopped after %d requests: check as a user who has fewer webhooks", maxRequests)

// exchange is one request and its response as they were on the wire.
type exchange struct {
	method        string
	request, body []byte
	status        int
	header        http.Header
	err           error // no complete response came
}

// wire is a transport that sends one request at a time and keeps each exchange.
type wire struct {
	next http.RoundTripper
	left atomic.Int64                                // how many requests may follow
	edit func(req *http.Request, body []byte) []byte // changes a request before it is sent, until take

	turn      chan struct{} // has room for who uses exchanges
	exchanges []exchange
}

func newWire(next http.RoundTripper) *wire {
	w := &wire{next: next, turn: make(chan struct{}, 1)}
	w.left.Store(maxRequests)
	return w
}

// take returns the exchanges since it was last called.
func (w *wire) take() (taken []exchange) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	taken, w.exchanges, w.edit = w.exchanges, nil, nil
	return taken
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	<-time.After(spacing)
	if w.left.Add(-1) < 0 {
		return nil, errLimit
	}
	body, _ := io.ReadAll(req.Body) // the client's, in memory
	req = req.Clone(req.Context())
	if w.edit != nil {
		body = w.edit(req, body)
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	x := exchange{method: req.Method, request: body}
	resp, err := w.next.RoundTrip(req)
	if err == nil {
		defer resp.Body.Close()
		x.status, x.header = resp.StatusCode, resp.Header
		x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		resp.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	x.err = err
	w.exchanges = append(w.exchanges, x)
	return resp, err
}

// failed reports whether an exchange says nothing about the API. The client
// sends no PATCH and no PUT, so that any response to them counts.
func (x exchange) failed() bool {
	own := x.method != http.MethodPatch && x.method != http.MethodPut
	return x.err != nil || own && x.status >= 500 && x.status != http.StatusNotImplemented
}

// String describes a response by its status and outline, never by its content.
func (x exchange) String() string {
	if x.err != nil {
		return fmt.Sprintf("%s: %v", x.method, x.err)
	}
	var value any
	err := json.Unmarshal(x.body, &value)
	seen := "plain text"
	switch body := bytes.TrimSpace(x.body); {
	case len(body) == 0:
		seen = "no body"
	case err == nil:
		text, _ := json.Marshal(outline(value)) // it always encodes
		seen = strings.ReplaceAll(string(text), `"`, "")
	case body[0] == '<':
		seen = "a web page"
	}
	if x.header["Link"] != nil {
		seen = "Link header, " + seen
	}
	return fmt.Sprintf("%s: %d, %.300s", x.method, x.status, seen)
}

// outline replaces the values of a JSON value by their kinds, and keeps only
// the first of a list.
func outline(value any) any {
	switch v := value.(type) {
	case string:
		return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.pattern.MatchString(v) })].name
	case []any:
		if len(v) > 0 {
			return []any{outline(v[0])}
		}
	case map[string]any:
		for key := range v {
			v[key] = outline(v[key])
		}
	case float64, bool:
		return "number or boolean"
	}
	return value
}

type kind struct {
	pattern *regexp.Regexp
	name    string
}

var kinds = []kind{
	{regexp.MustCompile(`^$`), "empty"},
	{regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`), "uuid"},
	{regexp.MustCompile(`^\d{4}-\d\d-\d\dT`), "time"},
	{regexp.MustCompile(`[*•]`), "masked"},
	{regexp.MustCompile(`^whsec_`), "whsec_…"},
	{regexp.MustCompile(`^wh_sk_`), "wh_sk_…"},
	{regexp.MustCompile(`^active$`), "active"},
	{regexp.MustCompile(`^inactive$`), "inactive"},
	{regexp.MustCompile(``), "text"},
}
