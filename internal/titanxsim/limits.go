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
// boundary of Unix time. A window of 0 is absent: it neither refuses nor shows
// in headers. Every request takes one from each window, failed ones too.
type Limits struct {
	Second, Minute, Day int
}

// windows counts a user's requests: second, minute, day.
type windows [3]struct {
	start time.Time
	used  int
}

// takeLimits counts the request and prepares the headers of its answer. It
// returns the refusal when a window is exhausted. Requests with unknown keys
// share windows of their own.
func (s *Server) takeLimits(user string, x *exchange) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	x.header = http.Header{"Date": {now.UTC().Format(http.TimeFormat)}}
	counted := s.windows[user]
	if counted == nil {
		counted = &windows{}
		s.windows[user] = counted
	}
	var full time.Time // end of the last exhausted window
	rate := http.Header{}
	for i, window := range []struct {
		suffix string
		size   time.Duration
		limit  int
	}{
		{"Second", time.Second, s.limits.Second},
		{"Minute", time.Minute, s.limits.Minute},
		{s.dialect.DailySuffix, 24 * time.Hour, s.limits.Day},
	} {
		if window.limit == 0 {
			continue
		}
		if start := now.Truncate(window.size); !start.Equal(counted[i].start) {
			counted[i].start, counted[i].used = start, 0
		}
		counted[i].used++
		end := counted[i].start.Add(window.size)
		if counted[i].used > window.limit {
			full = end
		}
		rate.Set("X-RateLimit-Limit-"+window.suffix, strconv.Itoa(window.limit))
		rate.Set("X-RateLimit-Remaining-"+window.suffix, strconv.Itoa(max(0, window.limit-counted[i].used)))
		rate.Set("X-RateLimit-Reset-"+window.suffix, strconv.FormatInt(end.Unix(), 10))
	}
	if full.IsZero() || s.dialect.LimitHeaders == "always" {
		maps.Copy(x.header, rate)
	}
	if full.IsZero() {
		return nil
	}
	a := s.dialect.tooMany(now, full)
	return &a
}
