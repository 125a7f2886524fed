// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package delivery

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// Timeout is how long a receiver may take to answer.
const Timeout = 10 * time.Second

// NewClient returns a client that waits as long as TitanX and follows no
// redirect. Without a transport it uses the environment's proxy and the
// system's certificates.
func NewClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// NewRequest returns the request that delivers body with the given signature.
func NewRequest(ctx context.Context, url string, body []byte, sig string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "TitanX-Webhooks/1.0")
	req.Header.Set(signature.Header, sig)
	return req, nil
}

// send delivers a body once. It closes the body of the answer: TitanX uses
// nothing but the status.
func send(ctx context.Context, client *http.Client, to *url.URL, body []byte, sig string) (*http.Response, error) {
	req, err := NewRequest(ctx, to.String(), body, sig)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	return answer, nil
}

// A Verdict is what TitanX does after a receiver's answer.
type Verdict int

// The verdicts. A redirect is Final by assumption: TitanX documents only 2xx,
// 4xx and 5xx.
const (
	Delivered Verdict = iota
	Repeated          // sent again with growing pauses, for up to 3 days
	Final             // never sent again
)

// VerdictOf returns the verdict on an answer with the given status.
func VerdictOf(status int) Verdict {
	switch {
	case status >= 200 && status <= 299:
		return Delivered
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500:
		return Repeated
	}
	return Final
}

// String returns the verdict in words that follow a status.
func (v Verdict) String() string {
	switch v {
	case Delivered:
		return "delivered"
	case Repeated:
		return "TitanX will send this again, for up to 3 days"
	case Final:
	}
	return "TitanX will never send this again"
}
