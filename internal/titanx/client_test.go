// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// bench is a client and the simulator it talks to.
type bench struct {
	*Client
	sim *titanxsim.Server
}

// wired returns a bench without sockets, so that it runs on the clock of a
// synctest bubble. Every request takes latency.
func wired(t *testing.T, sim titanxsim.Config, edit ...func(*Config)) *bench {
	t.Helper()
	key := "CANARY-" + rand.Text()
	sim.Keys = map[string]string{key: "ada"}
	b := &bench{sim: titanxsim.New(sim)}
	t.Cleanup(b.sim.Close)
	cfg := Config{APIKey: key, BaseURL: "https://titanx.example" + titanxsim.BasePath, MaxRetries: 3, Transport: wire{b.sim}}
	b.Client = client(t, cfg, edit...)
	return b
}

// connected returns a bench over real connections.
func connected(t *testing.T, sim titanxsim.Config, edit ...func(*Config)) *bench {
	t.Helper()
	key := "CANARY-" + rand.Text()
	sim.Keys = map[string]string{key: "ada"}
	b := &bench{sim: titanxsim.New(sim)}
	server := httptest.NewServer(b.sim)
	t.Cleanup(server.Close)
	t.Cleanup(b.sim.Close)
	cfg := Config{APIKey: key, BaseURL: server.URL + titanxsim.BasePath, MaxRetries: 3}
	b.Client = client(t, cfg, edit...)
	return b
}

// client returns a client with short waits that leaves no connection behind.
func client(t *testing.T, cfg Config, edit ...func(*Config)) *Client {
	t.Helper()
	if cfg.APIKey == "" {
		cfg.APIKey = "CANARY-" + rand.Text()
	}
	cfg.RetryWait, cfg.SettleWait = time.Millisecond, 20*time.Millisecond
	for _, e := range edit {
		e(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if transport, ok := c.transport.(*http.Transport); ok {
		t.Cleanup(transport.CloseIdleConnections)
	}
	return c
}

// served returns a client of a handler that misbehaves as no simulator should.
func served(t *testing.T, handler http.HandlerFunc, edit ...func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return client(t, Config{BaseURL: server.URL}, edit...)
}

// latency is how long a wire takes in all.
const latency = 10 * time.Millisecond

// wire carries requests to a handler without sockets. A handler that aborts has
// cut the connection.
type wire struct{ handler http.Handler }

var errCut error = syscall.ECONNRESET

func (w wire) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil {
		trace.GetConn("titanx.example:443")
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if err := travel(req.Context()); err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil {
			resp, err = nil, errCut
		}
	}()
	in := req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, in)
	if err := travel(req.Context()); err != nil {
		return nil, err
	}
	resp = out.Result()
	resp.Request = req
	return resp, nil
}

