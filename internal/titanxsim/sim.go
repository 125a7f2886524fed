// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package titanxsim is a stateful simulator of TitanX's public API v2:
// webhooks, rate limits and signed deliveries. It is strict where the
// documentation (docs.titanx.io) is clear; every point that the documentation
// leaves open or contradicts is a switch of Dialect. It shares no code with the
// client, so that neither hides the other's mistakes.
package titanxsim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
)

// BasePath is where the API lives on its host.
const BasePath = "/api/public/v2"

const maxBody = 1 << 20 // bytes of a request

// Config describes the simulated service.
type Config struct {
	// Keys maps an API key to its user. Several keys may belong to one user,
	// who owns the webhooks.
	Keys map[string]string
	// Dialect answers what the documentation leaves open. The zero value is the
	// generated schema.
	Dialect Dialect
	// Limits are the rate windows of each user. Zero means no limits and no
	// headers.
	Limits Limits
	// Latency passes before each answer.
	Latency time.Duration
	// Now is the clock of timestamps and rate windows. The default is time.Now.
	Now func() time.Time
	// Backoff is the wait after the given failed delivery attempt, from 1; a
	// negative wait ends the retries. The default doubles from 15 seconds and
	// ends within three days.
	Backoff func(attempt int) time.Duration
	// DeliveryTransport carries deliveries. The default is that of
	// delivery.NewClient.
	DeliveryTransport http.RoundTripper
	// Logger is told of requests at debug level and of deliveries at info
	// level. The default discards.
	Logger *slog.Logger
}

// Server is the simulator, an http.Handler. Its methods are safe for concurrent
// use. Close it after use.
type Server struct {
	cfg    Config
	client *http.Client // of deliveries
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup // deliveries

	mu         sync.Mutex // guards what follows
	dialect    Dialect    // resolved: no field is empty
	limits     Limits
	accounts   map[string]*account
	windows    map[string]*windows
	faults     []Fault
	requests   []*Request
	deliveries []Delivery
	delivering int           // deliveries under way
	idle       chan struct{} // closed when delivering falls to 0; nil while nobody waits
	closed     bool
}

// New returns a simulator without webhooks. It panics when the dialect holds a
// value that does not exist.
func New(cfg Config) *Server {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Backoff == nil {
		cfg.Backoff = defaultBackoff
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Keys = maps.Clone(cfg.Keys)
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{
		cfg:      cfg,
		client:   delivery.NewClient(cfg.DeliveryTransport),
		ctx:      ctx,
		cancel:   cancel,
		limits:   cfg.Limits,
		dialect:  cfg.Dialect.resolved(),
		accounts: map[string]*account{},
		windows:  map[string]*windows{},
	}
}

// Close stops deliveries and delayed answers, and returns when no delivery is
// under way. It may be called again.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.tasks.Wait()
	s.client.CloseIdleConnections()
}

// ServeHTTP answers an API request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	to := parseRoute(r.Method, r.URL)
	user, known := s.authenticate(r)
	x := &exchange{s: s, w: w, r: r, route: to, user: user, known: known, body: body, received: s.now()}
	x.entry = s.record(r, to.call, user, body)
	full := s.takeLimits(user, x)
	if !s.sleep(r.Context(), s.cfg.Latency) {
		return
	}
	switch {
	case err != nil:
		x.send(s.currentDialect().refusal(http.StatusRequestEntityTooLarge, "", "request body is too large or was cut"))
	case full != nil:
		x.send(*full)
	default:
		if f, ok := s.nextFault(to.call); ok {
			x.fail(f)
			return
		}
		x.send(x.handle(true))
	}
}

// exchange is one request on its way to its answer.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	route route
	user  string
	known bool // the key is one of ours
	body  []byte
	// received is when the request came in, at the precision of the API.
	received time.Time
	entry    *Request
	header   http.Header // for every answer: the rate windows and the date
}

// answer is a complete response, not yet sent.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send notes the status in the journal first: who has the answer finds the
// request there complete.
func (x *exchange) send(a answer) {
	x.note(a.status)
	x.writeHead(a, len(a.body))
	x.w.Write(a.body)
}

func (x *exchange) writeHead(a answer, length int) {
	h := x.w.Header()
	maps.Copy(h, x.header)
	maps.Copy(h, a.header)
	if a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		h.Set("Content-Length", fmt.Sprint(length))
	}
	x.w.WriteHeader(a.status)
}

func (s *Server) authenticate(r *http.Request) (user string, known bool) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", false
	}
	user, known = s.cfg.Keys[key]
	return user, known
}

// sleep reports whether d passed before the caller left or the server closed.
func (s *Server) sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil && s.ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}

func (s *Server) currentDialect() Dialect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialect
}

// route is what a method and a path ask for.
type route struct {
	call   Call
	id     string // of a webhook
	status string // wanted
}

func parseRoute(method string, u *url.URL) route {
	rest, ok := strings.CutPrefix(u.EscapedPath(), BasePath+"/")
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		var err error
		parts[i], err = url.PathUnescape(p)
		ok = ok && err == nil && p != ""
	}
	if !ok || parts[0] != "webhooks" {
		return route{call: CallOther}
	}
	switch {
	case len(parts) == 1 && method == http.MethodPost:
		return route{call: CallCreate}
	case len(parts) == 1 && method == http.MethodGet:
		return route{call: CallList}
	case len(parts) == 2 && method == http.MethodGet:
		return route{call: CallGet, id: parts[1]}
	case len(parts) == 2 && method == http.MethodDelete:
		return route{call: CallDelete, id: parts[1]}
	case len(parts) == 3 && method == http.MethodPost:
		return route{call: CallSetStatus, id: parts[1], status: parts[2]}
	}
	return route{call: CallOther}
}

// mustJSON encodes a value of the simulator's own types.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("titanxsim: encode %T: %v", v, err))
	}
	return b
}
