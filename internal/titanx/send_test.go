// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// Each fault, always, and how many requests each call then sends. A create that
// was sent is never sent again.
func TestPolicy_resends(t *testing.T) {
	t.Parallel()
	const again = 4 // once and MaxRetries times
	calls := []titanxsim.Call{
		titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallGet, titanxsim.CallSetStatus, titanxsim.CallDelete,
	}
	status := func(code int) titanxsim.Fault { return titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: code} }
	for _, c := range []struct {
		fault    titanxsim.Fault
		requests [5]int // by call
		done     [5]bool
	}{
		{fault: titanxsim.Fault{Kind: titanxsim.FaultReset}, requests: [5]int{1, again, again, again, again}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultReset, Commit: true}, requests: [5]int{1, again, again, again, again}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultCut}, requests: [5]int{1, again, again, again, again}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultDelay, Delay: time.Hour}, requests: [5]int{1, again, again, again, again}},
		{fault: status(500), requests: [5]int{1, again, again, again, again}},
		{fault: status(502), requests: [5]int{1, again, again, again, again}},
		{fault: status(503), requests: [5]int{1, again, again, again, again}},
		{fault: status(504), requests: [5]int{1, again, again, again, again}},
		{fault: status(408), requests: [5]int{1, again, again, again, again}},
		{fault: status(499), requests: [5]int{1, again, again, again, again}},
		{fault: status(501), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(400), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(401), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(403), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(404), requests: [5]int{1, 1, 1, 1, 1}}, // the list has it still
		{fault: status(409), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(410), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: status(422), requests: [5]int{1, 1, 1, 1, 1}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultRedirect}, requests: [5]int{1, 1, 1, 1, 1}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultEmpty}, requests: [5]int{1, 1, 1, 1, 1}, done: [5]bool{3: true, 4: true}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultHTML}, requests: [5]int{1, 1, 1, 1, 1}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultHTML, Commit: true}, requests: [5]int{1, 1, 1, 1, 1}, done: [5]bool{3: true, 4: true}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultTruncated}, requests: [5]int{1, 1, 1, 1, 1}, done: [5]bool{3: true, 4: true}},
		{fault: titanxsim.Fault{Kind: titanxsim.FaultOtherShape}, requests: [5]int{1, 1, 1, 1, 1}, done: [5]bool{3: true, 4: true}},
	} {
		for n, call := range calls {
			synctest.Test(t, func(t *testing.T) {
				b := wired(t, titanxsim.Config{})
				id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
				c.fault.Call = call
				b.sim.Inject(c.fault)
				err := b.calls(t.Context(), id)[call]()
				if (err == nil) != c.done[n] || b.requests(call) != c.requests[n] {
					t.Errorf("%s %d × %s: %d requests, want %d: %v", c.fault.Kind, c.fault.Status, call, b.requests(call), c.requests[n], err)
				}
			})
		}
	}
}

func TestDo_outcomes(t *testing.T) {
	t.Parallel()
	for want, statuses := range map[outcome][]int{
		answered:      {200, 201, 299},
		refused:       {400, 401, 404, 407, 409, 498, 501},
		uncertain:     {300, 303, 399, 500, 502, 503, 505, 521, 523, 599},
		stillPossible: {408, 499, 504, 522, 524},
	} {
		for _, status := range statuses {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(status)
					io.WriteString(w, `{"id": "w1"}`)
				})}})
				if _, _, err := c.post(t.Context(), crm(), nil); outcomeOf(err) != want {
					t.Errorf("%d: outcome %d, want %d: %v", status, outcomeOf(err), want, err)
				}
			})
		}
	}
}

func TestPolicy_429(t *testing.T) {
	t.Parallel()
	for _, header := range []http.Header{nil, {"Retry-After": {"7"}}} {
		for _, call := range []titanxsim.Call{
			titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallGet, titanxsim.CallSetStatus, titanxsim.CallDelete,
		} {
			synctest.Test(t, func(t *testing.T) {
				b := wired(t, titanxsim.Config{})
				id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
				b.sim.Inject(titanxsim.Fault{Call: call, Kind: titanxsim.FaultStatus, Status: 429, Header: header, Times: 7})
				began := time.Now()
				if err := b.calls(t.Context(), id)[call](); err != nil || b.requests(call) != 8 {
					t.Errorf("%s: %d requests, %v", call, b.requests(call), err)
				}
				if took := time.Since(began); header != nil && took < 7*7*time.Second {
					t.Errorf("%s: sent again too soon: %v in all", call, took)
				}
				for _, r := range b.sim.Requests(titanxsim.CallCreate) {
					if len(r.Body) == 0 {
						t.Error("a create was sent again without its body")
					}
				}
			})
		}
	}
}

