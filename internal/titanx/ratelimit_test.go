// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var modelWindows = [3]struct {
	suffix string
	period time.Duration
}{{"Second", time.Second}, {"Minute", time.Minute}, {"Day", 24 * time.Hour}}

// limitModel is the documented rate limiter on the bubble's clock, behind a
// network that takes its time.
type limitModel struct {
	limits  [3]int // a second, a minute, a day; 0: no such window
	skew    time.Duration
	latency func() time.Duration // one way
	edit    func(*http.Response) // what else happens to an answer; a status of 0 loses it

	mu      sync.Mutex
	used    [3]int
	reset   [3]time.Time
	served  int
	refused int
}

var errNoResponse = errors.New("no response")

func (m *limitModel) send() (*http.Response, error) {
	m.travel()
	answer := m.answer()
	m.travel()
	if answer.StatusCode == 0 {
		return nil, errNoResponse
	}
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
	for i, window := range modelWindows {
		if m.limits[i] == 0 {
			continue
		}
		if reset := now.Truncate(window.period).Add(window.period); !reset.Equal(m.reset[i]) {
			m.reset[i], m.used[i] = reset, 0
		}
		if m.used[i]++; m.used[i] > m.limits[i] {
			answer.StatusCode = http.StatusTooManyRequests
		}
		answer.Header.Set("X-RateLimit-Limit-"+window.suffix, fmt.Sprint(m.limits[i]))
		answer.Header.Set("X-RateLimit-Remaining-"+window.suffix, fmt.Sprint(max(0, m.limits[i]-m.used[i])))
		answer.Header.Set("X-RateLimit-Reset-"+window.suffix, fmt.Sprint(m.reset[i].Unix()))
	}
	if answer.StatusCode == http.StatusOK {
		m.served++
	} else {
		m.refused++
	}
	if m.edit != nil {
		m.edit(answer)
	}
	return answer
}

// fastest is how long n requests take when each window is filled as soon as it
// opens.
func (m *limitModel) fastest(n int) time.Duration {
	start := time.Now().Add(m.skew)
	used, reset := m.used, m.reset
	for at := start; ; at = at.Truncate(time.Second).Add(time.Second) {
		room := n
		for i, window := range modelWindows {
			if end := at.Truncate(window.period).Add(window.period); !end.Equal(reset[i]) {
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

var quiet = slog.New(slog.DiscardHandler)

func fixed(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

func between(rnd *rand.Rand, low, high time.Duration) func() time.Duration {
	return func() time.Duration { return low + time.Duration(rnd.Int64N(int64(high-low)+1)) }
}

// run sends n calls over the given number of workers and repeats those that are
// refused. It returns the time taken.
func run(t *testing.T, p *pacer, m *limitModel, workers, n int) time.Duration {
	t.Helper()
	start := time.Now()
	calls := make(chan struct{}, n)
	for range n {
		calls <- struct{}{}
	}
	close(calls)
	ctx, cancel := context.WithTimeout(t.Context(), 2*farthest) // not for ever
	defer cancel()
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range calls {
				for {
					answer, err := p.do(ctx, quiet, nil, nil, m.send)
					if errors.Is(err, errNoResponse) {
						break
					}
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

func TestPacer_alone(t *testing.T) {
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
		{"slow network", [3]int{10, 1000, 10000}, 0, 400 * time.Millisecond, 100},
		{"no latency", [3]int{10, 1000, 10000}, 990 * time.Millisecond, 0, 100},
		{"5 a second and 100 a minute", [3]int{5, 100, 10000}, 0, 50 * time.Millisecond, 300},
		{"late in the minute", [3]int{5, 100, 10000}, 49500 * time.Millisecond, 50 * time.Millisecond, 300},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(123 * time.Millisecond)
				m := &limitModel{limits: test.limits, skew: test.skew, latency: fixed(test.latency)}
				// The first request goes alone, the last comes back, and Date
				// hides the phase of the second.
				bound := m.fastest(test.n) + 4*test.latency + time.Second
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

// Whatever the clocks, the network and the limits: alone on its key, the pacer
// meets no 429.
func TestPacer_aloneProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			m := &limitModel{
				limits:  [3]int{1 + rnd.IntN(20), 20 + rnd.IntN(200), 10000},
				skew:    time.Duration(rnd.Int64N(int64(20*time.Second))) - 10*time.Second,
				latency: between(rnd, 0, time.Duration(rnd.Int64N(int64(2*time.Second)))),
			}
			m.edit = func(answer *http.Response) {
				if seed%3 == 0 {
					answer.Header.Del("Date")
				}
				if seed%4 == 0 && rnd.IntN(5) == 0 {
					answer.StatusCode = 0
				}
			}
			time.Sleep(time.Duration(rnd.Int64N(int64(time.Minute))))
			run(t, newPacer(), m, 1+rnd.IntN(20), 150)
			if m.refused != 0 {
				t.Errorf("seed %d (%+v): %d refused, want 0", seed, m.limits, m.refused)
			}
		})
	}
}

func TestPacer_sharedKey(t *testing.T) {
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
		// Without turns by thirds it is about as many as are served.
		if m.served != 200 || m.refused > 100 {
			t.Errorf("%d served and %d refused, want 200 and at most 100", m.served, m.refused)
		}
	})
}

// Alone, the pacer sends as a window opens; beside another process, a little
// later and never quite at the same time.
func TestPacer_spread(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusTooManyRequests} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				delays := map[time.Duration]bool{}
				for range 20 {
					start := time.Now().Truncate(time.Second).Add(time.Second)
					time.Sleep(time.Until(start))
					m := &limitModel{limits: [3]int{1, 100, 1000}, edit: func(answer *http.Response) { answer.StatusCode = status }}
					p := newPacer()
					for range 4 {
						if _, err := p.do(t.Context(), quiet, nil, nil, m.send); err != nil {
							t.Fatalf("do: %v", err)
						}
					}
					delays[time.Since(start)-3*time.Second] = true
				}
				for delay := range delays {
					if delay < 0 || delay > wakeSpread {
						t.Errorf("sent %v after the window opened, want 0s to %v", delay, wakeSpread)
					}
				}
				if alone := len(delays) == 1 && delays[0]; alone != (status == http.StatusOK) {
					t.Errorf("sent after %v", delays)
				}
			})
		})
	}
}

