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

// newTransport bounds every stage of a connection before a request is sent.
// What comes after is bounded by attempt alone: a second timer would hide
// ErrTimeout. No proxy is used for http: the key would travel in clear.
func newTransport(cfg Config, base *url.URL) *http.Transport {
	t := &http.Transport{
		Proxy:                  cfg.Proxy,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxConnsPerHost:        maxConnections,
		MaxIdleConnsPerHost:    maxConnections,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	if base.Scheme == "http" {
		t.Proxy = nil
	}
	return t
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

// maxBody and maxErrorBody bound a response, in bytes after decompression. A
// list page of maxBody holds about 20,000 webhooks.
const (
	maxBody      = 8 << 20
	maxErrorBody = 64 << 10
)

// readBody reads a whole body, and nothing of one that is announced as too
// long. The body of a 101 is a connection: it has no end, and ctx cannot close
// it.
func readBody(ctx context.Context, resp *http.Response) ([]byte, error) {
	limit := int64(maxBody)
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		return nil, nil
	case !isSuccess(resp.StatusCode):
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
	return bytes.TrimPrefix(body, []byte("\ufeff")), err
}

var errTooLong = fmt.Errorf("%w: more than %d MiB", ErrUnreadable, maxBody>>20)

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