func TestPolicy_farRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{})
		b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 503, Header: http.Header{"Retry-After": {"86400"}}, Times: 1})
		began := time.Now()
		if _, err := b.listAll(t.Context()); err != nil || time.Since(began) > time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestPolicy_unsent(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallDelete} {
		b := connected(t, titanxsim.Config{})
		var dials atomic.Int64
		transport := newTransport(Config{}, &url.URL{Scheme: "https"})
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) < 3 {
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			}
			return dial(ctx, network, address)
		}
		t.Cleanup(transport.CloseIdleConnections)
		b.Client = client(t, Config{APIKey: b.key, BaseURL: b.base.String(), MaxRetries: 3, Transport: transport})
		if err := b.calls(t.Context(), "w1")[call](); err != nil || b.requests(call) != 1 || dials.Load() < 3 {
			t.Errorf("%s: %v after %d dials, %d requests", call, err, dials.Load(), b.requests(call))
		}
	}
}

func TestCreate_noConnection(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	c := client(t, Config{BaseURL: closed.URL, MaxRetries: 2})
	if _, _, err := c.post(t.Context(), crm(), nil); outcomeOf(err) != unsent || !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v, outcome %d", err, outcomeOf(err))
	}
}

func TestPolicy_untrustedServer(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallDelete} {
		var connections atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		server.StartTLS()
		t.Cleanup(server.Close)
		b := &bench{Client: client(t, Config{BaseURL: server.URL, MaxRetries: 3})}
		err := b.calls(t.Context(), "w1")[call]()
		var untrusted *CertificateError
		if !errors.As(err, &untrusted) || outcomeOf(err) != unsent || connections.Load() != 1 {
			t.Errorf("%s: %v after %d connections", call, err, connections.Load())
		}
	}
}

func TestCertificateError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{x509.HostnameError{}, "another name"},
		{x509.UnknownAuthorityError{}, "does not trust"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, "expired"},
		{x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}, "it is not valid"},
		{errors.New("CANARY"), "it is not valid"},
	} {
		err := newCertificateError("titanx.example", &tls.CertificateVerificationError{Err: c.err})
		if text := err.Error(); !strings.Contains(text, c.want) || !strings.Contains(text, "titanx.example") || strings.Contains(text, "CANARY") || !errors.Is(err, errTLS) {
			t.Errorf("%T: %v", c.err, err)
		}
	}
}

func TestPolicy_zeroRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{}, func(cfg *Config) { cfg.MaxRetries = 0 })
		b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultStatus})
		if _, err := b.listAll(t.Context()); err == nil || b.requests() != 1 {
			t.Errorf("%v after %d requests", err, b.requests())
		}
	})
}

// No response takes more than 150 MiB, whatever it decodes to. Not parallel, as
// it measures the memory of the process.
func TestResponses_memory(t *testing.T) { //nolint:paralleltest // see above
	if testing.Short() {
		t.Skip("takes seconds, which each mutant would pay for")
	}
	fill := func(head, unit, tail string) string {
		return head + strings.Repeat(unit, (maxBody-len(head)-len(tail)-len(unit))/len(unit)) + tail
	}
	for name, body := range map[string]string{
		"empty objects":     fill(`[{}`, `,{}`, `]`),
		"webhooks":          fill(`[{"id":"0"}`, `,{"id":"1"}`, `]`),
		"different ids":     manyIDs(),
		"events":            fill(`[{"id":"0","events":["a"`, `,""`, `]}]`),
		"a time of objects": fill(`[{"id":"0","createdAt":[{}`, `,{}`, `]}]`),
		"an unknown field":  fill(`[{"id":"0","x":[{}`, `,{}`, `]}]`),
		"many fields":       fill(`{"id":"0"`, `,"a":1`, `}`),
		"wrapped":           fill(`{"payload":{"data":{"webhooks":[{"id":"0"}`, `,{"id":"1"}`, `]}}}`),
		"an error":          fill(`{"error":[{}`, `,{}`, `]}`),
		"an error in a 500": fill(`{"error":[{}`, `,{}`, `]}`),
		"a message":         fill(`{"error":"`, `x`, `"}`),
	} {
		c := served(t, func(w http.ResponseWriter, _ *http.Request) {
			if name == "an error in a 500" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			io.WriteString(w, body)
		})
		for call, do := range map[string]func() error{
			"list": func() error { _, err := c.listAll(t.Context()); return err },
			"get":  func() error { _, err := c.Get(t.Context(), "0"); return err },
		} {
			runtime.GC()
			peak := peakHeap(t, func() { _ = do() })
			if peak > 150<<20 {
				t.Errorf("%s of %s: %d MiB", call, name, peak>>20)
			}
		}
	}
}

func manyIDs() string {
	var b strings.Builder
	b.WriteString(`[{"id":"x"}`)
	for n := 0; b.Len() < maxBody-32; n++ {
		fmt.Fprintf(&b, `,{"id":"%d"}`, n)
	}
	return b.String() + "]"
}