// Requests under way may be in the server's count already: their answers may
// bring room, so nobody is refused or told of a wait before they are in.
func TestPacer_answersUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{limits: [3]int{10, 10, 4}}
		p := newPacer()
		run(t, p, m, 1, 1)
		var group sync.WaitGroup
		group.Go(func() {
			_, err := p.do(t.Context(), quiet, nil, nil, func() (*http.Response, error) {
				answer, err := m.send()
				time.Sleep(100 * time.Millisecond)
				return answer, err
			})
			if err != nil {
				t.Errorf("do: %v", err)
			}
		})
		synctest.Wait()
		run(t, p, m, 1, 1)
		var log bytes.Buffer
		if _, err := p.do(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), nil, nil, m.send); err != nil || log.Len() > 0 {
			t.Errorf("the last request of the day: error %v, log %q", err, log.String())
		}
		group.Wait()
		if m.served != 4 {
			t.Errorf("%d served, want 4", m.served)
		}
	})
}

func TestPacer_withoutHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{latency: fixed(50 * time.Millisecond)}
		// One call alone, the other 90 in rounds of 10.
		if took, want := run(t, newPacer(), m, 10, 100), 1100*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

// Until an answer has told the limits, one request is under way, even if the
// first ones are dropped.
func TestPacer_probes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{limits: [3]int{5, 100, 1000}, latency: fixed(10 * time.Millisecond)}
		var sent []time.Duration
		m.edit = func(answer *http.Response) {
			sent = append(sent, time.Duration(time.Now().Nanosecond()))
			if len(sent) <= 2 {
				answer.StatusCode = 0
			}
		}
		run(t, newPacer(), m, 5, 5)
		const ms = time.Millisecond
		if want := []time.Duration{10 * ms, 30 * ms, 50 * ms, 70 * ms, 70 * ms}; !slices.Equal(sent, want) {
			t.Errorf("requests came after %v, want %v", sent, want)
		}
	})
}

