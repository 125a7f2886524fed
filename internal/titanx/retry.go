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
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// What may be sent again, and when:
//
//   - A 429 was refused unseen: every call waits for the window and is sent again (sender.RoundTrip).
//   - list, get, status and delete can be repeated without harm: after a lost connection, 408 or 5xx, up to MaxRetries.
//   - A create is sent again only if no connection was ever had, so that not a byte of it can have arrived.

// newRetrier makes a client that resends by policy, over the given sender.
func newRetrier(send *sender, cfg Config, policy retryablehttp.CheckRetry) *retryablehttp.Client {
	return &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     send,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     cfg.MaxRetries,
		RetryWaitMin: cfg.RetryWait,
		RetryWaitMax: 30 * time.Second,
		Backoff:      boundedBackoff,
		CheckRetry:   policy,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// boundedBackoff doubles the wait from resend to resend and honours the Retry-After of a 503, up to longest.
func boundedBackoff(shortest, longest time.Duration, resent int, resp *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(shortest, longest, resent, resp), longest)
}

// mayResend is the policy of calls that do no harm twice.
func mayResend(ctx context.Context, resp *http.Response, err error) (bool, error) {
	var limited *RateLimitError
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &limited) || errors.As(err, &untrusted) || errors.Is(err, ErrUnreadable) {
		return false, nil
	}
	switch {
	case err == nil && resp.StatusCode == http.StatusRequestTimeout:
		return ctx.Err() == nil, ctx.Err()
	case err == nil && resp.StatusCode < http.StatusInternalServerError:
		return false, nil // a clear answer, even if ctx has ended meanwhile
	}
	return retryablehttp.DefaultRetryPolicy(ctx, resp, err)
}

// mayResendUnsent is the policy of a create.
func mayResendUnsent(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if err == nil || wasSent(err) {
		return false, nil
	}
	return mayResend(ctx, resp, err)
}

// errNoAnswerInTime is an attempt that outlived the request timeout. What it asked for may still be done.
var errNoAnswerInTime = errors.New("no whole answer within the request timeout")

// sendError is an attempt without a usable answer.
type sendError struct {
	err  error
	sent bool // a connection was had, so that the request may have arrived
}

func (e *sendError) Error() string { return e.err.Error() }
func (e *sendError) Unwrap() error { return e.err }

// Is makes errors.Is(err, ErrNoAnswer) work.
func (e *sendError) Is(target error) bool { return target == ErrNoAnswer }

// wasSent tells whether a failed attempt may have reached TitanX.
func wasSent(err error) bool {
	var failed *sendError
	return errors.As(err, &failed) && failed.sent
}

// sender is the transport under both retriers. It makes each attempt: waits for its turn, bounds it in time and size, reads it
// whole, and waits again when it was refused for the rate.
type sender struct {
	next    http.RoundTripper
	pacer   *pacer
	clock   *serverClock
	timeout time.Duration
	logger  *slog.Logger
}

// maxBody bounds an answer, in bytes after decompression: a list of 40,000 webhooks on one page, and ten at once are no strain on memory.
const maxBody = 16 << 20

// RoundTrip implements http.RoundTripper. The body of its response is in memory.
func (s *sender) RoundTrip(req *http.Request) (*http.Response, error) {
	for {
		resp, err := s.pacer.do(req.Context(), s.logger, func() (*http.Response, error) { return s.attempt(req) })
		if err != nil || resp.StatusCode != http.StatusTooManyRequests {
			return resp, err
		}
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// attempt sends a request once. What changes something is finished once begun, interrupted run or not: half a create is an orphan.
func (s *sender) attempt(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if req.Method != http.MethodGet {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("%w of %s", errNoAnswerInTime, s.timeout))
	defer cancel()
	failure := &sendError{}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { failure.sent = true }})

	sent := time.Now()
	resp, err := s.next.RoundTrip(req.WithContext(ctx))
	var body []byte
	if err == nil {
		defer resp.Body.Close()
		body, err = readBody(resp)
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	took := slog.Duration("took", time.Since(sent))
	if err != nil {
		s.logger.DebugContext(ctx, "TitanX request failed", "method", req.Method, "path", req.URL.Path, "error", err.Error(), took)
		failure.err = err
		return nil, failure
	}
	s.logger.DebugContext(ctx, "TitanX request", "method", req.Method, "path", req.URL.Path, "status", resp.StatusCode, took)
	s.clock.learn(resp.Header, time.Now())
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// readBody reads a whole body, and nothing of one that says it is too long.
func readBody(resp *http.Response) ([]byte, error) {
	tooLong := fmt.Errorf("%w: more than %d MiB", ErrUnreadable, maxBody>>20)
	if resp.ContentLength > maxBody {
		return nil, tooLong
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		return nil, tooLong
	}
	return body, err
}

// serverClock estimates the time at TitanX from the Date header, so that a skewed local clock does not mislead. Its estimate is
// early by up to a second, the header's resolution, and the time an answer travels; never late.
type serverClock struct {
	mu     sync.Mutex
	offset time.Duration
	known  bool // a Date has been seen
}

func (c *serverClock) learn(header http.Header, received time.Time) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset, c.known = date.Sub(received), true
}

func (c *serverClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset).UTC()
}