// peakHeap returns by how much the heap grows at most while f runs, garbage
// included.
func peakHeap(t *testing.T, f func()) uint64 {
	t.Helper()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	peak := before.HeapAlloc
	for {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		peak = max(peak, now.HeapAlloc)
		select {
		case <-done:
			return peak - before.HeapAlloc
		case <-time.After(time.Millisecond):
		}
	}
}

// A server that switches protocols hands over a connection. Nothing is read of
// it, so that neither a timeout nor Ctrl-C is needed to end it.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallDelete} {
		closed := make(chan struct{}, 10)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: CANARY\r\nConnection: Upgrade\r\n\r\n")
			io.Copy(io.Discard, conn)
			conn.Close()
			closed <- struct{}{}
		}))
		t.Cleanup(server.Close)
		b := &bench{Client: client(t, Config{BaseURL: server.URL})}
		err := b.calls(t.Context(), "w1")[call]()
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%s: %v", call, err)
		}
		<-closed
	}
}

// The time limit of a request does not run while it queues for a connection.
func TestAttempt_queue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const wait = DefaultRequestTimeout - time.Second
		b := wired(t, titanxsim.Config{Latency: wait})
		begun := time.Now()
		var calls sync.WaitGroup
		for range 3 * maxConnections {
			calls.Go(func() {
				if _, err := b.Get(t.Context(), "w1"); !errors.Is(err, ErrNotFound) {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		if took := time.Since(begun); took < 3*wait || took > 5*wait {
			t.Errorf("%v for three rounds of %v", took, wait)
		}
	})
}

// What net/http says of a response may quote it.
func TestTransportErrors_unquoted(t *testing.T) {
	t.Parallel()
	for _, response := range []string{
		"CANARY\r\n\r\n", "HTTP/1.1 CANARY\r\n\r\n", "HTTP/1.1 200 OK\r\nCANARY\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: CANARY\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nCANARY", "HTTP/1.1 999 CANARY\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: https://CANARY%zz/\r\nContent-Length: 0\r\n\r\n",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(conn, response)
			conn.Close()
		}))
		t.Cleanup(server.Close)
		var log bytes.Buffer
		c := client(t, Config{BaseURL: server.URL}, func(cfg *Config) {
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		_, err := c.listAll(t.Context())
		if err == nil || strings.Contains(err.Error()+log.String(), "CANARY") {
			t.Errorf("%q: %v\n%s", response, err, log.String())
		}
	}
}

// A TLS version that is refused, or a server that does not speak TLS, is asked
// once.
func TestHandshake_once(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"old version": false, "no TLS": true} {
		var connections atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came through") }))
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		if plain {
			server.Start()
		} else {
			server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10} // refused on purpose
			server.StartTLS()
		}
		t.Cleanup(server.Close)
		c := client(t, Config{BaseURL: "https://" + strings.TrimPrefix(strings.TrimPrefix(server.URL, "https://"), "http://"), MaxRetries: 5})
		if _, err := c.listAll(t.Context()); !errors.Is(err, ErrNoAnswer) || outcomeOf(err) != unsent || connections.Load() != 1 {
			t.Errorf("%s: %v after %d connections", name, err, connections.Load())
		}
	}
}

// Not parallel, as it measures the memory of the process.
func TestReadBody_oversize(t *testing.T) { //nolint:paralleltest // see above
	for _, compress := range []bool{false, true} {
		var taken atomic.Int64
		c := served(t, endless(&taken, compress))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := c.listAll(t.Context())
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("compressed %t: %v", compress, err)
		}
		// Growing a slice to its end allocates a small multiple of it: not the
		// gibibyte that is offered.
		if got := after.TotalAlloc - before.TotalAlloc; got > 10*maxBody {
			t.Errorf("compressed %t: %d MiB allocated", compress, got>>20)
		}
	}
}

// TestReadBody_limits reads bodies that just fit, and one byte more.
func TestReadBody_limits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ status, size, want int }{
		{http.StatusOK, maxBody, maxBody},
		{http.StatusOK, maxBody + 1, -1},
		{299, maxBody, maxBody},
		{http.StatusMultipleChoices, maxErrorBody, maxErrorBody},
		{http.StatusMultipleChoices, maxErrorBody + 1, maxErrorBody},
		{http.StatusInternalServerError, maxErrorBody + 1, maxErrorBody},
		{http.StatusInternalServerError, maxBody + 1, maxErrorBody},
	} {
		for _, announced := range []int64{-1, int64(c.size)} {
			resp := &http.Response{StatusCode: c.status, ContentLength: announced, Body: io.NopCloser(bytes.NewReader(make([]byte, c.size)))}
			body, err := readBody(t.Context(), resp)
			if c.want < 0 != errors.Is(err, errTooLong) || c.want >= 0 && (err != nil || len(body) != c.want) {
				t.Errorf("%d with %d bytes, %d announced: %d bytes, %v", c.status, c.size, announced, len(body), err)
			}
		}
	}
}

