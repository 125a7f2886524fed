// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	firstBackOff   = time.Second
	longestBackOff = time.Minute
	// wakeSpread keeps processes that share a key from waking in step.
	wakeSpread = 100 * time.Millisecond
	// contendedFor is how long after a 429 another process is taken to share
	// the key.
	contendedFor = time.Minute
	// farthest bounds Retry-After, and how far a Date may lie from this
	// machine's clock if the windows contradict it: what lies beyond is taken
	// for garbage.
	farthest = 24 * time.Hour
	never    = time.Duration(math.MaxInt64)
)

// RateLimitError says that a request was not sent, because the day is used up
// or because the wait would have outlasted the context's deadline.
type RateLimitError struct {
	Window string    // "second", "minute" or "day"; "" after a 429 that named none
	Limit  int       // requests per window; 0 if Window is ""
	Reset  time.Time // when requests are accepted again
}

func (e *RateLimitError) Error() string {
	opens := e.Reset.UTC().Format(time.RFC3339)
	if e.Window == "" {
		return "waiting for the rate limit: the API refuses requests until " + opens
	}
	return fmt.Sprintf("waiting for the rate limit: the %d requests of this %s are used up, the next %[2]s opens at %s",
		e.Limit, e.Window, opens)
}

// pacer spaces requests so that a run alone on its API key meets no 429. It
// learns the limits from the answers: fixed windows of a second, a minute and a
// day, in which failed requests count too (docs.titanx.io, "Rate limits").
//
// Instants are durations since start, so that a change of the local wall clock
// moves nothing. The server's clock runs ahead of the local one by at least
// skewMin and at most skewMax.
type pacer struct {
	start time.Time
	queue chan struct{} // one slot: its holder is the next to send, and channels queue first in, first out

	mu               sync.Mutex
	news             chan struct{} // closed, and replaced, when room may have come
	inFlight         int
	held             int  // places that callers have taken for a request to come
	heard            bool // a response has shown the limits; until then requests go one by one
	skewMin, skewMax time.Duration
	skewKnown        bool
	windows          [3]window
	closedUntil      time.Duration // by a 429 that left no window empty, or by Retry-After
	refusals         int           // such 429s in a row
	contendedUntil   time.Duration
}

// spare is room for one request, taken together with that of the request
// before it, so that an exhausted window does not come between the two.
type spare struct{ held bool }

func newPacer() *pacer {
	return &pacer{
		start: time.Now(),
		queue: make(chan struct{}, 1),
		news:  make(chan struct{}),
		windows: [3]window{
			{name: "second", period: time.Second, suffixes: []string{"Second"}},
			{name: "minute", period: time.Minute, suffixes: []string{"Minute"}},
			// The documentation leaves the daily suffix open.
			{name: "day", period: 24 * time.Hour, suffixes: []string{"Day", "Daily"}},
		},
	}
}

// do waits until a request may be sent, sends it, and learns from the answer.
// It takes one more place for reserve, or uses the one of spend; both may be
// nil. It logs one line for each window waited for. The error is send's own, a
// *RateLimitError before any waiting, or wraps the context's.
func (p *pacer) do(
	ctx context.Context, logger *slog.Logger, reserve, spend *spare, send func() (*http.Response, error),
) (*http.Response, error) {
	sent, err := p.reserve(ctx, logger, reserve, spend)
	if err != nil {
		return nil, err
	}
	var answer *http.Response
	defer func() { p.end(sent, answer) }()
	answer, err = send()
	return answer, err
}

// release returns a place that was not used.
func (p *pacer) release(s *spare) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.held {
		s.held = false
		p.held--
		p.wake()
	}
}

// wake lets everybody who waits look again. The lock is held.
func (p *pacer) wake() {
	close(p.news)
	p.news = make(chan struct{})
}

