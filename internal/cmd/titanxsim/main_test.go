// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// simulator is the program, which runs until the test ends.
type simulator struct {
	*testing.T
	front, api, ca string // as printed
	seen           chan string
}

// serving runs the program with a receiver.
func serving(t *testing.T, receiver http.HandlerFunc, args ...string) *simulator {
	t.Helper()
	behind := httptest.NewServer(receiver)
	t.Cleanup(behind.Close)
	s := &simulator{T: t, ca: filepath.Join(t.TempDir(), "ca.pem"), seen: make(chan string, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	ended, printed := make(chan error, 1), make(chan string, 1)
	go func() {
		ended <- run(ctx, append([]string{"-addr", "127.0.0.1:0", "-front", "127.0.0.1:0", "-receiver", behind.URL, "-ca", s.ca}, args...),
			toChannel(printed), toChannel(s.seen))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	select {
	case usage := <-printed:
		s.front = regexp.MustCompile(`https://[^/]+`).FindString(usage)
		s.api = regexp.MustCompile(`TITANX_BASE_URL=(\S+)`).FindStringSubmatch(usage)[1]
	case err := <-ended:
		t.Fatalf("run: %v", err)
	}
	return s
}

type toChannel chan string

func (c toChannel) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}

// waitFor waits until the program shows something.
func (s *simulator) waitFor(want string) {
	s.Helper()
	for line := range s.seen {
		if strings.Contains(line, want) {
			return
		}
	}
}

func (s *simulator) do(key, method, url, body string) (int, http.Header, string) {
	s.Helper()
	req, err := http.NewRequestWithContext(s.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(read)
}

func (s *simulator) subscribe(key string) {
	s.Helper()
	body := `{"name": "demo", "url": "` + s.front + `/titanx", "events": ["job.contact.scored", "job.completed"]}`
	if status, _, answer := s.do(key, "POST", s.api+"/webhooks", body); status != 201 {
		s.Fatalf("create: %d %s", status, answer)
	}
}

func (s *simulator) fire(args ...string) (string, error) {
	s.Helper()
	var out bytes.Buffer
	addr := strings.TrimPrefix(strings.TrimSuffix(s.api, titanxsim.BasePath), "http://")
	err := run(s.Context(), append([]string{"fire", "-addr", addr}, args...), &out, io.Discard)
	return out.String(), err
}

func TestRun_flags(t *testing.T) {
	t.Parallel()
	s := serving(t, nil, "-limits", "second=1000,day=5", "-dialect", "envelope=data,get=absent-405", "-latency", "1us")
	status, h, body := s.do("bob-key", "GET", s.api+"/webhooks", "")
	if status != 200 || body != `{"data":[]}` {
		t.Errorf("list: %d %s", status, body)
	}
	if h.Get("X-RateLimit-Limit-Second") != "1000" || h.Get("X-RateLimit-Limit-Day") != "5" || h.Get("X-RateLimit-Limit-Minute") != "" {
		t.Errorf("headers: %v", h)
	}
	if status, _, _ := s.do("ada-key", "GET", s.api+"/webhooks/x", ""); status != 405 {
		t.Errorf("get: %d", status)
	}
}

// TestFire delivers through the front to a receiver on a plain port, and shows
// what happens.
func TestFire(t *testing.T) {
	t.Parallel()
	received := make(chan string, 10)
	s := serving(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- r.URL.Path + " " + r.Header.Get("X-Titanx-Signature")[:4] + " " + string(body)
		if strings.Contains(string(body), "refuse") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	if _, err := s.fire(); err == nil || !strings.Contains(err.Error(), "no active webhook of ada subscribes to job.contact.scored") {
		t.Errorf("without a webhook: %v", err)
	}
	s.subscribe("ada-key")
	s.waitFor("method=POST path=/api/public/v2/webhooks user=ada status=201")
	for want, args := range map[string][]string{
		`"eventType":"job.contact.scored"`: nil,
		`"eventType":"job.completed"`:      {"job.completed"},
		`{"leadId":"7"}`:                   {"-payload", `{"leadId":"7"}`},
	} {
		out, err := s.fire(args...)
		if err != nil || !strings.HasSuffix(out, "to "+s.front+"/titanx: 200: delivered\n") {
			t.Errorf("fire %q: %v, %q", args, err, out)
		}
		if got := <-received; !strings.HasPrefix(got, "/titanx ") || !strings.Contains(got, want) {
			t.Errorf("fire %q: received %s, want %s", args, got, want)
		}
	}
	s.waitFor(`type=job.completed attempt=1 status=200 verdict="200: delivered"`)
	if out, err := s.fire("-payload", `"refuse"`); err != nil || !strings.Contains(out, "401: TitanX will never send this again") {
		t.Errorf("a refused event: %v, %q", err, out)
	}
	for want, args := range map[string][]string{
		"no active webhook of bob": {"-user", "bob"},
		"read payload":             {"-payload", "{"},
		"is titanxsim running":     {"-addr", "127.0.0.1:1"},
	} {
		if _, err := s.fire(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fire %q: %v, want %q", args, err, want)
		}
	}
}

func TestFire_fromElsewhere(t *testing.T) {
	t.Parallel()
	sim := titanxsim.New(titanxsim.Config{})
	t.Cleanup(sim.Close)
	for addr, want := range map[string]int{"127.0.0.1:1234": 200, "[::1]:1234": 200, "192.0.2.1:1234": 403, "10.0.0.1:1234": 403, "": 403} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, firePath, strings.NewReader(`{"User":"ada","EventType":"job.completed"}`))
		req.RemoteAddr = addr
		w := httptest.NewRecorder()
		control(sim).ServeHTTP(w, req)
		if w.Code != want {
			t.Errorf("caller %q: %d, want %d", addr, w.Code, want)
		}
	}
}

// TestFront_certificate calls the front with the certificate from the file
// alone.
func TestFront_certificate(t *testing.T) {
	t.Parallel()
	s := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.front, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTeapot {
		t.Errorf("status %d is not the receiver's", resp.StatusCode)
	}
}

func TestFront_receiverDown(t *testing.T) {
	t.Parallel()
	s := serving(t, nil, "-receiver", "http://127.0.0.1:1")
	s.subscribe("ada-key")
	out, err := s.fire()
	if err != nil || !strings.Contains(out, "502: TitanX will send this again") {
		t.Errorf("%v, %q", err, out)
	}
	s.waitFor("the receiver does not respond")
}

// TestRun_stopDuringDelivery: the cleanup of serving fails unless the program
// ends although a response is still delayed.
func TestRun_stopDuringDelivery(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	s := serving(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the caller leaves
		close(arrived)
		<-r.Context().Done()
	})
	s.subscribe("ada-key")
	go func() { _, _ = s.fire() }()
	<-arrived
}

func TestRun_refusedFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"second=N":          {"-limits", "hour=5"},
		`parse "day=-1"`:    {"-limits", "second=5,day=-1"},
		`parse "minute"`:    {"-limits", "minute"},
		"no switch":         {"-dialect", "shape=round"},
		"one of payload":    {"-dialect", "envelope=box"},
		"read receiver":     {"-receiver-ca", empty + ".absent"},
		"no certificate":    {"-receiver-ca", empty},
		"write certificate": {"-ca", filepath.Join(dir, "absent", "ca.pem")},
		"want an address":   {"-receiver", "127.0.0.1:8000"},
		"http://a/b":        {"-receiver", "http://a/b"},
		"listen":            {"-addr", "127.0.0.1:none"},
		"not defined":       {"-port", "80"},
		"unexpected args":   {"8080"},
	} {
		var stderr bytes.Buffer
		err := run(t.Context(), append([]string{"-ca", filepath.Join(dir, "ca.pem")}, args...), io.Discard, &stderr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestUsage_dialects(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &stderr); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run: %v", err)
	}
	for _, d := range titanxsim.Variations() {
		name, value, _ := strings.Cut(d.String(), "=")
		if !strings.Contains(stderr.String(), name) || (name != "list-lag" && !strings.Contains(stderr.String(), value)) {
			t.Errorf("usage does not name %s", d)
		}
	}
}