// An error body that breaks off where it would have been cut is not complete.
// A byte order mark is not JSON, but some servers begin with it (RFC 8259,
// section 8.1).
func TestReadBody_byteOrderMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "\ufeff"+`{"id": "w1"}`)
		})}})
		if w, err := c.Get(t.Context(), "w1"); err != nil || w.ID != "w1" {
			t.Errorf("%+v, %v", w, err)
		}
	})
}

func TestReadBody_broken(t *testing.T) {
	t.Parallel()
	body := io.MultiReader(bytes.NewReader(make([]byte, maxErrorBody)), iotest.ErrReader(io.ErrUnexpectedEOF))
	resp := &http.Response{StatusCode: http.StatusInternalServerError, ContentLength: -1, Body: io.NopCloser(body)}
	if _, err := readBody(t.Context(), resp); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// TestReadBody_announcedOversize sends nothing of the body that it announces.
func TestReadBody_announcedOversize(t *testing.T) {
	t.Parallel()
	c := served(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(maxBody+1))
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.listAll(ctx); !errors.Is(err, ErrUnreadable) {
		t.Errorf("%v", err)
	}
}

func TestAttempt_slowResponse(t *testing.T) {
	t.Parallel()
	for _, kind := range []titanxsim.FaultKind{titanxsim.FaultSlowBody, titanxsim.FaultDelay} {
		for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallGet, titanxsim.CallSetStatus, titanxsim.CallDelete} {
			t.Run(string(kind)+" "+string(call), func(t *testing.T) {
				t.Parallel()
				b := connected(t, titanxsim.Config{}, func(cfg *Config) { cfg.RequestTimeout, cfg.MaxRetries = 50*time.Millisecond, 1 })
				b.sim.Inject(titanxsim.Fault{Kind: kind, Delay: time.Hour})
				id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
				if err := b.calls(t.Context(), id)[call](); !errors.Is(err, ErrTimeout) {
					t.Error(err)
				}
			})
		}
	}
}

// Whatever happens at the very instant of the timeout, the error says that what
// was asked for may still be done.
func TestAttempt_timeout(t *testing.T) {
	t.Parallel()
	silent := newSilentServer(t)
	for range 50 {
		c := client(t, Config{BaseURL: silent}, func(cfg *Config) { cfg.RequestTimeout = 2 * time.Millisecond })
		if _, _, err := c.post(t.Context(), crm(), nil); outcomeOf(err) != unsent && outcomeOf(err) != stillPossible {
			t.Fatal(err)
		}
	}
}

func TestAttempt_cancelRead(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallList, titanxsim.CallGet} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Latency: time.Second})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel)
			began := time.Now()
			if err := b.calls(ctx, "w1")[call](); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", call, err)
			}
			if took := time.Since(began); took != 200*time.Millisecond {
				t.Errorf("%s: ended after %v", call, took)
			}
		})
	}
}

func TestAttempt_cancelChange(t *testing.T) {
	t.Parallel()
	for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallDelete} {
		synctest.Test(t, func(t *testing.T) {
			b := wired(t, titanxsim.Config{Latency: time.Second})
			id := b.sim.Put("ada", titanxsim.Webhook{Name: "x"}).ID
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel)
			if err := b.calls(ctx, id)[call](); err != nil {
				t.Errorf("%s was done, but: %v", call, err)
			}
			left := b.sim.Webhooks("ada")
			if (call == titanxsim.CallCreate) != (len(left) == 2) || (call == titanxsim.CallSetStatus) != (len(left) == 1 && left[0].Status == StatusInactive) {
				t.Errorf("%s: left %v", call, left)
			}
			if n := b.requests(); n != 1 {
				t.Errorf("%s: %d requests", call, n)
			}
			b.sim.ResetRequests()
			if err := b.calls(ctx, id)[call](); !errors.Is(err, context.Canceled) || b.requests() != 0 {
				t.Errorf("%s after the end: %v, %d requests", call, err, b.requests())
			}
		})
	}
}

func TestAttempt_connections(t *testing.T) {
	t.Parallel()
	b := connected(t, titanxsim.Config{Latency: 5 * time.Millisecond})
	id := b.create(t, crm()).ID
	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if _, err := b.Get(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	connections := map[string]bool{}
	for _, r := range b.sim.Requests() {
		connections[r.RemoteAddr] = true
	}
	if n := len(connections); n > 10 || b.requests(titanxsim.CallGet) != 50 {
		t.Errorf("%d connections for %d requests", n, b.requests())
	}
}
