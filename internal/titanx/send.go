// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// outcome is what became of a request. It is decided where the attempt ends,
// and every error of the client carries it.
type outcome int

const (
	unsent        outcome = iota // no connection was had: not a byte can have arrived
	refused                      // TitanX answered, and nothing was changed
	answered                     // a readable 2xx
	uncertain                    // it may have taken effect
	stillPossible                // it may have taken effect, or may do so later: nobody said that it is over
)

// requestError is a request that failed.
type requestError struct {
	outcome outcome
	err     error
}

// attempt is when a request was sent and when it ended.
type attempt struct{ sent, ended time.Time }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// outcomeOf returns what became of a request. An error from before the first
// attempt means that the request was not sent.
func outcomeOf(err error) outcome {
	var failed *requestError
	switch {
	case err == nil:
		return answered
	case errors.As(err, &failed):
		return failed.outcome
	}
	return unsent
}

// call is one request to the API.
type call struct {
	method string
	path   []string // parts below the base URL, escaped here and nowhere else
	query  url.Values
	body   []byte

	// read decodes a 2xx. After its error, the outcome is uncertain.
	read func(*answer) error
	// nonIdempotent is a request that must not be sent again once it may have
	// arrived.
	nonIdempotent bool
	// aboutOne is a request about one webhook, so that a 404 may mean that it
	// is gone.
	aboutOne bool

	reserve *spare // also takes room for a request that follows this one
	spend   *spare // uses the room that was taken before
}

// answer is a complete response. Its body is bounded and in memory.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	aboutOne bool
	redact   *redactor
}

// maxBody and maxErrorBody bound a response, in bytes after decompression. A
// list page of maxBody holds about 20,000 webhooks.
const (
	maxBody      = 8 << 20
	maxErrorBody = 64 << 10
)

// do sends a request until it has an outcome that another attempt cannot
// improve. The error of a response that is not a 2xx is an *Error.
func (c *Client) do(ctx context.Context, what call) (attempt, error) {
	target, err := c.target(what)
	if err != nil {
		return attempt{}, err
	}
	for resent := 0; ; {
		var got *answer
		var at attempt
		//nolint:bodyclose // attempt closes it
		_, err := c.pacer.do(ctx, c.logger, what.reserve, what.spend, func() (resp *http.Response, err error) {
			resp, got, at, err = c.attempt(ctx, what, target)
			return resp, err
		})
		if got != nil && got.status == http.StatusTooManyRequests {
			continue // refused unseen: the pacer waits for the window
		}
		failed := c.decide(what, got, err)
		if failed == nil {
			return at, nil
		}
		wait, again := c.policy(what, failed, got, resent)
		if !again || ctx.Err() != nil {
			return at, failed
		}
		resent++
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return at, failed
		}
	}
}

// decide returns what became of an attempt, nil for a readable 2xx.
func (c *Client) decide(what call, got *answer, err error) *requestError {
	if err != nil {
		return &requestError{outcomeOf(err), err}
	}
	if got.status >= 200 && got.status <= 299 {
		if err := what.read(got); err != nil {
			return &requestError{uncertain, err}
		}
		return nil
	}
	o := refused
	switch {
	case got.status == http.StatusRequestTimeout, got.status == http.StatusGatewayTimeout:
		o = stillPossible
	case got.status < 400, got.status >= 500 && got.status != http.StatusNotImplemented:
		o = uncertain
	}
	return &requestError{o, newError(got)}
}

// policy returns whether a failed request is sent again, and after what time.
// A request that was not sent, and an idempotent one without a clear answer,
// is repeated up to MaxRetries times, with a wait that doubles. A 429 never
// comes here: the pacer waits for it.
func (c *Client) policy(what call, failed *requestError, got *answer, resent int) (time.Duration, bool) {
	again := failed.outcome == unsent || !what.nonIdempotent && failed.outcome >= uncertain
	if !again || resent >= c.maxRetries || !isTransient(failed.err) {
		return 0, false
	}
	wait := c.retryWait << min(resent, 16)
	if got != nil {
		now, _, _ := c.pacer.serverTime(time.Now())
		if asked, ok := retryAfter(got.header, now); ok {
			wait = asked
		}
	}
	return min(wait, longestWait), true
}

// longestWait bounds the wait before a request is repeated.
const longestWait = 30 * time.Second

// isTransient reports whether a failure may be gone at the next attempt.
func isTransient(err error) bool {
	var limited *RateLimitError
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.StatusCode == http.StatusRequestTimeout || refusal.StatusCode >= 500
	}
	return !errors.As(err, &limited) && !errors.Is(err, ErrUnreadable) && !errors.Is(err, errTLS) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// attempt sends a request once and reads the whole response. A request that
