// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// A network in memory, for tests on a virtual clock.

package provider

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// Hosts of a memoryNetwork where no simulator answers.
const (
	refusingHost  = "refuses"      // no connection
	resettingHost = "resets"       // ends each connection before it reads
	untrustedHost = "is-untrusted" // has a certificate of its own making
	limitedHost   = "is-limited"   // answers 429 with the headers of an exhausted minute
)

// memoryNetwork carries HTTP between the provider and servers without sockets,
// so that both live in the virtual time of testing/synctest: a timeout takes no
// time, and a goroutine that is left behind fails the test.
type memoryNetwork struct {
	transport *http.Transport
	listeners map[string]*pipeListener

	mu       sync.Mutex
	requests int
	detours  []detour
}

// detour sends matching requests to another host, like titanxsim.Fault: After
// let through, then Times (0: all).
type detour struct {
	call         titanxsim.Call
	after, times int
	host         string
}

// simulateInMemory starts a simulator that the provider reaches over a network
// of its own.
func simulateInMemory(t *testing.T, cfg titanxsim.Config) (*simulation, *memoryNetwork) {
	t.Helper()
	s := newSimulation(t, cfg)
	s.baseURL = "http://127.0.0.1" + titanxsim.BasePath
	n := &memoryNetwork{listeners: map[string]*pipeListener{}}
	n.transport = &http.Transport{DialContext: n.dial}
	s.adapt = func(cfg *titanx.Config) {
		cfg.Transport, cfg.RetryWait, cfg.SettleWait = n, 0, 0 // as in production
	}
	n.serve(t, "127.0.0.1", nil, s.Server)
	n.serve(t, limitedHost, nil, http.HandlerFunc(answerLimited))
	n.serve(t, untrustedHost, &tls.Config{Certificates: []tls.Certificate{selfSigned()}}, s.Server)
	resets := n.listen(t, resettingHost)
	go func() {
		for conn := range resets.conns {
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		n.transport.CloseIdleConnections()
		close(resets.conns)
		s.Server.Close()
	})
	return s, n
}

func (n *memoryNetwork) listen(t *testing.T, host string) *pipeListener {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[host] = l
	return l
}

func (n *memoryNetwork) serve(t *testing.T, host string, secured *tls.Config, handler http.Handler) {
	t.Helper()
	l := n.listen(t, host)
	server := &http.Server{Handler: handler, TLSConfig: secured, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		if secured != nil {
			_ = server.ServeTLS(l, "", "")
			return
		}
		_ = server.Serve(l)
	}()
	t.Cleanup(func() { server.Close() })
}

func (n *memoryNetwork) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	l, ok := n.listeners[host]
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return l.dial(ctx)
}

// RoundTrip implements http.RoundTripper.
func (n *memoryNetwork) RoundTrip(req *http.Request) (*http.Response, error) {
	if host := n.route(callOf(req)); host != "" {
		req = req.Clone(req.Context())
		req.URL.Host = host
		if host == untrustedHost {
			req.URL.Scheme = "https"
		}
	}
	return n.transport.RoundTrip(req)
}

// route counts a request, and returns the host of its detour, if there is one.
func (n *memoryNetwork) route(call titanxsim.Call) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.requests++
	for i := range n.detours {
		d := &n.detours[i]
		switch {
		case d.call != call || d.times < 0:
			continue
		case d.after > 0:
			d.after--
			continue
		case d.times == 1:
			d.times = -1 // used up
		case d.times > 1:
			d.times--
		}
		return d.host
	}
	return ""
}

func (n *memoryNetwork) divert(d detour) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.detours = append(n.detours, d)
}

func (n *memoryNetwork) clearDetours() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.detours = nil
}

// sent returns how many requests were sent since it was last asked, those that
// were refused a connection included.
func (n *memoryNetwork) sent() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer func() { n.requests = 0 }()
	return n.requests
}

// callOf returns what a request asks for, before a server sees it.
func callOf(req *http.Request) titanxsim.Call {
	below := strings.Count(strings.TrimPrefix(req.URL.EscapedPath(), titanxsim.BasePath+"/webhooks"), "/")
	switch {
	case req.Method == http.MethodPost && below == 0:
		return titanxsim.CallCreate
	case req.Method == http.MethodPost:
		return titanxsim.CallSetStatus
	case req.Method == http.MethodDelete:
		return titanxsim.CallDelete
	case below == 0:
		return titanxsim.CallList
	}
	return titanxsim.CallGet
}

func answerLimited(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-RateLimit-Limit-Minute", "100")
	w.Header().Set("X-RateLimit-Remaining-Minute", "0")
	w.Header().Set("X-RateLimit-Reset-Minute", strconv.FormatInt(time.Now().Truncate(time.Minute).Add(time.Minute).Unix(), 10))
	w.WriteHeader(http.StatusTooManyRequests)
}

// pipeListener accepts connections in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