func TestPacer_fair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{limits: [3]int{1, 100, 1000}}
		p := newPacer()
		var got []int
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				p.do(t.Context(), quiet, nil, nil, func() (*http.Response, error) {
					got = append(got, i) // the limit is one at a time
					return m.send()
				})
			})
			synctest.Wait()
		}
		group.Wait()
		if want := []int{0, 1, 2, 3, 4, 5, 6, 7}; !slices.Equal(got, want) {
			t.Errorf("sent in the order %v, want %v", got, want)
		}
	})
}

func TestPacer_canceledCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &limitModel{limits: [3]int{2, 100, 1000}}
		p := newPacer()
		run(t, p, m, 1, 2)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for range 3 { // one at the head of the queue, two behind it
			group.Go(func() {
				if _, err := p.do(ctx, quiet, nil, nil, m.send); !errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want %v", err, context.Canceled)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		cancel()
		group.Wait()
		if took := time.Since(start); took != 0 {
			t.Errorf("cancelling took %v", took)
		}
		time.Sleep(time.Second)
		if took := run(t, p, m, 1, 2); took != 0 || m.served != 4 || m.refused != 0 {
			t.Errorf("the next two took %v, %d served, %d refused; want 0s, 4, 0", took, m.served, m.refused)
		}
	})
}

func TestPacer_refusal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		limits  [3]int
		timeout time.Duration
		want    string
	}{
		{"day", [3]int{10, 10, 3}, 0, "waiting for the rate limit: the 3 requests of this day are used up, the next day opens at 2000-01-02T00:00:00Z"},
		{"minute", [3]int{10, 3, 10}, 59 * time.Second, "waiting for the rate limit: the 3 requests of this minute are used up, the next minute opens at 2000-01-01T00:01:00Z"},
		{"second", [3]int{3, 10, 10}, 900 * time.Millisecond, "waiting for the rate limit: the 3 requests of this second are used up, the next second opens at 2000-01-01T00:00:01Z"},
		{"minute and second", [3]int{3, 3, 10}, 10 * time.Second, "waiting for the rate limit: the 3 requests of this minute are used up, the next minute opens at 2000-01-01T00:01:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &limitModel{limits: test.limits}
				p := newPacer()
				run(t, p, m, 1, 3)
				var group sync.WaitGroup
				ctx := t.Context()
				if test.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.timeout)
					defer cancel()
					group.Go(func() { run(t, p, m, 1, 1) }) // has the time to wait, and holds up nobody who has not
					synctest.Wait()
				}
				start := time.Now()
				_, err := p.do(ctx, quiet, nil, nil, m.send)
				if took := time.Since(start); took != 0 {
					t.Errorf("the refusal took %v", took)
				}
				if limited := (*RateLimitError)(nil); !errors.As(err, &limited) || err.Error() != test.want {
					t.Errorf("error %q, want the RateLimitError %q", err, test.want)
				}
				group.Wait()
				if m.refused != 0 {
					t.Errorf("%d refused by the server, want 0", m.refused)
				}
			})
		})
	}
}

// replay sends one request more than there are answers, one after another, and
// returns when each was sent.
func replay(t *testing.T, answers ...*http.Response) []time.Duration {
	t.Helper()
	p, start := newPacer(), time.Now()
	var sent []time.Duration
	for _, answer := range append(answers, &http.Response{StatusCode: http.StatusOK}) {
		_, err := p.do(t.Context(), quiet, nil, nil, func() (*http.Response, error) {
			sent = append(sent, time.Since(start))
			return answer, nil
		})
		if err != nil {
			t.Fatalf("do: %v", err)
		}
	}
	return sent
}

func TestPacer_bareRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var answers []*http.Response
		backOffs := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 0, 1, 2}
		for _, seconds := range backOffs {
			answer := &http.Response{StatusCode: http.StatusTooManyRequests}
			if seconds == 0 {
				answer.StatusCode = http.StatusInternalServerError
			}
			answers = append(answers, answer)
		}
		sent := replay(t, answers...)
		for i, seconds := range backOffs {
			most := seconds * time.Second
			// The second summand is the spread between processes.
			if got := sent[i+1] - sent[i]; got < most*3/4 || got > most+wakeSpread {
				t.Errorf("back-off %d took %v, want about %v", i+1, got, most)
			}
		}
	})
}