func travel(ctx context.Context) error {
	select {
	case <-time.After(latency / 2):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func crm() CreateRequest {
	return CreateRequest{Name: "crm", URL: "https://receiver.example/titanx", EventTypes: EventTypes(), Status: StatusActive}
}

func (b *bench) create(t *testing.T, req CreateRequest) Created {
	t.Helper()
	created, err := b.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// requests counts the requests that the simulator has seen.
func (b *bench) requests(calls ...titanxsim.Call) int { return len(b.sim.Requests(calls...)) }

func TestNew_refuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"no key":                        {},
		"space in the key":              {APIKey: "CANARY KEY"},
		"line in the key":               {APIKey: "CANARY\nX-Other: 1"},
		"other characters":              {APIKey: "CANARY\u00e9"},
		"delete character":              {APIKey: "CANARY\x7f"},
		"negative timeout":              {APIKey: "CANARY", RequestTimeout: -1},
		"negative retries":              {APIKey: "CANARY", MaxRetries: -1},
		"http off loopback":             {APIKey: "CANARY", BaseURL: "http://app.titanx.io/api"},
		"http to localhost of a domain": {APIKey: "CANARY", BaseURL: "http://localhost.example"},
		"http to a network":             {APIKey: "CANARY", BaseURL: "http://10.0.0.1"},
		"user info":                     {APIKey: "CANARY", BaseURL: "https://user:CANARY@app.titanx.io"},
		"user info in ftp":              {APIKey: "CANARY", BaseURL: "ftp://user:CANARY@app.titanx.io"},
		"user info, no url":             {APIKey: "CANARY", BaseURL: "https://user:CANARY@app.titanx.io:port"},
		"query":                         {APIKey: "CANARY", BaseURL: "https://app.titanx.io?x=CANARY"},
		"fragment":                      {APIKey: "CANARY", BaseURL: "https://app.titanx.io#CANARY"},
		"no host":                       {APIKey: "CANARY", BaseURL: "https://"},
		"only a port":                   {APIKey: "CANARY", BaseURL: "https://:443"},
		"no scheme":                     {APIKey: "CANARY", BaseURL: "app.titanx.io/api"},
		"other scheme":                  {APIKey: "CANARY", BaseURL: "ftp://app.titanx.io"},
		"not a url":                     {APIKey: "CANARY", BaseURL: "https://app titanx"},
	} {
		c, err := New(cfg)
		if err == nil || c != nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestNew_accepts(t *testing.T) {
	t.Parallel()
	for base, loopback := range map[string]bool{
		"": false, "https://app.titanx.io/api/public/v2/": false, "HTTPS://10.0.0.1:8443": false, "https://127.0.0.1": true,
		"http://localhost:8080/api": true, "http://LOCALHOST.:1": true, "http://127.0.0.9": true, "http://[::1]:8080": true,
	} {
		c, err := New(Config{APIKey: "!CANARY~", BaseURL: base})
		if err != nil || IsLoopback(c.base.Hostname()) != loopback {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestNew_defaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		status := http.StatusServiceUnavailable
		c, err := New(Config{APIKey: "CANARY", MaxRetries: 2, Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status == 0 {
				<-r.Context().Done()
				return
			}
			w.WriteHeader(status)
		})}})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if _, err := c.listAll(t.Context()); err == nil || time.Since(begun) != 3*latency+600*time.Millisecond {
			t.Errorf("three requests with two waits took %v: %v", time.Since(begun), err)
		}
		status, begun = 0, time.Now()
		if _, _, err := c.post(t.Context(), crm(), nil); !errors.Is(err, ErrTimeout) || time.Since(begun) != DefaultRequestTimeout {
			t.Errorf("a request without a response took %v: %v", time.Since(begun), err)
		}
	})
	c, err := New(Config{APIKey: "CANARY"})
	if err != nil {
		t.Fatal(err)
	}
	transport, ok := c.transport.(*http.Transport)
	if !ok || transport.TLSHandshakeTimeout != 10*time.Second || transport.IdleConnTimeout != 90*time.Second || c.userAgent != "titanx-go" || c.settleWait != DefaultSettleWait {
		t.Errorf("%+v, %+v", c, transport)
	}
}

func TestClient_headers(t *testing.T) {
	t.Parallel()
	b := connected(t, titanxsim.Config{}, func(cfg *Config) { cfg.UserAgent = "terraform-provider-titanx/1.2.3" })
	id := b.create(t, crm()).ID
	if _, err := b.Get(t.Context(), id); err != nil {
		t.Error(err)
	}
	if _, err := b.SetStatus(t.Context(), id, StatusInactive); err != nil {
		t.Error(err)
	}
	if err := b.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
	seen := b.sim.Requests()
	if len(seen) != 6 {
		t.Errorf("%d requests, want a list before the create, two for the create, and one each", len(seen))
	}
	for _, r := range seen {
		contentType := ""
		if r.Call == titanxsim.CallCreate {
			contentType = "application/json"
		}
		if r.User != "ada" || r.Header.Get("User-Agent") != "terraform-provider-titanx/1.2.3" ||
			r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != contentType || r.Header["Idempotency-Key"] != nil {
			t.Errorf("%s %s: user %q, headers %v", r.Method, r.Path, r.User, r.Header)
		}
	}
}

func TestClient_escapedPaths(t *testing.T) {
	t.Parallel()
	paths := make(chan string, 100)
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/webhooks" {
			io.WriteString(w, "[]")
			return
		}
		paths <- r.URL.EscapedPath()
		http.Error(w, "no such webhook", http.StatusNotFound)
	})
	calls := map[string]func(string) error{
		"get":    func(id string) error { _, err := c.Get(t.Context(), id); return err },
		"status": func(id string) error { _, err := c.SetStatus(t.Context(), id, StatusActive); return err },
		"delete": func(id string) error { return c.Delete(t.Context(), id) },
	}
	for name, call := range calls {
		for _, id := range []string{"", ".", ".."} {
			if err := call(id); err == nil || errors.Is(err, ErrNotFound) {
				t.Errorf("%s %q: %v", name, id, err)
			}
		}
		if len(paths) > 0 {
			t.Fatalf("%s of an impossible id was sent: %s", name, <-paths)
		}
		for id, want := range map[string]string{
			"../x": "..%2Fx", "a/b": "a%2Fb", "a/../../b": "a%2F..%2F..%2Fb", "a?b#c": "a%3Fb%23c", "%2e%2e": "%252e%252e", " ": "%20",
			"a;b": "a%3Bb", "\u00e9\n": "%C3%A9%0A", `a\b`: "a%5Cb", "//": "%2F%2F",
		} {
			err := call(id)
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("%s %q: %v", name, id, err)
			}
			if got := <-paths; strings.TrimSuffix(got, "/active") != "/webhooks/"+want {
				t.Errorf("%s %q: path %s", name, id, got)
			}
		}
	}
}