// reserve waits for a place in every window, takes it, and returns the instant.
// Who has a place already does not queue for it.
func (p *pacer) reserve(ctx context.Context, logger *slog.Logger, reserve, spend *spare) (time.Duration, error) {
	// Whoever cannot be served in time learns it now, not at the head of the
	// queue.
	if _, g, _ := p.try(false, reserve, spend); g != nil && g.outlasts(ctx) {
		return 0, &g.reason
	}
	if spend == nil || !spend.held {
		select {
		case p.queue <- struct{}{}:
			defer func() { <-p.queue }()
		case <-ctx.Done():
		}
	}
	var logged time.Time
	for ctx.Err() == nil {
		now, g, news := p.try(true, reserve, spend)
		if g == nil {
			return now, nil
		}
		if g.outlasts(ctx) {
			return 0, &g.reason
		}
		if g.sure && !g.reason.Reset.Equal(logged) {
			logged = g.reason.Reset
			logger.InfoContext(ctx, "waiting for the rate limit", "window", g.reason.Window, "until", logged,
				"duration", g.wait)
		}
		select {
		case <-time.After(g.wait):
		case <-news:
		case <-ctx.Done():
		}
	}
	return 0, fmt.Errorf("waiting for the rate limit: %w", ctx.Err())
}

// gate is a reason not to send yet.
type gate struct {
	reason RateLimitError
	wait   time.Duration
	sure   bool // false if answers still under way may open it sooner
}

func (g *gate) outlasts(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return g.sure && (g.reason.Window == "day" || ok && time.Until(deadline) < g.wait)
}

// try returns the gate that opens last, or nil if a request may be sent now,
// and then takes its places if asked to. It also returns what wakes a waiter.
func (p *pacer) try(take bool, reserve, spend *spare) (now time.Duration, g *gate, news <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now = time.Since(p.start)
	if !p.heard && p.inFlight > 0 {
		return now, &gate{wait: never}, p.news
	}
	if wait := p.closedUntil - now; wait > 0 {
		g = &gate{RateLimitError{Reset: p.start.Add(p.closedUntil).Round(0).UTC()}, wait, true}
	}
	places := 1
	spends := spend != nil && spend.held
	reserves := reserve != nil && !reserve.held
	switch {
	case spends:
		places = 0
	case reserves:
		places = 2
	}
	contended := now < p.contendedUntil
	for i := range p.windows {
		w := &p.windows[i]
		w.roll(now + p.skewMin)
		room := w.room()
		sure := room < max(places, 1)
		need := places
		if w.limit == 1 { // two never fit
			need = min(need, 1)
		}
		// The others believe in the same room: go for a third at a time. A
		// place that was taken before stays taken.
		if contended && !sure && !spends {
			room = (room-1)/3 + 1
			need = min(need, 1)
		}
		wait := w.reset - p.skewMin - now
		if contended && !sure { // the whole room is there again when the others are forgotten
			wait = min(wait, p.contendedUntil-now)
		}
		if room < p.inFlight+p.held+need && (g == nil || wait > g.wait) {
			g = &gate{RateLimitError{w.name, w.limit, p.start.Add(w.reset).Round(0).UTC()}, wait, sure}
		}
	}
	switch {
	case g == nil && take:
		p.inFlight++
		if spends {
			spend.held = false
			p.held--
		}
		if reserves {
			reserve.held = true
			p.held++
		}
	case g != nil && contended:
		g.wait += rand.N(wakeSpread)
	}
	return now, g, p.news
}

// end ends a request sent at the given instant. The answer is nil if none
// came.
func (p *pacer) end(sent time.Duration, answer *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	received := time.Since(p.start)
	p.inFlight--
	var header http.Header
	if answer != nil {
		header = answer.Header
		p.learnSkew(sent, received, header)
	}
	empty := false
	for i := range p.windows {
		w := &p.windows[i]
		w.learn(header, p.start, sent+p.skewMin, received+p.skewMax)
		empty = empty || w.room() <= 0 && w.reset > received+p.skewMin
	}
	switch {
	case answer == nil:
	case answer.StatusCode == http.StatusTooManyRequests:
		p.refused(sent, received, header, empty)
	case sent >= p.closedUntil: // an answer from before a refusal does not lift it
		p.heard, p.refusals = true, 0
	}
	p.wake()
}

// refused acts on a 429. Retry-After is obeyed, and an empty window says when
// to go on. Without that window requests go one by one until one is accepted,
// and without both ever more slowly.
func (p *pacer) refused(sent, received time.Duration, header http.Header, empty bool) {
	p.contendedUntil = received + contendedFor
	p.heard = empty
	if wait, ok := retryAfter(header, p.start.Add(received+p.skewMin)); ok {
		p.closedUntil = received + wait
	} else if !empty && sent >= p.closedUntil { // else it was sent along with one that was refused already
		wait := min(firstBackOff<<min(p.refusals, 10), longestBackOff)
		p.refusals++
		p.closedUntil = received + wait - rand.N(wait/4)
	}
}

