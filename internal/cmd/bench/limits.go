// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// limits is how runs do that meet the rate limits: against the time that the limits themselves allow for as many requests.
func (b *bench) limits(ctx context.Context, out io.Writer) error {
	fmt.Fprintf(out, "\n### Rate limits\n\n| | wall s | allowed s | × allowed | requests | 429 | connections | at once | waits logged |\n| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n")
	for _, row := range []struct {
		name   string
		limits titanxsim.Limits
		n      int
		twice  bool // two runs at once, of n webhooks each
	}{
		{"create 100 at 10/s", titanxsim.Limits{Second: 10}, 100, false},
		{"create 300 at 5/s and 100/min", titanxsim.Limits{Second: 5, Minute: 100}, 300, false},
		{"two runs at once, 50 each, at 10/s", titanxsim.Limits{Second: 10}, 50, true},
	} {
		if err := b.paced(ctx, out, row.name, row.limits, row.n, row.twice); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return b.exhausted(ctx, out)
}

// paced creates webhooks under limits, then plans.
func (b *bench) paced(ctx context.Context, out io.Writer, name string, limits titanxsim.Limits, n int, twice bool) error {
	s, err := newService(ctx, titanxsim.Config{Limits: limits})
	if err != nil {
		return err
	}
	defer s.close()
	var runs []*workspace
	for range 1 + map[bool]int{true: 1}[twice] {
		w, err := b.workspace(titanxConfig, n, s)
		if err != nil {
			return err
		}
		w.logWaits()
		runs = append(runs, w)
	}
	begun := time.Now()
	got, err := together(ctx, runs, create)
	if err != nil {
		return err
	}
	seen := s.takeTraffic()
	allowed := allowedTime(begun, seen.requests-seen.refused, limits)
	row := func(what string, used usage, seen traffic, allowed, ratio string) {
		fmt.Fprintf(out, "| %s | %.2f | %s | %s | %d | %d | %d | %d | %d |\n", what, used.wall.Seconds(), allowed, ratio, seen.requests, seen.refused, seen.connections, seen.atOnce, used.waits)
	}
	row(name, got, seen, fmt.Sprintf("%.2f", allowed.Seconds()), fmt.Sprintf("%.2f", got.wall.Seconds()/allowed.Seconds()))
	if got, err = together(ctx, runs, plan); err != nil {
		return err
	}
	row("the plan after it", got, s.takeTraffic(), "", "")
	return nil
}

// together runs a command in several workspaces at once.
func together(ctx context.Context, workspaces []*workspace, c command) (usage, error) {
	used, errs := make([]usage, len(workspaces)), make([]error, len(workspaces))
	var all sync.WaitGroup
	for i, w := range workspaces {
		all.Go(func() { used[i], errs[i] = w.run(ctx, c.args...) })
	}
	all.Wait()
	var sum usage
	for _, u := range used {
		sum.wall = max(sum.wall, u.wall)
		sum.waits += u.waits
	}
	return sum, errors.Join(errs...)
}

// allowedTime is how long n requests take at least: evenly at the rate of the second, as many as the minute takes.
func allowedTime(begun time.Time, n int, limits titanxsim.Limits) time.Duration {
	each := time.Second / time.Duration(limits.Second)
	for at := begun; ; {
		next := at.Truncate(time.Minute).Add(time.Minute)
		fit := int(next.Sub(at) / each)
		if limits.Minute > 0 {
			fit = min(fit, limits.Minute)
		}
		if n <= fit {
			return at.Add(time.Duration(n) * each).Sub(begun)
		}
		at, n = next, n-fit
	}
}

// opensAgain finds the time in an error about an exhausted day.
var opensAgain = regexp.MustCompile(`\d{4}-\d{2}-\d{2}T00:00:00Z`)

// exhausted creates more webhooks than the day has requests left for.
func (b *bench) exhausted(ctx context.Context, out io.Writer) error {
	s, err := newService(ctx, titanxsim.Config{Limits: titanxsim.Limits{Second: 10, Minute: 100, Day: 5}})
	if err != nil {
		return err
	}
	defer s.close()
	w, err := b.workspace(titanxConfig, 10, s)
	if err != nil {
		return err
	}
	w.logWaits()
	begun := time.Now()
	if _, err = w.run(ctx, create.args...); err == nil {
		return errors.New("exhausted day: the run did not fail")
	}
	said := opensAgain.FindString(err.Error())
	if said == "" {
		return fmt.Errorf("exhausted day: the error names no time: %w", err)
	}
	took, seen := time.Since(begun), s.takeTraffic()
	fmt.Fprintf(out, "\nCreate 10 where the day has 5 requests left: fails after %.2f s and %d requests (%d answers of 429), and says when the day ends (%s).\n",
		took.Seconds(), seen.requests, seen.refused, said)
	return nil
}
