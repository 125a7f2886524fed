// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestFindRecent looks for a webhook of another process. Ages are TitanX's.
func TestFindRecent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		dialect titanxsim.Dialect
		skew    time.Duration // of TitanX's clock
		age     time.Duration
		deleted bool
		want    error         // nil is found
		takes   time.Duration // at most
		least   time.Duration
		lists   int // at most
	}{
		"listed":                             {titanxsim.Dialect{}, 0, 0, false, nil, 0, 0, 1},
		"a list that lags":                   {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"a list that lags, 405":              {titanxsim.Dialect{Get: "absent-405", ListDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"a list that lags, get-one has it":   {titanxsim.Dialect{ListDelay: 10}, 0, 0, false, nil, 0, 0, 1},
		"both lag":                           {titanxsim.Dialect{ListDelay: 10, GetDelay: 10}, 0, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"TitanX a year ahead":                {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, 365 * 24 * time.Hour, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"TitanX a year behind":               {titanxsim.Dialect{Get: "absent-html", ListDelay: 10}, -365 * 24 * time.Hour, 0, false, nil, 25 * time.Second, 9 * time.Second, 14},
		"deleted, get-one knows":             {titanxsim.Dialect{}, 0, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, without get-one":           {titanxsim.Dialect{Get: "absent-html"}, 0, 0, true, &NotListedError{}, 62 * time.Second, 58 * time.Second, 20},
		"deleted, TitanX a year ahead":       {titanxsim.Dialect{}, 365 * 24 * time.Hour, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, TitanX a year behind":      {titanxsim.Dialect{}, -365 * 24 * time.Hour, 0, true, ErrNotFound, 62 * time.Second, 58 * time.Second, 20},
		"deleted, half the lag ago":          {titanxsim.Dialect{}, 0, 30 * time.Second, true, ErrNotFound, 32 * time.Second, 28 * time.Second, 18},
		"deleted, older than the lag":        {titanxsim.Dialect{}, 0, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
		"deleted, older, without get-one":    {titanxsim.Dialect{Get: "absent-html"}, 0, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
		"deleted, older, TitanX a year back": {titanxsim.Dialect{}, -365 * 24 * time.Hour, 2 * time.Minute, true, ErrNotFound, 0, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				clock := func() time.Time { return time.Now().Add(tc.skew) }
				b := wired(t, titanxsim.Config{Dialect: tc.dialect, Now: clock})
				w := b.sim.Put("ada", titanxsim.Webhook{Name: "crm", URL: "https://receiver.example", EventTypes: EventTypes(), CreatedAt: clock().Add(-tc.age)})
				if tc.deleted {
					b.sim.Remove("ada", w.ID)
				}
				began := time.Now()
				found, err := b.FindRecent(t.Context(), w.ID, w.CreatedAt)
				took := time.Since(began)
				var unlisted *NotListedError
				switch {
				case tc.want == nil && (err != nil || found.ID != w.ID):
					t.Errorf("%+v, %v", found, err)
				case errors.Is(tc.want, ErrNotFound) && !errors.Is(err, ErrNotFound):
					t.Errorf("want ErrNotFound: %v", err)
				case tc.want != nil && !errors.Is(tc.want, ErrNotFound) && (!errors.As(err, &unlisted) || !unlisted.Until.Equal(w.CreatedAt.Add(listLag))):
					t.Errorf("want a NotListedError: %v", err)
				}
				if slack := 2 * time.Second; took > tc.takes+slack || took < tc.least {
					t.Errorf("took %s", took)
				}
				if n := len(b.sim.Requests(titanxsim.CallList)); n > tc.lists {
					t.Errorf("%d lists", n)
				}
			})
		})
	}
}

// TestFindRecent_clockMoves moves TitanX's clock while the client looks: it
// uses that clock, and waits no longer.
func TestFindRecent_clockMoves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		b := wired(t, titanxsim.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
		w := b.sim.Put("ada", titanxsim.Webhook{Name: "crm", URL: "https://receiver.example", EventTypes: EventTypes()})
		b.sim.Remove("ada", w.ID)
		time.AfterFunc(5*time.Second, func() { ahead.Store(int64(time.Hour)) })
		began := time.Now()
		if _, err := b.FindRecent(t.Context(), w.ID, w.CreatedAt); !errors.Is(err, ErrNotFound) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