// serverTime returns the bounds of the time at TitanX at a local time. It is
// false while nothing is known of TitanX's clock.
func (p *pacer) serverTime(local time.Time) (earliest, latest time.Time, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.start.Add(local.Sub(p.start)) // a step of the local clock since start moves nothing
	return at.Add(p.skewMin), at.Add(p.skewMax), p.skewKnown
}

// learnSkew narrows the bounds of the server's clock. Its Date, or else the end
// of its second, was true at some instant between sent and received.
func (p *pacer) learnSkew(sent, received time.Duration, header http.Header) {
	second, err := http.ParseTime(header.Get("Date"))
	far := func(t time.Time) bool { return t.Sub(p.start.Add(received)).Abs() > farthest }
	if w, ok := readWindow(header, "Second"); ok && (err != nil || far(second) && !far(w.reset)) {
		second = w.reset.Add(-time.Second)
	} else if err != nil {
		return
	}
	at := second.Sub(p.start)
	low, high := at-received, at+time.Second-sent
	if p.skewKnown {
		low, high = max(low, p.skewMin), min(high, p.skewMax)
	}
	if low > high { // a clock was set: what it measured before is void
		low, high = at-received, at+time.Second-sent
		for i := range p.windows {
			p.windows[i].limit = 0
		}
	}
	p.skewMin, p.skewMax, p.skewKnown = low, high, true
}

// window is one of the fixed windows. The requests counted in it are at most
// used + unanswered + those in flight.
type window struct {
	name     string
	period   time.Duration
	suffixes []string

	limit      int           // 0: not known, nothing is held back
	reset      time.Duration // the window's end, on the server's clock
	used       int           // the most that an answer of this window has said
	unanswered int           // requests that ended without a word on this window
	straddling int           // those of unanswered that the next period may have counted
}

// room is how many requests the window takes, those in flight included.
func (w *window) room() int {
	if w.limit == 0 {
		return math.MaxInt
	}
	return w.limit - w.used - w.unanswered
}

// roll goes on to the window of the given server time.
func (w *window) roll(now time.Duration) {
	if now >= w.reset {
		w.enter(w.reset + ((now-w.reset)/w.period+1)*w.period)
	}
}

func (w *window) enter(reset time.Duration) {
	w.reset, w.used, w.unanswered, w.straddling = reset, 0, w.straddling, 0
}

// learn takes in what a header says of the window. Its request was counted
// between the two server times.
func (w *window) learn(header http.Header, start time.Time, earliest, latest time.Duration) {
	said, ok := readWindow(header, w.suffixes...)
	reset := said.reset.Sub(start)
	if !ok || reset <= earliest || reset-w.period > latest {
		if w.limit > 0 {
			w.unanswered++
			if latest >= w.reset {
				w.straddling++
			}
		}
		return
	}
	if w.limit == 0 || reset > w.reset {
		w.enter(reset)
	}
	if reset == w.reset {
		w.limit = said.limit
		w.used = max(w.used, said.limit-said.remaining)
	}
}

// reading is what an answer says of one window: 0 <= remaining <= limit, and
// limit is at least 1.
type reading struct {
	limit, remaining int
	reset            time.Time
}

// readWindow reads the three headers of a window under the first suffix that
// has three valid values.
func readWindow(header http.Header, suffixes ...string) (reading, bool) {
	for _, suffix := range suffixes {
		limit, errLimit := strconv.Atoi(header.Get("X-Ratelimit-Limit-" + suffix))
		remaining, errRemaining := strconv.Atoi(header.Get("X-Ratelimit-Remaining-" + suffix))
		reset, errReset := strconv.ParseInt(header.Get("X-Ratelimit-Reset-"+suffix), 10, 64)
		if errLimit == nil && errRemaining == nil && errReset == nil && 0 < limit && 0 <= remaining &&
			remaining <= limit {
			return reading{limit, remaining, time.Unix(reset, 0)}, true
		}
	}
	return reading{}, false
}

// retryAfter reads Retry-After, in seconds or as a date on the server's clock
// (RFC 9110, section 10.2.3).
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := header.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.Atoi(value); err == nil {
		wait = time.Duration(min(max(seconds, 0), math.MaxInt32)) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return wait, 0 < wait && wait <= farthest
}
