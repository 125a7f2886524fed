// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package titanx is a client of the webhooks in the TitanX public API v2 (docs.titanx.io).
//
// It knows nothing of Terraform and reads no environment. The API's documentation contradicts itself and leaves much open; what
// the client makes of that stands in wire.go.
package titanx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// DefaultBaseURL is where the public API v2 lives.
const DefaultBaseURL = "https://app.titanx.io/api/public/v2"

// Defaults of Config.
const (
	DefaultMaxRetries     = 5
	DefaultRequestTimeout = 30 * time.Second
	DefaultSettleWait     = 2 * time.Second
)

// Config says how to reach TitanX. Only APIKey is required.
type Config struct {
	APIKey  string // the bearer key of one TitanX user
	BaseURL string // https, or http to a loopback address; default DefaultBaseURL

	UserAgent string // the User-Agent header; default "titanx-go"

	MaxRetries     int           // how often a request that may be sent again is sent again; 0 is never
	RequestTimeout time.Duration // one attempt, from dialling to the last byte; default DefaultRequestTimeout
	RetryWait      time.Duration // before the first resend, doubled each time; default 200 ms
	SettleWait     time.Duration // how long a webhook made by an unclear create may take to be listed; default DefaultSettleWait

	Proxy     func(*http.Request) (*url.URL, error) // default: no proxy
	Transport http.RoundTripper                     // replaces the client's own transport, Proxy included; for tests
	Logger    *slog.Logger                          // default: discard
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	key       string
	userAgent string
	logger    *slog.Logger

	repeatable *retryablehttp.Client // for calls that may be sent again
	once       *retryablehttp.Client // for calls that may be sent again only if they were never sent
	server     *serverClock

	inventory  inventory
	creates    createGroups
	settleWait time.Duration
	timeout    time.Duration

	mu           sync.Mutex
	refusedEvent string // the events key that this server has named as unknown
	getAbsent    bool   // this server has no GET /webhooks/{id}
}

// New makes a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := parseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.APIKey == "" || strings.ContainsFunc(cfg.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("the API key is empty or holds a space, a line break or another character that no key has")
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "titanx-go"
	}
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = DefaultRequestTimeout
	}
	if cfg.RequestTimeout < 0 || cfg.MaxRetries < 0 {
		return nil, errors.New("the request timeout and the number of retries cannot be negative")
	}
	if cfg.RetryWait == 0 {
		cfg.RetryWait = 200 * time.Millisecond
	}
	if cfg.SettleWait == 0 {
		cfg.SettleWait = DefaultSettleWait
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg)
	}
	c := &Client{
		base:       base,
		key:        cfg.APIKey,
		userAgent:  cfg.UserAgent,
		logger:     cfg.Logger,
		server:     &serverClock{},
		settleWait: cfg.SettleWait,
		timeout:    cfg.RequestTimeout,
	}
	c.inventory.list = c.listAll
	send := &sender{
		next:    cfg.Transport,
		pacer:   pacerFor(base.String(), cfg.APIKey),
		clock:   c.server,
		timeout: cfg.RequestTimeout,
		logger:  cfg.Logger,
	}
	c.repeatable = newRetrier(send, cfg, mayResend)
	c.once = newRetrier(send, cfg, mayResendUnsent)
	return c, nil
}

// OnLoopback tells whether the API is on this machine, as a simulator is.
func (c *Client) OnLoopback() bool { return IsLoopback(c.base.Hostname()) }

// parseBaseURL accepts https anywhere and http to a loopback address: the key never travels in clear.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil:
		return nil, errors.New("the base URL cannot be read as a URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the base URL must not hold a user name, a query or a fragment")
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the base URL %q is not absolute: it needs https:// and a host", text)
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return nil, fmt.Errorf("the base URL %q would send the API key in clear: use https, or http to a loopback address", text)
	}
	return u, nil
}

// IsLoopback tells whether a host, without a port, is this machine: localhost or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
}

// newTransport bounds every stage of a connection before a request is sent, and keeps as many connections as Terraform makes calls
// at once. What comes after is bounded by the sender alone: a second timer beside its own would hide errNoAnswerInTime.
func newTransport(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:               cfg.Proxy,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     90 * time.Second,
		MaxConnsPerHost:     10,
		MaxIdleConnsPerHost: 10,
		ForceAttemptHTTP2:   true,
	}
}

// call is one request to the API.
type call struct {
	method string
	path   []string // parts below the base URL, escaped here and nowhere else
	query  url.Values
	body   []byte
	once   bool // never send again what may have been received
}

// answer is a whole answer, its body bounded and in memory.
type answer struct {
	status int
	header http.Header
	body   []byte
	key    string // the API key, which no message may hold
}

// do sends a call and gives its 2xx answer. Any other answer is an *Error.
func (c *Client) do(ctx context.Context, what call) (*answer, error) {
	parts, err := escaped(what.path)
	if err != nil {
		return nil, err
	}
	target := c.base.JoinPath(parts...)
	target.RawQuery = what.query.Encode()
	var body any
	if what.body != nil {
		body = what.body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, what.method, target.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if what.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	client := c.repeatable
	if what.once {
		client = c.once
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	got := &answer{status: resp.StatusCode, header: resp.Header, key: c.key}
	if got.body, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	if got.status >= 200 && got.status <= 299 {
		return got, nil
	}
	refusal := newError(got)
	if got.status >= 300 && got.status <= 399 {
		refusal.Location = cleanMessage(redirectTarget(resp), c.key)
	}
	return nil, refusal
}

// escaped makes parts of a path that cannot leave their place: an id is opaque, and may come from an import.
func escaped(parts []string) ([]string, error) {
	out := make([]string, len(parts))
	for i, part := range parts {
		if part == "" || part == "." || part == ".." {
			return nil, fmt.Errorf("%q cannot be part of an address", part)
		}
		out[i] = url.PathEscape(part)
	}
	return out, nil
}

// withoutURL drops net/http's method and address in front of an error: the activity around it says more.
func withoutURL(err error) error {
	var urlError *url.Error
	if errors.As(err, &urlError) {
		return urlError.Err
	}
	return err
}

// redirectTarget names where a redirect points, without a path or query: those can hold anything.
func redirectTarget(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "nowhere"
	}
	return to.Scheme + "://" + to.Host
}
