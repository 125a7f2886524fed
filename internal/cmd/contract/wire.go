// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	maxRequests = 100      // of one check, without its cleaning up
	maxBody     = 17 << 20 // bytes of a response: one MiB more than the client reads

	// spacing keeps a check below the lowest documented limit, 5 a second. Each of
	// its clients knows only its own requests.
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

// wire is a transport that keeps each exchange.
type wire struct {
	next http.RoundTripper

	turn      chan struct{}                               // has room for the one request that is sent at a time
	edit      func(req *http.Request, body []byte) []byte // changes a request before it is sent
	limit     int                                         // how many exchanges there may be
	exchanges []exchange
	last      time.Time
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	if len(w.exchanges) >= w.limit {
		return nil, errLimit
	}
	select {
	case <-time.After(time.Until(w.last.Add(spacing))):
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	w.last = time.Now()
	req = req.Clone(req.Context())
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // the client's, in memory
	}
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

// String describes a response by its status and outline, never by its content.
func (x exchange) String() string {
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
	return fmt.Sprintf("%d, %.300s", x.status, seen)
}

// outline shows the keys and kinds of a JSON value.
func outline(value any) string {
	var parts []string
	switch v := value.(type) {
	case string:
		for _, kind := range kinds {
			if kind.pattern.MatchString(v) {
				return kind.name
			}
		}
	case []any:
		if len(v) > 0 {
			parts = []string{outline(v[0])}
		}
		return "[" + strings.Join(parts, "") + "]"
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+": "+outline(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return map[bool]string{true: "null", false: "number or boolean"}[value == nil]
}

var kinds = []struct {
	pattern *regexp.Regexp
	name    string
}{
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
