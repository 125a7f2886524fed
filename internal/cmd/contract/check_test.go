// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/sweep"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// bench is a check against a simulator in the same process, on a fake clock.
type bench struct {
	*testing.T
	sim            *titanxsim.Server
	key, host      string
	terminal       bool
	stdin          string
	requests       int
	before         func(n int, req *http.Request) // the n-th request, from 0
	stdout, stderr bytes.Buffer
}

func bubble(t *testing.T, cfg titanxsim.Config, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, key: "key-CANARY", host: strings.ToLower(rand.Text())} // clients of one host and key share a pacer
		cfg.Keys = map[string]string{b.key: "ada"}
		b.sim = titanxsim.New(cfg)
		defer b.sim.Close()
		test(b)
	})
}

func (b *bench) run(ctx context.Context, args ...string) int {
	b.stdout.Reset()
	b.requests = 0
	return program{
		apiKey: b.key, baseURL: "https://" + b.host + ".example" + titanxsim.BasePath, transport: b,
		stdin: strings.NewReader(b.stdin), terminal: b.terminal, stdout: &b.stdout, stderr: &b.stderr,
	}.run(ctx, args)
}

// RoundTrip implements http.RoundTripper over the simulator's handler, which
// breaks a connection by a panic.
func (b *bench) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if b.before != nil {
		b.before(b.requests, req)
	}
	b.requests++
	defer func() {
		if cause := recover(); cause != nil {
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	response := httptest.NewRecorder()
	b.sim.ServeHTTP(response, req)
	return response.Result(), req.Context().Err()
}

// check runs a check, and returns its exit code and its report.
func (b *bench) check(ctx context.Context) (code int, r report) {
	b.Helper()
	code = b.run(ctx, "-yes", "-json")
	if err := json.Unmarshal(b.stdout.Bytes(), &r); err != nil {
		b.Fatalf("no JSON: %v\n%s", err, b.stdout.String())
	}
	return code, r
}

func (r report) finding(doubt string) finding {
	for _, f := range r.Findings {
		if f.Doubt == doubt {
			return f
		}
	}
	return finding{}
}

// notCoveredIn has the dialects that no provider could handle.
var notCoveredIn = map[string]string{
	"same-url=409":           "second webhook for the same url",
	"same-url=existing":      "second webhook for the same url",
	"same-url=overwritten":   "second webhook for the same url, webhook in the list",
	"create-secret=absent":   "answer to a create",
	"create-secret=null":     "answer to a create",
	"status-out=absent":      "webhook in the list",
	"created-at-out=absent":  "webhook in the list",
	"initial-status=ignored": "initial status",

	"status-set=failed":               "webhook in the list",
	"status-set=pending_verification": "webhook in the list",
	"status-set=ignored":              "webhook in the list",
}

// unseen finds the dialects that a check cannot see: it gets no delivery, has
// different names for its webhooks, shows no value, and gets a webhook once.
var unseen = regexp.MustCompile(`^(secret-reading|stamp|same-name|name-form|url-form|events-form|get-delay)=`)

// TestCheck_dialects wants the right verdicts in each dialect, a table that
// differs from that of every other dialect, and nothing left.
func TestCheck_dialects(t *testing.T) {
	t.Parallel()
	tables := map[string]string{}
	for _, d := range append(titanxsim.Variations(), titanxsim.Dialect{}) {
		if unseen.MatchString(d.String()) {
			continue
		}
		bubble(t, titanxsim.Config{Dialect: d, Limits: titanxsim.Limits{Second: 5, Minute: 100, Day: 10_000}}, func(b *bench) {
			b.before = func(n int, req *http.Request) {
				if n == 8 { // another program takes what the second has left
					for range 5 {
						other := httptest.NewRequestWithContext(b.Context(), http.MethodGet, titanxsim.BasePath+"/webhooks/other", http.NoBody)
						other.Header.Set("Authorization", req.Header.Get("Authorization"))
						b.sim.ServeHTTP(httptest.NewRecorder(), other)
					}
				}
			}
			code, got := b.check(b.Context())
			bad := notCoveredIn[d.String()]
			for _, f := range got.Findings {
				if (f.Covered == notCovered) != slices.Contains(strings.Split(bad, ", "), f.Doubt) || f.Covered == notSeen && d.ListDelay == 0 {
					b.Errorf("%s: %s: covered: %s (%s)", d, f.Doubt, f.Covered, f.Why)
				}
			}
			if want := map[bool]int{true: exitCovered, false: exitNotCovered}[bad == ""]; code != want || len(b.sim.Webhooks("ada")) > 0 {
				b.Errorf("%s: exit code %d, %d webhooks are left: %s", d, code, len(b.sim.Webhooks("ada")), got.Trouble)
			}
			table, _ := json.Marshal(got.Findings)
			if other, same := tables[string(table)]; same {
				b.Errorf("the table does not tell %q from %q", d, other)
			}
			tables[string(table)] = d.String()
		})
	}
}

// TestCheck_faults lets each request of a check fail in each way, and
// interrupts the check there. Nothing stays, and no other webhook goes.
func TestCheck_faults(t *testing.T) {
	t.Parallel()
	var requests, sweep int // of a check without faults; the first that cleans up
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.run(b.Context(), "-yes")
		requests, sweep = b.requests, b.requests-4
	})
	for _, kind := range append(titanxsim.FaultKinds(), "interrupt") {
		if kind == titanxsim.FaultHuge || kind == titanxsim.FaultGzipBomb { // garbage like others, but slow
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			for n := range requests {
				bubble(t, titanxsim.Config{Dialect: titanxsim.Dialect{NameOut: "absent"}}, func(b *bench) {
					other := b.sim.Put("ada", titanxsim.Webhook{Name: "titanx-acc-tests", URL: "https://other.example/"})
					ctx, cancel := context.WithCancelCause(b.Context())
					defer cancel(nil)
					fault := titanxsim.Fault{Kind: kind, Commit: n%2 == 0, After: n, Times: 1, Delay: time.Second}
					if kind == "interrupt" {
						fault.Kind, fault.Commit = titanxsim.FaultDelay, true
						b.before = func(i int, _ *http.Request) {
							if i == n {
								time.AfterFunc(time.Second/2, func() { cancel(errors.New("interrupted by the test")) })
							}
						}
					} else if kind == titanxsim.FaultDelay {
						fault.Delay = 2 * titanx.DefaultRequestTimeout
					}
					b.sim.Inject(fault)
					code, got := b.check(ctx)
					if left := b.sim.Webhooks("ada"); len(left) != 1 || left[0].ID != other.ID || got.LeftBehind != "" {
						b.Errorf("request %d: %d webhooks are left, left behind: %q", n, len(left), got.LeftBehind)
					}
					broken := slices.Contains([]titanxsim.FaultKind{titanxsim.FaultReset, "interrupt"}, kind)
					if broken && n < sweep && code != exitTrouble || (code == exitTrouble) != (got.Trouble != "") {
						b.Errorf("request %d: exit code %d, trouble %q", n, code, got.Trouble)
					}
				})
			}
		})
	}
}