// changes something is completed even if ctx ends: half a create is an orphan.
//
// The time limit runs from the connection on, not while the request waits for
// one of maxConnections.
func (c *Client) attempt(ctx context.Context, what call, target *url.URL) (*http.Response, *answer, attempt, error) {
	select {
	case c.connections <- struct{}{}:
		defer func() { <-c.connections }()
	case <-ctx.Done():
		return nil, nil, attempt{}, &requestError{outcome: unsent, err: context.Cause(ctx)}
	}
	if what.method != http.MethodGet {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errNoAnswerInTime)
	defer cancel()
	var stage stage
	req, err := c.request(httptrace.WithClientTrace(ctx, stage.trace()), what, target)
	if err != nil {
		return nil, nil, attempt{}, err
	}
	at := attempt{sent: time.Now()}
	resp, err := c.transport.RoundTrip(req)
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		body, err = readBody(ctx, resp)
	}
	at.ended = time.Now()
	if err != nil {
		failed := &requestError{outcome: uncertain, err: c.transportError(ctx, err, &stage)}
		if stage.unsent() {
			failed.outcome = unsent
		} else if errors.Is(failed.err, errNoAnswerInTime) {
			failed.outcome = stillPossible
		}
		c.logger.DebugContext(ctx, "TitanX request failed", "method", what.method, "path", target.Path,
			"error", failed.Error(), "took", at.ended.Sub(at.sent))
		return nil, nil, at, failed
	}
	c.logger.DebugContext(ctx, "TitanX request", "method", what.method, "path", target.Path, "status", resp.StatusCode,
		"took", at.ended.Sub(at.sent))
	return resp, &answer{resp.StatusCode, resp.Header, body, what.aboutOne, &c.redact}, at, nil
}

// stage is how far an attempt got. net/http calls its hooks from several
// goroutines.
type stage struct{ searched, connected, noTLS atomic.Bool }

func (s *stage) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { s.searched.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { s.connected.Store(true) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				s.noTLS.Store(true)
			}
		},
	}
}

// unsent reports whether no byte of the request can have been sent. A
// transport that does not say so may have sent it.
func (s *stage) unsent() bool { return s.searched.Load() && !s.connected.Load() }

// maxConnections bounds the requests that are under way at once. It is
// Terraform's default parallelism.
const maxConnections = 10

// target returns the address of a call. No part of its path can leave its
// place: an id is opaque, and may come from an import.
func (c *Client) target(what call) (*url.URL, error) {
	target := c.base.JoinPath() // a copy
	for _, part := range what.path {
		if part == "" || part == "." || part == ".." {
			return nil, fmt.Errorf("%q cannot be part of an address", part)
		}
		target = target.JoinPath(url.PathEscape(part))
	}
	target.RawQuery = what.query.Encode()
	return target, nil
}

func (c *Client) request(ctx context.Context, what call, target *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, what.method, target.String(), bytes.NewReader(what.body))
	if err != nil {
		return nil, errors.New("the request cannot be built") // the error would quote the address
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if what.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// readBody reads a whole body, and nothing of one that is announced as too
// long. The body of a 101 is a connection: it has no end, and ctx cannot close
// it.
func readBody(ctx context.Context, resp *http.Response) ([]byte, error) {
	limit := int64(maxBody)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return nil, nil
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		limit = maxErrorBody
	case resp.ContentLength > maxBody:
		return nil, errTooLong
	}
	stop := context.AfterFunc(ctx, func() { resp.Body.Close() })
	defer stop()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if int64(len(body)) > limit && limit == maxBody {
		return nil, errTooLong
	} else if int64(len(body)) > limit {
		return body[:limit], nil // the beginning of an error says enough
	}
	return body, err
}

var errTooLong = fmt.Errorf("%w: more than %d MiB", ErrUnreadable, maxBody>>20)

// errNoAnswerInTime is an attempt that outlived the request timeout. What it
// asked for may still be done.
var errNoAnswerInTime = fmt.Errorf("%w within the request timeout", ErrNoAnswer)

// errTLS is a TLS handshake that will not succeed at the next attempt either.
var errTLS = errors.New("no secure connection")

// transportError describes a failed attempt in the client's own words, by
// class. The text of net/http may quote what the server sent.
func (c *Client) transportError(ctx context.Context, err error, stage *stage) error {
	var dns *net.DNSError
	var operation *net.OpError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, ErrUnreadable):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &certificate):
		return fmt.Errorf("%w: %w", ErrNoAnswer, newCertificateError(c.base.Hostname(), certificate))
	case errors.As(err, &dns):
		return fmt.Errorf("%w: the name of the host cannot be resolved", ErrNoAnswer)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: the connection was refused", ErrNoAnswer)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: the connection was reset", ErrNoAnswer)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the connection was closed before the response was complete", ErrNoAnswer)
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		return fmt.Errorf("%w: the proxy cannot be reached", ErrNoAnswer)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: connecting to the host took too long", ErrNoAnswer)
	case stage.noTLS.Load():
		return fmt.Errorf("%w: %w: the host does not support TLS, or supports only versions that this client rejects",
			ErrNoAnswer, errTLS)
	case stage.unsent():
		return fmt.Errorf("%w: the host cannot be reached", ErrNoAnswer)
	}
	return fmt.Errorf("%w: the response is not HTTP", ErrNoAnswer)
}