// A 429 whose windows have room, or are over by the server's clock, says
// nothing of when to go on.
func TestPacer_refusalWithoutWindow(t *testing.T) {
	t.Parallel()
	for name, window := range map[string][3]string{
		"room":           {"5", "3", "946684801"},
		"over":           {"5", "0", "946684805"}, // as the response was written
		"room and ahead": {"5", "3", "946684806"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				header := http.Header{}
				if name != "room" {
					header.Set("Date", "Sat, 01 Jan 2000 00:00:05 GMT")
				}
				header.Set("X-RateLimit-Limit-Second", window[0])
				header.Set("X-RateLimit-Remaining-Second", window[1])
				header.Set("X-RateLimit-Reset-Second", window[2])
				p := newPacer()
				refuse := func() (*http.Response, error) {
					time.Sleep(time.Millisecond)
					return &http.Response{StatusCode: http.StatusTooManyRequests, Header: header}, nil
				}
				if _, err := p.do(t.Context(), quiet, nil, nil, refuse); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if _, err := p.do(t.Context(), quiet, nil, nil, refuse); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < firstBackOff*3/4 {
					t.Errorf("sent again after %v, want about %v", took, firstBackOff)
				}
			})
		})
	}
}

// In the last second of a day that is used up, the next second is the next day:
// that is a wait, and no refusal.
func TestPacer_lastSecondOfTheDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(24*time.Hour - time.Second)
		m := &limitModel{limits: [3]int{3, 100, 3}}
		p := newPacer()
		if took := run(t, p, m, 1, 4); took != time.Second || m.refused != 0 {
			t.Errorf("took %v, %d refused", took, m.refused)
		}
	})
}

func TestPacer_learnSkew(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		at       [2]time.Duration // when the second of two requests was sent, and answered
		date     int              // of that answer, in seconds since the start
		min, max time.Duration
		learned  bool // the windows are as the first answer has shown them
	}{
		"nothing new":     {[2]time.Duration{100 * ms, 200 * ms}, 0, -100 * ms, 900 * ms, true},
		"narrower":        {[2]time.Duration{1300 * ms, 1400 * ms}, 1, -100 * ms, 700 * ms, true},
		"just consistent": {[2]time.Duration{2000 * ms, 2000 * ms}, 3, 1000 * ms, 1000 * ms, true},
		"set forward":     {[2]time.Duration{2000 * ms, 2100 * ms}, 8, 5900 * ms, 7000 * ms, false},
		"set back":        {[2]time.Duration{9000 * ms, 9100 * ms}, 2, -7100 * ms, -6000 * ms, false},
	} {
		p := newPacer()
		p.start = time.Unix(1700000000, 0)
		p.windows[0].limit = 5
		date := func(seconds int) http.Header {
			return http.Header{"Date": {p.start.Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)}}
		}
		p.learnSkew(0, 100*ms, date(0))
		if name == "just consistent" {
			p.learnSkew(0, 0, date(0))
		}
		p.learnSkew(c.at[0], c.at[1], date(c.date))
		if p.skewMin != c.min || p.skewMax != c.max || !p.skewKnown || (p.windows[0].limit == 5) != c.learned {
			t.Errorf("%s: from %v to %v, known %t, limit %d; want from %v to %v", name, p.skewMin, p.skewMax, p.skewKnown, p.windows[0].limit, c.min, c.max)
		}
	}
}

// Calls that were refused together are one refusal. After it they go one by
// one, whatever older answers come in.
func TestPacer_parallelRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var came []time.Time
		m := &limitModel{latency: fixed(50 * time.Millisecond), edit: func(answer *http.Response) {
			if came = append(came, time.Now()); len(came) > 1 && len(came) <= 11 {
				answer.StatusCode = http.StatusTooManyRequests
			}
		}}
		p := newPacer()
		run(t, p, m, 1, 1)
		var group sync.WaitGroup
		group.Go(func() {
			p.do(t.Context(), quiet, nil, nil, func() (*http.Response, error) {
				time.Sleep(300 * time.Millisecond)
				return &http.Response{StatusCode: http.StatusOK}, nil
			})
		})
		synctest.Wait()
		run(t, p, m, 10, 10)
		group.Wait()
		if len(came) != 21 {
			t.Fatalf("%d requests, want 1, 10 refused, and these again", len(came))
		}
		if wait := came[11].Sub(came[1]); wait > 100*time.Millisecond+firstBackOff+wakeSpread {
			t.Errorf("sent again after %v, want about %v", wait, firstBackOff)
		}
		if first, second := came[12].Sub(came[11]), came[20].Sub(came[12]); first != 100*time.Millisecond || second != 0 {
			t.Errorf("%v between the probe and the rest, %v among the rest; want 100ms and 0s", first, second)
		}
	})
}