func TestCheck_rate(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "cursor"}, Limits: titanxsim.Limits{Second: 5}}, func(b *bench) {
		if _, got := b.check(b.Context()); got.finding("429").Covered != notSeen {
			b.Errorf("429: %+v", got.finding("429"))
		}
	})
}

func TestCheck_leftBehind(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultReset, After: 2})
		if code := b.run(b.Context(), "-yes"); code != exitTrouble {
			b.Errorf("exit code %d", code)
		}
		left := b.sim.Webhooks("ada")
		if len(left) == 0 || !strings.Contains(b.stdout.String(), "Left behind: webhooks named "+left[0].Name[:len(sweep.Prefix)+8]) {
			b.Errorf("%d webhooks are left:\n%s", len(left), b.stdout.String())
		}
	})
}

func TestRun_consent(t *testing.T) {
	t.Parallel()
	for says, tc := range map[string]struct {
		stdin, key string
		terminal   bool
		args       []string
		sent       bool
	}{
		"use -yes":                      {"yes\n", "CANARY", false, nil, false},
		"nothing was sent":              {"no\n", "CANARY", true, nil, false},
		"not an absolute https URL":     {"", "CANARY", true, []string{"-yes", "-url=http://hooks.example/"}, false},
		"flag provided but not defined": {"", "CANARY", true, []string{"-force"}, false},
		"set TITANX_API_KEY":            {"", "", true, []string{"-yes"}, false},
		"about 25 requests":             {"y\n", "CANARY", true, nil, true},
	} {
		bubble(t, titanxsim.Config{}, func(b *bench) {
			b.stdin, b.terminal, b.key = tc.stdin, tc.terminal, tc.key
			b.run(b.Context(), tc.args...)
			if !strings.Contains(b.stderr.String(), says) || (b.requests > 0) != tc.sent {
				b.Errorf("%d requests, want %t; want %q:\n%s", b.requests, tc.sent, says, b.stderr.String())
			}
		})
	}
}

// TestCheck_notCovered responds in ways that the provider cannot handle.
func TestCheck_notCovered(t *testing.T) {
	t.Parallel()
	for doubt, fault := range map[string]titanxsim.Fault{
		"list":                  {Call: titanxsim.CallList, Kind: titanxsim.FaultOtherShape},
		"answer to a wrong key": {Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 200, Body: []byte(`[]`), After: 1, Times: 1},
		"answer to a create":    {Call: titanxsim.CallCreate, Kind: titanxsim.FaultOtherShape, Commit: true},
		"get one":               {Call: titanxsim.CallGet, Kind: titanxsim.FaultOtherShape, Times: 1},
		"get of an absent id":   {Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: 400, After: 1},
		"status change":         {Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultStatus, Status: 400, Times: 1},
		"delete":                {Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 403, Times: 1},
		"webhook in the list":   {Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultEmpty, Times: 1},
		"rate headers": {Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: 404, Times: 1, Header: http.Header{
			"X-Ratelimit-Limit-Week": {"9"}, "X-Ratelimit-Remaining-Week": {"8"},
		}},
	} {
		bubble(t, titanxsim.Config{}, func(b *bench) {
			b.sim.Inject(fault)
			_, report := b.check(b.Context())
			if got := report.finding(doubt); got.Covered != notCovered || got.Why == "" || len(b.sim.Webhooks("ada")) > 0 {
				b.Errorf("%s: %+v, %d webhooks are left", doubt, got, len(b.sim.Webhooks("ada")))
			}
		})
	}
}

func TestRun_redacted(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		secret := ""
		b.before = func(int, *http.Request) {
			for _, w := range b.sim.Webhooks("ada") {
				secret = w.Secret
				b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 403, Body: []byte("not for " + b.key + " " + secret)})
			}
		}
		b.run(b.Context(), "-yes")
		if out := b.stdout.String() + b.stderr.String(); !strings.Contains(out, "not for (redacted)") || strings.Contains(out, b.key) || strings.Contains(out, secret) {
			b.Error("the output has the key, a secret, or no message")
		}
	})
}
