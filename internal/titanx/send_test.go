// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// Each fault, always, and how many requests each call then makes. A create that was sent is never sent again.
func TestWhatIsSentAgain(t *testing.T) {
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

func TestARefusalForTheRateIsWaitedFor(t *testing.T) {
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

func TestAFarRetryAfterHoldsNobodyUp(t *testing.T) {
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

func TestWhatWasNeverSentIsSentAgain(t *testing.T) {
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

func TestCreate_noConnectionIsUnsent(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	c := client(t, Config{BaseURL: closed.URL, MaxRetries: 2})
	if _, _, err := c.post(t.Context(), crm(), nil); outcomeOf(err) != unsent || !errors.Is(err, ErrNoAnswer) {
		t.Errorf("%v, outcome %d", err, outcomeOf(err))
	}
}

func TestAnUntrustedServerIsAskedOnceAndToldNothing(t *testing.T) {
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

func TestZeroRetriesIsOneAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := wired(t, titanxsim.Config{}, func(cfg *Config) { cfg.MaxRetries = 0 })
		b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultStatus})
		if _, err := b.listAll(t.Context()); err == nil || b.requests() != 1 {
			t.Errorf("%v after %d requests", err, b.requests())
		}
	})
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