func TestPacer_retryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"seconds", http.Header{"Retry-After": {"7"}}, 7 * time.Second},
		{"date", http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:09 GMT"}}, 9 * time.Second},
		{"date of a server ahead", http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:09 GMT"}, "Date": {"Sat, 01 Jan 2000 00:00:05 GMT"}}, 4 * time.Second},
		{"a day", http.Header{"Retry-After": {"86400"}}, farthest},
		{"a day and more", http.Header{"Retry-After": {"86401"}}, time.Second},
		{"zero", http.Header{"Retry-After": {"0"}}, time.Second},
		{"the past", http.Header{"Retry-After": {"Sat, 01 Jan 1990 00:00:09 GMT"}}, time.Second},
		{"huge", http.Header{"Retry-After": {"99999999999999"}}, time.Second},
		{"garbage", http.Header{"Retry-After": {"soon"}}, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := replay(t, &http.Response{StatusCode: http.StatusTooManyRequests, Header: test.header})[1]
				// The first back-off is up to a quarter shorter.
				if got <= test.want-firstBackOff/4 || got > test.want+wakeSpread {
					t.Errorf("sent again after %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestPacer_nonsense(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		date, reset string
		want        time.Duration
	}{
		{"sense", "Sat, 01 Jan 2000 00:00:00 GMT", "946684801", time.Second},
		{"no date", "", "946684801", time.Second},
		{"date of another age", "Fri, 31 Dec 9999 23:59:59 GMT", "946684801", time.Second},
		{"date a day ahead", "Sun, 02 Jan 2000 00:00:00 GMT", "946684801", 0},
		{"reset in milliseconds", "Sat, 01 Jan 2000 00:00:00 GMT", "946684801000", 0},
		{"reset in milliseconds and no date", "", "946684801000", 0},
		{"reset from now on", "Sat, 01 Jan 2000 00:00:00 GMT", "1", 0},
		{"reset in the past", "Sat, 01 Jan 2000 00:00:00 GMT", "946684799", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				header := http.Header{"Date": {test.date}}
				header.Set("X-RateLimit-Limit-Second", "5")
				header.Set("X-RateLimit-Remaining-Second", "0")
				header.Set("X-RateLimit-Reset-Second", test.reset)
				if got := replay(t, &http.Response{StatusCode: http.StatusOK, Header: header})[1]; got != test.want {
					t.Errorf("the next request went after %v, want %v", got, test.want)
				}
			})
		})
	}
}

// A clock that is set costs no more than the windows around it.
func TestPacer_clockJump(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{-time.Hour, -2100 * time.Millisecond, 2500 * time.Millisecond, time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(0, 0))
				m := &limitModel{limits: [3]int{10, 1000, 10000}, latency: between(rnd, 5*time.Millisecond, 60*time.Millisecond)}
				p := newPacer()
				run(t, p, m, 10, 35)
				m.skew += jump
				bound := m.fastest(100) + 4*time.Second
				if took := run(t, p, m, 10, 100); took > bound {
					t.Errorf("took %v, want at most %v", took, bound)
				}
				if refused := m.refused; refused > 10 {
					t.Errorf("%d refused, want at most one window's", refused)
				}
				m.refused = 0
				time.Sleep(contendedFor)
				if run(t, p, m, 10, 200); m.refused != 0 {
					t.Errorf("%d refused once the clock is known again, want 0", m.refused)
				}
			})
		})
	}
}

