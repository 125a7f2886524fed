// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// wire is a transport that keeps each exchange. It sends one request at a
// time.
type wire struct {
	next http.RoundTripper
	left atomic.Int64                                // how many requests may follow
	edit func(req *http.Request, body []byte) []byte // changes a request before it is sent, until take

	turn      chan struct{} // has room for who uses the fields below
	exchanges []exchange
	last      time.Time
}

func newWire(next http.RoundTripper) *wire {
	w := &wire{next: next, turn: make(chan struct{}, 1)}
	w.left.Store(maxRequests)
	return w
}

// take returns the exchanges since it was last called.
func (w *wire) take() (taken []exchange) {
	w.turn <- struct{}{}
	taken, w.exchanges, w.edit = w.exchanges, nil, nil
	<-w.turn
	return taken
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	req = req.Clone(req.Context())
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // the client's, in memory
	}
	if w.edit != nil {
		body = w.edit(req, body)
	}
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	if w.left.Add(-1) < 0 {
		return nil, errLimit
	}
	<-time.After(time.Until(w.last.Add(spacing)))
	w.last = time.Now()
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
		seen = outline(value)
	case body[0] == '<':
		seen = "a web page"
	}
	if x.header["Link"] != nil {
		seen = "Link header, " + seen
	}
	return fmt.Sprintf("%s: %d, %.300s", x.method, x.status, seen)
}

// outline shows the keys and kinds of a JSON value.
func outline(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.pattern.MatchString(v) })].name
	case []any:
		if len(v) == 0 {
			return "[]"
		}
		return "[" + outline(v[0]) + "]"
	case map[string]any:
		var fields []string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			fields = append(fields, key+": "+outline(v[key]))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return "number or boolean"
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
