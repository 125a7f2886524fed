// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Limits are the requests allowed per window, each window beginning on an exact
// boundary of Unix time. A tier of 0 is absent: it neither refuses nor shows in
// headers. Every request takes one from each tier, failed ones too.
type Limits struct {
	Second, Minute, Day int
}

// windows counts a user's requests: second, minute, day.
type windows [3]struct {
	start time.Time
	used  int
}

// takeLimits counts the request and prepares the headers of its answer. It
// returns the refusal when a tier is exhausted. Requests with unknown keys
// share windows of their own.
func (s *Server) takeLimits(user string, x *exchange) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	x.header = http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	win := s.windows[user]
	if win == nil {
		win = &windows{}
		s.windows[user] = win
	}
	var full time.Time // end of the last exhausted window
	rate := http.Header{}
	for i, tier := range []struct {
		suffix string
		size   time.Duration
		limit  int
	}{
		{"Second", time.Second, s.limits.Second},
		{"Minute", time.Minute, s.limits.Minute},
		{s.dialect.DailySuffix, 24 * time.Hour, s.limits.Day},
	} {
		if tier.limit == 0 {
			continue
		}
		if start := now.Truncate(tier.size); !start.Equal(win[i].start) {
			win[i].start, win[i].used = start, 0
		}
		win[i].used++
		end := win[i].start.Add(tier.size)
		if win[i].used > tier.limit {
			full = end
		}
		rate.Set("X-RateLimit-Limit-"+tier.suffix, strconv.Itoa(tier.limit))
		rate.Set("X-RateLimit-Remaining-"+tier.suffix, strconv.Itoa(max(0, tier.limit-win[i].used)))
		rate.Set("X-RateLimit-Reset-"+tier.suffix, strconv.FormatInt(end.Unix(), 10))
	}
	if full.IsZero() {
		x.addHeader(rate)
		return nil
	}
	if s.dialect.LimitHeaders == "always" {
		x.addHeader(rate)
	}
	a := s.dialect.tooMany(now, full)
	return &a
}

func (x *exchange) addHeader(h http.Header) {
	maps.Copy(x.header, h)
}
