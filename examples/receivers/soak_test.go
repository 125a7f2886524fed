// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

//go:build soak

package receivers_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soakFor = flag.Duration("soak", 10*time.Minute, "how long to run each language")

const (
	soakRate    = 50 // events a second
	attacks     = 20 // requests a second
	otherSecret = "CANARY-another-secret"
)

// A soak is a receiver that is restarted again and again, behind a proxy that
// keeps connections. Its handle writes a result into the events file.
type soak struct {
	t        *testing.T
	address  atomic.Value // of the receiver
	proxy    *httptest.Server
	client   *http.Client
	deadline time.Time
	slots    chan struct{} // requests at once
	senders  sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]bool // answered 204
	statuses map[int]int     // of genuine deliveries
	handled  map[string]int  // printed
	lastOf   map[string]bool // printed last before a kill
	attacked int
	replays  int
}

func TestSoak(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		s := &soak{
			t: t, deadline: time.Now().Add(*soakFor), client: &http.Client{Timeout: 10 * time.Second}, slots: make(chan struct{}, 100),
			accepted: map[string]bool{}, statuses: map[int]int{}, handled: map[string]int{}, lastOf: map[string]bool{},
		}
		folder, l := prepare(t, secret+"\n"+otherSecret+"\n"), l.scripted(t)
		s.startProxy()
		s.address.Store("")
		s.senders.Go(s.deliverAll)
		s.senders.Go(s.sendAttacks)
		done := make(chan struct{})
		go func() { s.senders.Wait(); close(done) }()

		var terms, kills int
		var longest time.Duration
		for running := true; running; {
			p := l.start(t, folder)
			s.address.Store(p.address)
			select {
			case <-time.After(3*time.Second + rand.N(7*time.Second)):
			case <-done:
				running = false
			}
			if running && rand.N(2) == 0 {
				kills++
				p.kill()
				s.printed(append(p.early, drained(p)...), true)
				continue
			}
			terms++
			took := s.stop(p)
			longest = max(longest, took)
		}
		s.check(folder)
		if longest > 2*time.Second {
			t.Errorf("the receiver took %v to end after its last event", longest)
		}
		t.Logf("| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.1f |", l.name, len(s.accepted), s.total(), s.statuses[503]+s.statuses[502], s.attacked, s.replays,
			terms, kills, len(s.handled), s.repeated(), longest.Seconds())
	})
}

// startProxy starts a proxy that shares a few connections between all callers.
func (s *soak) startProxy() {
	forward := &httputil.ReverseProxy{
		Transport:    &http.Transport{MaxConnsPerHost: 8},
		Rewrite:      func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", s.address.Load().(string) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.ContentLength != 0 {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	s.t.Cleanup(s.proxy.Close)
}

// ticks counts so many times a second, and catches up after a delay.
func (s *soak) ticks(rate int) iter.Seq[int] {
	return func(yield func(int) bool) {
		start := time.Now()
		for i := 0; time.Now().Before(s.deadline); i++ {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
			if !yield(i) {
				return
			}
		}
	}
}

// deliverAll sends the events, and repeats each as TitanX does.
func (s *soak) deliverAll() {
	for i := range s.ticks(soakRate) {
		id := fmt.Sprint("event-", i)
		body := fmt.Sprintf(`{"id":%q,"eventType":"job.completed","timestamp":%d,"payload":{"firstName":"Zoë","path":"\/","number":1.0}}`+"\n", id, time.Now().UnixMilli())
		s.senders.Go(func() { s.deliver(id, body, secret) })
		switch i % 10 {
		case 3: // the other webhook of a rotation
			s.senders.Go(func() { s.deliver(id, body, otherSecret) })
		case 7: // a duplicate
			s.senders.Go(func() {
				time.Sleep(rand.N(20 * time.Second))
				s.deliver(id, body, secret)
			})
		}
	}
}

// deliver repeats a delivery until it is taken, with growing pauses.
func (s *soak) deliver(id, body, key string) {
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, 30*time.Second) {
		status := s.post(body, sign(key, body), rand.N(5) == 0)
		s.mu.Lock()
		s.statuses[status]++
		s.accepted[id] = s.accepted[id] || status == 204
		s.mu.Unlock()
		if status < 500 {
			return
		}
		time.Sleep(pause + rand.N(pause))
	}
}

