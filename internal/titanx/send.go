// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// attempt is when a request was sent and when it ended.
type attempt struct{ sent, ended time.Time }

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
		return isTimeout(refusal.StatusCode) || refusal.StatusCode >= 500
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
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrTimeout)
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
		} else if errors.Is(failed.err, ErrTimeout) {
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
