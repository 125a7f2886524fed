// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var modelTiers = [3]struct {
	suffix string
	period time.Duration
}{{"Second", time.Second}, {"Minute", time.Minute}, {"Day", 24 * time.Hour}}

// limitModel is the documented rate limiter on the bubble's clock, behind a network that takes its time.
type limitModel struct {
	limits  [3]int // a second, a minute, a day; 0: no such tier
	skew    time.Duration
	latency func() time.Duration // one way
	strip   func(http.Header)    // what gets lost on the way, if anything

	mu      sync.Mutex
	used    [3]int
	reset   [3]time.Time
	served  int
	refused int
}

func (m *limitModel) send() (*http.Response, error) {
	m.travel()
	answer := m.answer()
	m.travel()
	return answer, nil
}

func (m *limitModel) travel() {
	if m.latency != nil {
		m.mu.Lock()
		d := m.latency()
		m.mu.Unlock()
		time.Sleep(d)
	}
}

func (m *limitModel) answer() *http.Response {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now().Add(m.skew).UTC()
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {now.Format(http.TimeFormat)}}}
	for i, tier := range modelTiers {
		if m.limits[i] == 0 {
			continue
		}
		if reset := now.Truncate(tier.period).Add(tier.period); !reset.Equal(m.reset[i]) {
			m.reset[i], m.used[i] = reset, 0
		}
		if m.used[i]++; m.used[i] > m.limits[i] {
			answer.StatusCode = http.StatusTooManyRequests
		}
		answer.Header.Set("X-RateLimit-Limit-"+tier.suffix, fmt.Sprint(m.limits[i]))
		answer.Header.Set("X-RateLimit-Remaining-"+tier.suffix, fmt.Sprint(max(0, m.limits[i]-m.used[i])))
		answer.Header.Set("X-RateLimit-Reset-"+tier.suffix, fmt.Sprint(m.reset[i].Unix()))
	}
	if answer.StatusCode == http.StatusOK {
		m.served++
	} else {
		m.refused++
	}
	if m.strip != nil {
		m.strip(answer.Header)
	}
	return answer
}

// fastest is how long n requests take when each window is filled as soon as it opens.
func (m *limitModel) fastest(n int) time.Duration {
	start := time.Now().Add(m.skew)
	used, reset := m.used, m.reset
	for at := start; ; at = at.Truncate(time.Second).Add(time.Second) {
		room := n
		for i, tier := range modelTiers {
			if end := at.Truncate(tier.period).Add(tier.period); !end.Equal(reset[i]) {
				used[i], reset[i] = 0, end
			}
			if m.limits[i] > 0 {
				room = min(room, m.limits[i]-used[i])
			}
		}
		for i := range used {
			used[i] += room
		}
		if n -= room; n == 0 {
			return at.Sub(start)
		}
	}
}

func fixed(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func between(rnd *rand.Rand, low, high time.Duration) func() time.Duration {
	return func() time.Duration { return low + time.Duration(rnd.Int64N(int64(high-low)+1)) }
}

// run makes n calls over the given number of workers and repeats those that are refused. It returns the time taken.
func run(t *testing.T, p *pacer, m *limitModel, workers, n int) time.Duration {
	t.Helper()
	start := time.Now()
	calls := make(chan struct{}, n)
	for range n {
		calls <- struct{}{}
	}
	close(calls)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range calls {
				for {
					answer, err := p.do(t.Context(), slog.New(slog.DiscardHandler), m.send)
					if err != nil {
						t.Errorf("do: %v", err)
						return
					}
					if answer.StatusCode == http.StatusOK {
						break
					}
				}
			}
		})
	}
	group.Wait()
	return time.Since(start)
}

func TestPacerAlone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		limits  [3]int
		skew    time.Duration
		latency time.Duration
		n       int
	}{
		{"10 a second", [3]int{10, 1000, 10000}, 0, 50 * time.Millisecond, 100},
		{"server ahead", [3]int{10, 1000, 10000}, 4300 * time.Millisecond, 50 * time.Millisecond, 100},
		{"server behind", [3]int{10, 1000, 10000}, -7900 * time.Millisecond, 50 * time.Millisecond, 100},
		{"no latency", [3]int{10, 1000, 10000}, 990 * time.Millisecond, 0, 100},
		{"5 a second and 100 a minute", [3]int{5, 100, 10000}, 0, 50 * time.Millisecond, 300},
		{"late in the minute", [3]int{5, 100, 10000}, 49500 * time.Millisecond, 50 * time.Millisecond, 300},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &limitModel{limits: test.limits, skew: test.skew, latency: fixed(test.latency)}
				bound := m.fastest(test.n) + 1500*time.Millisecond
				took := run(t, newPacer(), m, 10, test.n)
				if m.refused != 0 || m.served != test.n {
					t.Errorf("%d served and %d refused, want %d and 0", m.served, m.refused, test.n)
				}
				if took > bound {
					t.Errorf("took %v, want at most %v", took, bound)
				}
			})
		})
	}
}

// Whatever the clocks, the network and the limits: alone on its key, the pacer meets no 429.
func TestPacerAloneProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			m := &limitModel{
				limits:  [3]int{1 + rnd.IntN(20), 20 + rnd.IntN(200), 10000},
				skew:    time.Duration(rnd.Int64N(int64(20*time.Second))) - 10*time.Second,
				latency: between(rnd, 0, time.Duration(rnd.Int64N(int64(2*time.Second)))),
			}
			if seed%4 == 0 {
				m.strip = func(h http.Header) { h.Del("Date") }
			}
			run(t, newPacer(), m, 1+rnd.IntN(20), 150)
			if m.refused != 0 {
				t.Errorf("seed %d (%+v): %d refused, want 0", seed, m.limits, m.refused)
			}
		})
	}
}

func TestPacerSharesTheKeyWithAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{limits: [3]int{10, 1000, 10000}, latency: fixed(50 * time.Millisecond)}
		bound := m.fastest(200) + 3*time.Second
		start := time.Now()
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() { run(t, newPacer(), m, 10, 100) })
		}
		group.Wait()
		if took := time.Since(start); took > bound {
			t.Errorf("took %v, want at most %v", took, bound)
		}
		if m.served != 200 {
			t.Errorf("%d served, want 200", m.served)
		}
	})
}