// post returns 502 where there is no answer.
func (s *soak) post(body, signature string, chunks bool) int {
	var reader io.Reader = strings.NewReader(body)
	if chunks {
		reader = io.MultiReader(reader)
	}
	return s.send(http.MethodPost, "/titanx", reader, signature)
}

func (s *soak) send(method, path string, body io.Reader, signature string) int {
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.proxy.URL+path, body)
	if err != nil {
		panic(err)
	}
	req.Header.Set("X-TitanX-Signature", signature)
	resp, err := s.client.Do(req)
	if err != nil {
		return http.StatusBadGateway
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// sendAttacks sends what nobody signed, and replays of what somebody did.
func (s *soak) sendAttacks() {
	methods, paths := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, []string{"/titanx", "/", "/other?a=b"}
	bodies := []string{"", "abcde", strings.Repeat("x", 100_000), delivery("forged"), strings.Repeat("x", mebibyte+1)}
	old := stamped("replayed", fmt.Sprint(time.Now().Add(-5*24*time.Hour).UnixMilli()))
	for i := range s.ticks(attacks) {
		s.senders.Go(func() {
			switch i % 10 {
			case 0:
				if status := s.post(old, sign(secret, old), false); status < 500 {
					s.t.Errorf("a replay is answered %d", status)
				}
				s.count(&s.replays)
			case 1: // a caller that goes away, at the receiver itself
				if conn, err := net.Dial("tcp", s.address.Load().(string)); err == nil {
					fmt.Fprint(conn, "POST /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
					time.Sleep(rand.N(2 * time.Second))
					conn.Close()
				}
				s.count(&s.attacked)
			default:
				var body io.Reader = strings.NewReader(bodies[rand.N(len(bodies))])
				if rand.N(2) == 0 {
					body = io.MultiReader(body)
				}
				status := s.send(methods[rand.N(len(methods))], paths[rand.N(len(paths))], body, "CANARY")
				if status < 400 {
					s.t.Errorf("an attacker is answered %d", status)
				}
				s.count(&s.attacked)
			}
		})
	}
}

func (s *soak) count(n *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
}

// stop returns how long the receiver took to end after its last event.
func (s *soak) stop(p *process) time.Duration {
	var lines []string
	p.terminate()
	last := time.Now()
	for line := range p.lines {
		lines = append(lines, line)
		if len(p.lines) == 0 { // and not of before the signal
			last = time.Now()
		}
	}
	<-p.printed
	if err := p.cmd.Wait(); err != nil {
		s.t.Errorf("the receiver ended with %v: %s", err, p.log.String())
	}
	s.printed(append(p.early, lines...), false)
	return time.Since(last)
}

func drained(p *process) (lines []string) {
	for line := range p.lines {
		lines = append(lines, line)
	}
	return lines
}

// printed counts what a receiver has handled.
func (s *soak) printed(lines []string, killed bool) {
	for i, line := range lines {
		id, ok := strings.CutPrefix(line, "handled job.completed ")
		if !ok {
			continue
		}
		s.handled[id]++
		if killed && i == len(lines)-1 {
			s.lastOf[id] = true
		}
	}
}

// check expects that every accepted event was handled, and none twice but where
// a kill came between the end of its handle and its mark.
func (s *soak) check(folder string) {
	results := results(s.t, folder) // an error where one is there twice
	for id := range s.accepted {
		if s.handled[id] == 0 || results[id] != "result of "+id {
			s.t.Errorf("%s was accepted, and is not handled", id)
		}
	}
	for id, n := range s.handled {
		if n > 1 && !s.lastOf[id] || n > 2 {
			s.t.Errorf("%s was handled %d times, without a kill between its end and its mark", id, n)
		}
		if !s.accepted[id] {
			s.t.Errorf("%s was handled, and not accepted", id)
		}
	}
	for status, n := range s.statuses {
		if status != 204 && status != 502 && status != 503 {
			s.t.Errorf("%d genuine deliveries were answered %d", n, status)
		}
	}
}

func (s *soak) total() (n int) {
	for _, count := range s.statuses {
		n += count
	}
	return n
}

// repeated counts the events that were handled twice.
func (s *soak) repeated() (n int) {
	for _, times := range s.handled {
		if times > 1 {
			n++
		}
	}
	return n
}