func TestPacer_log(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		m := &limitModel{limits: [3]int{2, 4, 100}, latency: fixed(10 * time.Millisecond)}
		p := newPacer()
		var group sync.WaitGroup
		for range 6 {
			group.Go(func() {
				if _, err := p.do(t.Context(), logger, nil, nil, m.send); err != nil {
					t.Errorf("do: %v", err)
				}
			})
		}
		group.Wait()
		var got []string
		for line := range strings.Lines(log.String()) {
			_, line, _ = strings.Cut(line, "level=")
			line, _, _ = strings.Cut(line, " duration=")
			got = append(got, line)
		}
		want := []string{
			`INFO msg="waiting for the rate limit" window=second until=2000-01-01T00:00:01.000Z`,
			`INFO msg="waiting for the rate limit" window=minute until=2000-01-01T00:01:00.000Z`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestWindow_learn(t *testing.T) {
	t.Parallel()
	start := time.Unix(1700000000, 0)
	known := window{period: time.Minute, suffixes: []string{"Minute"}, limit: 10, reset: 100 * time.Second, used: 3, unanswered: 2, straddling: 1}
	for _, test := range []struct {
		name             string
		window           window
		limit, remaining int
		reset            time.Duration
		want             [5]int // limit, reset in seconds, used, unanswered, straddling
	}{
		{"first word", window{period: time.Minute, suffixes: known.suffixes}, 10, 6, 100 * time.Second, [5]int{10, 100, 4, 0, 0}},
		{"more used", known, 10, 5, 100 * time.Second, [5]int{10, 100, 5, 2, 1}},
		{"an answer overtaken", known, 10, 9, 100 * time.Second, [5]int{10, 100, 3, 2, 1}},
		{"another limit", known, 20, 15, 100 * time.Second, [5]int{20, 100, 5, 2, 1}},
		{"the window before", known, 10, 0, 40 * time.Second, [5]int{10, 100, 3, 2, 1}},
		{"the window after", known, 10, 8, 160 * time.Second, [5]int{10, 160, 2, 1, 0}},
		{"a window long gone", known, 10, 0, -20 * time.Second, [5]int{10, 100, 3, 3, 2}},
		{"a window that had just ended", known, 10, 0, 30 * time.Second, [5]int{10, 100, 3, 3, 2}},
		{"a window far ahead", known, 10, 0, 220 * time.Second, [5]int{10, 100, 3, 3, 2}},
		{"no word", known, 0, 0, 0, [5]int{10, 100, 3, 3, 2}},
		{"no word yet", window{period: time.Minute, suffixes: known.suffixes}, 0, 0, 0, [5]int{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("X-RateLimit-Limit-Minute", fmt.Sprint(test.limit))
			header.Set("X-RateLimit-Remaining-Minute", fmt.Sprint(test.remaining))
			header.Set("X-RateLimit-Reset-Minute", fmt.Sprint(start.Add(test.reset).Unix()))
			got := test.window
			got.learn(header, start, 30*time.Second, 100*time.Second)
			if got := [5]int{got.limit, int(got.reset.Seconds()), got.used, got.unanswered, got.straddling}; got != test.want {
				t.Errorf("limit, reset, used, unanswered, straddling = %v, want %v", got, test.want)
			}
		})
	}
}

func TestReadWindow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                    string
		limit, remaining, reset string
		ok                      bool
	}{
		{"whole", "10", "3", "1700000000", true},
		{"empty window", "10", "0", "1700000000", true},
		{"fresh window", "10", "10", "1700000000", true},
		{"nothing", "", "", "", false},
		{"no limit", "", "3", "1700000000", false},
		{"no remaining", "10", "", "1700000000", false},
		{"no reset", "10", "3", "", false},
		{"a limit of zero", "0", "0", "1700000000", false},
		{"negative limit", "-10", "-12", "1700000000", false},
		{"negative remaining", "10", "-1", "1700000000", false},
		{"more remaining than allowed", "10", "11", "1700000000", false},
		{"huge", "10", "3", "99999999999999999999", false},
		{"words", "ten", "three", "noon", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, suffix := range []string{"Day", "Daily"} {
				header := http.Header{}
				header.Set("X-RateLimit-Limit-"+suffix, test.limit)
				header.Set("X-RateLimit-Remaining-"+suffix, test.remaining)
				header.Set("X-RateLimit-Reset-"+suffix, test.reset)
				got, ok := readWindow(header, "Day", "Daily")
				if ok != test.ok {
					t.Fatalf("suffix %s: read %+v, %v, want %v", suffix, got, ok, test.ok)
				}
				if read := fmt.Sprint(got.limit, got.remaining, got.reset.Unix()); ok && read != test.limit+" "+test.remaining+" "+test.reset {
					t.Errorf("suffix %s: read %s", suffix, read)
				}
			}
		})
	}
}

