// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package titanx is a client of the webhooks in the TitanX public API v2
// (docs.titanx.io).
//
// It knows nothing of Terraform and does not read the environment. The API's
// documentation contradicts itself and leaves much open. wire.go and paging.go
// hold how the client reads it.
//
// A request takes one path: the pacer waits for room in the rate limits, an
// attempt is sent and read, and its outcome decides what follows (send.go).
package titanx

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultBaseURL is the address of the public API v2.
const DefaultBaseURL = "https://app.titanx.io/api/public/v2"

// Defaults of Config.
const (
	DefaultMaxRetries     = 5
	DefaultRequestTimeout = 30 * time.Second
	DefaultSettleWait     = 2 * time.Second
)

// Config describes how to reach TitanX. Only APIKey is required.
type Config struct {
	APIKey  string // the bearer key of one TitanX user
	BaseURL string // https, or http to a loopback address; default DefaultBaseURL

	UserAgent string // the User-Agent header; default "titanx-go"

	MaxRetries     int           // how often a request is sent again; 0 is never
	RequestTimeout time.Duration // one attempt, from the connection to the last byte; default DefaultRequestTimeout
	RetryWait      time.Duration // before the first resend, doubled each time; default 200 ms
	SettleWait     time.Duration // how long to wait before looking for an orphan; default DefaultSettleWait

	Proxy     func(*http.Request) (*url.URL, error) // used for an https base URL; default: no proxy
	Transport http.RoundTripper                     // replaces the client's own transport and Proxy; for tests
	Logger    *slog.Logger                          // default: discard
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	key       string
	userAgent string
	logger    *slog.Logger

	transport   http.RoundTripper
	pacer       *pacer
	connections chan struct{} // one slot for each request under way
	timeout     time.Duration
	maxRetries  int
	retryWait   time.Duration
	redact      redactor

	inventory  inventory
	creates    sync.Map // *urlCreates by URLKey
	settleWait time.Duration

	refusedEvent atomic.Value // string: the events key that this server has named as unknown
	getAbsent    atomic.Bool  // this server has no GET /webhooks/{id}
}

// New returns a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBaseURL(cmp.Or(cfg.BaseURL, DefaultBaseURL))
	if err != nil {
		return nil, err
	}
	if cfg.APIKey == "" || strings.ContainsFunc(cfg.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the API key is empty, or contains a space, a line break, or another " +
			"character that no key has")
	}
	if cfg.RequestTimeout < 0 || cfg.MaxRetries < 0 {
		return nil, errors.New("the request timeout and the number of retries cannot be negative")
	}
	c := &Client{
		base:        base,
		key:         cfg.APIKey,
		userAgent:   cmp.Or(cfg.UserAgent, "titanx-go"),
		logger:      cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler)),
		transport:   cfg.Transport,
		pacer:       newPacer(),
		connections: make(chan struct{}, maxConnections),
		timeout:     cmp.Or(cfg.RequestTimeout, DefaultRequestTimeout),
		maxRetries:  cfg.MaxRetries,
		retryWait:   cmp.Or(cfg.RetryWait, 200*time.Millisecond),
		settleWait:  cmp.Or(cfg.SettleWait, DefaultSettleWait),
	}
	if c.transport == nil {
		c.transport = newTransport(cfg, base)
	}
	c.redact.add(c.key)
	c.inventory.listAll = c.listAll
	return c, nil
}

// Clean returns a text from TitanX in the form that may be shown: one line,
// bounded, printable, and without the API key or a secret.
func (c *Client) Clean(text string) string { return c.redact.clean(text) }

// KeepOut keeps secrets out of everything that Clean returns and of every
// error of the client.
func (c *Client) KeepOut(secrets ...string) { c.redact.add(secrets...) }

// Now returns the time at TitanX. It is false while no response has had a
// Date or a rate limit header: then the time is this machine's.
func (c *Client) Now() (time.Time, bool) {
	now, _, known := c.pacer.serverTime(time.Now())
	return now.UTC(), known
}