func TestClient_redirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	var key string
	for _, status := range []int{301, 302, 303, 307, 308} {
		b := connected(t, titanxsim.Config{}, func(cfg *Config) { key = cfg.APIKey })
		location := elsewhere.URL + "/CANARY-PATH?key=CANARY-QUERY"
		b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultRedirect, Status: status, Location: location})
		for name, call := range b.calls(t.Context(), "w1") {
			b.sim.ResetRequests()
			err := call()
			var refused *Error
			if !errors.As(err, &refused) || refused.StatusCode != status || refused.Location != elsewhere.URL || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%d %s: %v", status, name, err)
			}
			if n := b.requests(); n != 1 {
				t.Errorf("%d %s: %d requests", status, name, n)
			}
		}
		b.sim.ClearFaults()
		b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultRedirect, Location: "https://" + key + ".example/"})
		if _, err := b.Get(t.Context(), "w1"); err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("%v holds the key", err)
		}
	}
}

// calls are all calls of the API as a user of the client sends them. A create
// lists first.
func (b *bench) calls(ctx context.Context, id string) map[titanxsim.Call]func() error {
	return map[titanxsim.Call]func() error{
		titanxsim.CallCreate:    func() error { _, _, err := b.post(ctx, crm(), nil); return err },
		titanxsim.CallList:      func() error { _, err := b.listAll(ctx); return err },
		titanxsim.CallGet:       func() error { _, err := b.Get(ctx, id); return err },
		titanxsim.CallSetStatus: func() error { _, err := b.SetStatus(ctx, id, StatusInactive); return err },
		titanxsim.CallDelete:    func() error { return b.Delete(ctx, id) },
	}
}

// endless sends more than anybody should read, and notes how much was taken.
func endless(taken *atomic.Int64, compress bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body io.Writer = w
		if compress {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			body = z
		}
		fill := bytes.Repeat([]byte(" "), 1<<20)
		for r.Context().Err() == nil && taken.Load() < 1<<30 {
			if _, err := body.Write(fill); err != nil {
				return
			}
			taken.Add(int64(len(fill)))
		}
	}
}

func newSilentServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestNewTransport_proxy(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	throughProxy := func(cfg *Config) { cfg.Proxy = http.ProxyURL(through) }
	c := client(t, Config{BaseURL: "https://titanx.example/api"}, throughProxy)
	if _, err := c.listAll(t.Context()); !errors.Is(err, ErrNoAnswer) || outcomeOf(err) != unsent {
		t.Errorf("%v", err)
	}
	if got := <-asked; got != "CONNECT titanx.example:443" {
		t.Errorf("the proxy was asked for %s", got)
	}
	// The key of a request over http would reach the proxy in clear text.
	c = client(t, Config{BaseURL: "http://LOCALHOST.:1/api"}, throughProxy)
	if _, err := c.listAll(t.Context()); !errors.Is(err, ErrNoAnswer) || len(asked) > 0 {
		t.Errorf("%v, and the proxy was asked %d times", err, len(asked))
	}
}

// TestClient_Now_skew uses the Date header, however wrong the local clock is.
func TestClient_Now_skew(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{0, time.Minute, -time.Hour, 60 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Now: func() time.Time { return time.Now().Add(skew) }})
			if _, known := b.Now(); known {
				t.Error("known before the first response")
			}
			if _, err := b.All(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if now, known := b.Now(); !known || now.Sub(time.Now().Add(skew)).Abs() > 2*time.Second {
				t.Errorf("%s: %s, %t", skew, now, known)
			}
		})
	}
}

func TestClient_Now(t *testing.T) {
	t.Parallel()
	for offset, header := range map[time.Duration]http.Header{
		0:          nil,
		-time.Hour: {"Date": {""}},
		time.Hour:  {"Date": {""}},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if header != nil {
					w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
				}
				io.WriteString(w, "[]")
			})}})
			if _, known := c.Now(); known {
				t.Error("TitanX's clock is known before any response")
			}
			if _, err := c.listAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Minute)
			now, known := c.Now()
			if off := time.Until(now) - offset; known != (header != nil) || off > 0 || off < -time.Second-latency {
				t.Errorf("off by %v, known %t", off, known)
			}
		})
	}
}
