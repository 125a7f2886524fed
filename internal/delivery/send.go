// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package delivery

import (
	"bytes"
	"context"
	"net/http"
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

// Send delivers a body once, with the given signature, and returns the status
// of the answer, such as "401 Unauthorized", and its code. TitanX uses nothing
// else of it.
func Send(
	ctx context.Context, client *http.Client, url string, body []byte, sig string,
) (status string, code int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "TitanX-Webhooks/1.0")
	req.Header.Set(signature.Header, sig)
	answer, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	answer.Body.Close()
	return answer.Status, answer.StatusCode, nil
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