// Whatever an answer says, the pacer neither panics nor closes for longer than
// a day.
func FuzzPacerHeaders(f *testing.F) {
	f.Fuzz(func(t *testing.T, status int, date, retryAfter, limit, remaining, reset string) {
		synctest.Test(t, func(t *testing.T) {
			header := http.Header{"Date": {date}, "Retry-After": {retryAfter}}
			for _, window := range modelWindows {
				header.Set("X-RateLimit-Limit-"+window.suffix, limit)
				header.Set("X-RateLimit-Remaining-"+window.suffix, remaining)
				header.Set("X-RateLimit-Reset-"+window.suffix, reset)
			}
			p := newPacer()
			for range 3 {
				start := time.Now()
				_, err := p.do(t.Context(), quiet, nil, nil, func() (*http.Response, error) {
					return &http.Response{StatusCode: status, Header: header}, nil
				})
				limited := (*RateLimitError)(nil)
				if err != nil && (!errors.As(err, &limited) || limited.Window != "day" || limited.Limit < 1) {
					t.Fatalf("error %v", err)
				}
				if took := time.Since(start); took > farthest+wakeSpread {
					t.Fatalf("waited %v", took)
				}
			}
		})
	})
}

// A request that reserves room for another one waits for both, except where two
// never fit.
func TestPacer_reserves(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int][2]time.Duration{
		1: {time.Second, 2 * time.Second},
		2: {time.Second, time.Second},
		3: {0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			m := &limitModel{limits: [3]int{limit, 100, 1000}}
			p := newPacer()
			run(t, p, m, 1, 1)
			start := time.Now()
			var room spare
			for i, s := range [2][2]*spare{{&room, nil}, {nil, &room}} {
				if _, err := p.do(ctx, quiet, s[0], s[1], m.send); err != nil {
					t.Fatalf("%d a second: %v", limit, err)
				}
				if took := time.Since(start); took != want[i] {
					t.Errorf("%d a second: request %d after %v, want %v", limit, i, took, want[i])
				}
			}
			if m.refused != 0 {
				t.Errorf("%d a second: %d refused", limit, m.refused)
			}
		})
	}
}

// Places that were taken before a 429 stay taken: an activation does not wait
// for the neighbors who caused it.
func TestPacer_contendedSpare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPacer()
		m := &limitModel{limits: [3]int{20, 1000, 10_000}, latency: fixed(time.Millisecond)}
		if _, err := p.do(t.Context(), quiet, nil, nil, m.send); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		var spares []*spare
		for range 8 {
			s := &spare{}
			if _, err := p.do(t.Context(), quiet, s, nil, m.send); err != nil {
				t.Fatal(err)
			}
			spares = append(spares, s)
		}
		p.mu.Lock()
		p.contendedUntil = time.Since(p.start) + contendedFor
		p.mu.Unlock()
		begun := time.Now()
		for _, s := range spares {
			if _, err := p.do(t.Context(), quiet, nil, s, m.send); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("8 activations took %v", took)
		}
	})
}

// Callers that each hold a place for a second request share what is left of a
// day: at the latest when the key is no longer contended, they go on.
func TestPacer_contendedDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPacer()
		m := &limitModel{limits: [3]int{50, 1000, 10_000}}
		m.answer()
		m.used[2] = 10_000 - 16
		if _, err := p.do(t.Context(), quiet, nil, nil, m.send); err != nil {
			t.Fatal(err)
		}
		var spares []*spare
		for range 5 {
			s := &spare{}
			if _, err := p.do(t.Context(), quiet, s, nil, m.send); err != nil {
				t.Fatal(err)
			}
			spares = append(spares, s)
		}
		time.Sleep(contendedFor) // instants are no durations
		p.mu.Lock()
		p.contendedUntil = time.Since(p.start) + contendedFor
		p.mu.Unlock()
		begun := time.Now()
		if _, err := p.do(t.Context(), quiet, spares[0], nil, m.send); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < contendedFor || took > contendedFor+wakeSpread {
			t.Errorf("the request took %v", took)
		}
	})
}
