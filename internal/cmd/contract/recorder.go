// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

const (
	// spacing keeps the check under 5 requests a second and, as it is short, 100 a minute: the lowest documented limits.
	spacing = 250 * time.Millisecond

	// maxRequests bounds what the check asks. Cleaning up after a lost answer may take more.
	maxRequests = 19

	maxBody = 8 << 20 // bytes of an answer
)

var errLimit = errors.New("no further request is allowed")

// exchange is one request and its answer as they were on the wire.
type exchange struct {
	method, path string
	at           time.Time // when it was sent
	status       int
	header       http.Header
	body         []byte
	err          error // no whole answer came
}

// recorder is a transport that sends one request at a time, spaced, and keeps each answer.
type recorder struct {
	next http.RoundTripper

	mu        sync.Mutex
	exchanges []exchange
	limit     int // how many exchanges there may be
	last      time.Time
}

// RoundTrip implements http.RoundTripper. The body of its response is in memory.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	x, err := r.send(req)
	if err != nil {
		return nil, err
	}
	return x.response(req), nil
}

// send sends a request when its turn has come. An error without an exchange means that it was not sent.
func (r *recorder) send(req *http.Request) (exchange, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exchanges) >= r.limit {
		return exchange{}, errLimit
	}
	if err := wait(req.Context(), time.Until(r.last.Add(spacing))); err != nil {
		return exchange{}, err
	}
	r.last = time.Now()
	x := exchange{method: req.Method, path: req.URL.Path, at: r.last}
	resp, err := r.next.RoundTrip(req)
	if err == nil {
		defer resp.Body.Close()
		x.status, x.header = resp.StatusCode, resp.Header
		x.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
	}
	x.err = err
	r.exchanges = append(r.exchanges, x)
	if x.status == http.StatusTooManyRequests {
		r.limit++ // it was refused unseen, and will be sent again
	}
	return x, err
}

func (x exchange) response(req *http.Request) *http.Response {
	return &http.Response{StatusCode: x.status, Header: x.header, Body: io.NopCloser(bytes.NewReader(x.body)), Request: req}
}

// widen allows more requests.
func (r *recorder) widen(more int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit += more
}

// narrow allows no more than a number of requests until it is undone.
func (r *recorder) narrow(most int) (undo func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cut := max(0, r.limit-len(r.exchanges)-most)
	r.limit -= cut
	return func() { r.widen(cut) }
}

// since gives the exchanges from the n-th on.
func (r *recorder) since(n int) []exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.exchanges[n:])
}

// heard gives the exchanges from the n-th on, without those that were refused for the rate: they say nothing of what was asked.
func (r *recorder) heard(n int) []exchange {
	return slices.DeleteFunc(r.since(n), func(x exchange) bool { return x.status == http.StatusTooManyRequests })
}

func (r *recorder) count() int { return len(r.since(0)) }

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// trouble tells why exchanges say nothing about the API: no answer, or a server that fails.
func trouble(err error, exchanges []exchange) error {
	for _, x := range exchanges {
		switch {
		case x.err != nil:
			return fmt.Errorf("%s %s: %w", x.method, x.path, x.err)
		case x.status >= 500 && x.status != http.StatusNotImplemented:
			return fmt.Errorf("%s %s: answered %s", x.method, x.path, describe(x))
		}
	}
	if _, limited := errors.AsType[*titanx.RateLimitError](err); limited || errors.Is(err, errLimit) || err != nil && len(exchanges) == 0 {
		return err
	}
	return nil
}
