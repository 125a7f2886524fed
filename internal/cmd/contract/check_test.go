// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// bench is a check against a simulator in the same process, on a clock of its own.
type bench struct {
	*testing.T
	sim      *titanxsim.Server
	key      string
	host     string                         // of its own, because clients of one host and key share a pacer and its clock
	before   func(n int, req *http.Request) // the n-th request, from 0
	after    func(n int)
	requests int
	stdin    string
	terminal bool

	stdout, stderr bytes.Buffer
}

// bubble runs a test of one check, on a fake clock.
func bubble(t *testing.T, cfg titanxsim.Config, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, key: "key-CANARY-" + newToken(), host: newToken() + ".example"}
		cfg.Keys = map[string]string{b.key: "ada"}
		b.sim = titanxsim.New(cfg)
		defer b.sim.Close()
		test(b)
	})
}

func (b *bench) run(ctx context.Context, args ...string) int {
	b.stdout.Reset()
	b.stderr.Reset()
	b.requests = 0
	return program{
		apiKey: b.key, baseURL: "https://" + b.host + titanxsim.BasePath, transport: b,
		stdin: strings.NewReader(b.stdin), terminal: b.terminal, stdout: &b.stdout, stderr: &b.stderr,
	}.run(ctx, args)
}

// RoundTrip implements http.RoundTripper over the simulator's handler. A broken connection is a handler that panics.
func (b *bench) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	n := b.requests
	b.requests++
	if b.before != nil {
		b.before(n, req)
	}
	if b.after != nil {
		defer b.after(n)
	}
	defer func() {
		if cause := recover(); cause != nil {
			if aborted, _ := cause.(error); !errors.Is(aborted, http.ErrAbortHandler) {
				panic(cause)
			}
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	req = req.Clone(req.Context())
	if req.Body == nil {
		req.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	b.sim.ServeHTTP(answer, req)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}

// report is the JSON that a run has printed.
func (b *bench) report() report {
	b.Helper()
	var r report
	if err := json.Unmarshal(b.stdout.Bytes(), &r); err != nil {
		b.Fatalf("no JSON: %v\n%s", err, b.stdout.String())
	}
	return r
}

func (r report) seen(doubt string) finding {
	at := slices.IndexFunc(r.Findings, func(f finding) bool { return f.Doubt == doubt })
	if at < 0 {
		return finding{}
	}
	return r.Findings[at]
}

// named tells of each value of each switch under which doubt the table names it, and how. The first is the documented contract.
var named = map[string]struct{ doubt, seen string }{
	"":                         {"answer to a create", "201, the webhook under payload"},
	"envelope=data":            {"answer to a create", "201, the webhook under data"},
	"envelope=bare":            {"answer to a create", "201, the webhook bare"},
	"events-in=events":         {"events key of a create", "events; not eventTypes alone: 400, {error: text}"},
	"events-in=eventTypes":     {"events key of a create", "not events alone: 400, {error: text}; eventTypes"},
	"events-in=events-400":     {"events key of a create", "only events; both together are refused: 400, {error: text}"},
	"events-in=events-422":     {"events key of a create", "only events; both together are refused: 422, {error: text}"},
	"events-in=eventTypes-400": {"events key of a create", "only eventTypes; both together are refused: 400, {error: text}"},
	"events-in=eventTypes-422": {"events key of a create", "only eventTypes; both together are refused: 422, {error: text}"},
	"events-out=events":        {"keys of a webhook", "createdAt, events, id, name, status, updatedAt, url"},
	"events-out=eventTypes":    {"keys of a webhook", "createdAt, eventTypes, id, name, status, updatedAt, url"},
	"unknown-event=accepted":   {"unknown event", "201, the webhook under payload"},
	"name-out=absent":          {"keys of a webhook", "createdAt, id, status, triggers, updatedAt, url"},
	"updated-at=absent":        {"keys of a webhook", "createdAt, id, name, status, triggers, url"},
	"same-url=409":             {"second webhook for the same url", "409, {error: text}"},
	"create-status=200":        {"answer to a create", "200, the webhook under payload"},
	"create-secret=absent":     {"secret in the answer to a create", "absent"},
	"create-secret=null":       {"secret in the answer to a create", "null"},
	"secret-prefix=wh_sk_":     {"secret in the answer to a create", "given, begins wh_sk_"},
	"secret-on-read=null":      {"secret in the list", "null"},
	"secret-on-read=masked":    {"secret in the list", "masked"},
	"secret-on-read=empty":     {"secret in the answer to a get", "empty"},
	"status-answer=empty-200":  {"status change", "200, no body"},
	"status-answer=empty-204":  {"status change", "204, no body"},
	"status-answer=text":       {"status change back", "200, plain text"},
	"delete-answer=200-object": {"delete", "200, the webhook under payload"},
	"delete-answer=200-empty":  {"delete", "200, no body"},
	"delete-answer=202":        {"delete", "202, no body"},
	"get=absent-html":          {"get one", "no such route: 404, a web page"},
	"get=absent-json":          {"get one", "no such route: 404, {error: text}"},
	"get=absent-405":           {"get one", "no such route: 405, {error: text}"},
	"absent-id=410":            {"delete of an absent id", "410, {error: text}"},
	"id=prefixed":              {"id", "not a UUID"},
	"list=webhooks":            {"list", "200, under payload.webhooks"},
	"list=items":               {"list", "200, under payload.items"},
	"list=results":             {"list", "200, under payload.results"},
	"paging=cursor":            {"paging of the list", "nextCursor; 2 pages asked for"},
	"paging=next":              {"paging of the list", "next; 2 pages asked for"},
	"paging=link":              {"paging of the list", "Link header; 2 pages asked for"},
	"paging=pages":             {"paging of the list", "page, totalPages; 2 pages asked for"},
	"list-lag=2":               {"webhook in the list", "only at the second look"},
	"invalid=422":              {"invalid url", "422, {error: text}"},
	"error-body=error-object":  {"answer to a wrong key", "401, {error: {code: text, message: text}}"},
	"error-body=message":       {"answer to a wrong key", "401, {message: text, statusCode: number}"},
	"error-body=errors":        {"invalid url", "400, {errors: [{message: text, path: text}]}"},
	"error-body=text":          {"answer to a wrong key", "401, plain text"},
	"error-body=html":          {"get of an absent id", "404, a web page"},
	"error-body=empty":         {"answer to a wrong key", "401, no body"},
	"error-body=ok-error":      {"invalid url", "200, {error: text}"},
	"daily-suffix=Daily":       {"rate headers", "X-RateLimit-{Limit,Remaining,Reset}-{Daily,Minute,Second}"},
	"limit-headers=not-on-429": {"429", "429, {error: text}; without rate headers; Retry-After: absent"},
	"retry-after=seconds":      {"429", "429, {error: text}; with rate headers; Retry-After: seconds"},
	"retry-after=date":         {"429", "429, {error: text}; with rate headers; Retry-After: date"},
	"limit-body=text":          {"429", "429, plain text; with rate headers; Retry-After: absent"},
	"limit-body=html":          {"429", "429, a web page; with rate headers; Retry-After: absent"},
	"limit-body=empty":         {"429", "429, no body; with rate headers; Retry-After: absent"},
}

// notCoveredIn has the dialects that no provider could make good.
var notCoveredIn = map[string]string{
	"same-url=409":         "second webhook for the same url",
	"create-secret=absent": "secret in the answer to a create",
	"create-secret=null":   "secret in the answer to a create",
}

func TestEveryDialectIsNamed(t *testing.T) {
	t.Parallel()
	for _, d := range append(titanxsim.Variations(), titanxsim.Dialect{}) {
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			want, ok := named[d.String()]
			if !ok {
				t.Fatal("no line of the table is expected for this dialect")
			}
			// One request a second: the check is refused, and sees what a refusal looks like.
			limits := titanxsim.Limits{Second: 5, Minute: 100, Day: 10_000}
			if want.doubt == "429" {
				limits.Second = 1
			}
			bubble(t, titanxsim.Config{Dialect: d, Limits: limits}, func(b *bench) {
				code := b.run(b.Context(), "-yes", "-json")
				got := b.report()
				if seen := got.seen(want.doubt).Seen; seen != want.seen {
					b.Errorf("%s: seen %q, want %q", want.doubt, seen, want.seen)
				}
				bad := notCoveredIn[d.String()]
				for _, f := range got.Findings {
					if f.Doubt != "429" && strings.HasPrefix(f.Seen, "429") {
						b.Errorf("%s: seen is the refusal for the rate", f.Doubt)
					}
					if (f.Covered == notCovered) != (f.Doubt == bad) {
						b.Errorf("%s: covered %q (%s)", f.Doubt, f.Covered, f.Why)
					}
				}
				if wantCode := map[bool]int{true: exitCovered, false: exitNotCovered}[bad == ""]; code != wantCode {
					b.Errorf("exit code %d, want %d: %s", code, wantCode, got.Trouble)
				}
				if refused := len(b.requestsWith(http.StatusTooManyRequests)); got.Requests-refused > maxRequests {
					b.Errorf("%d requests, of which %d were refused", got.Requests, refused)
				}
				if left := b.sim.Webhooks("ada"); len(left) > 0 {
					b.Errorf("%d webhooks are left", len(left))
				}
			})
		})
	}
}

// TestDialectsAreToldApart keeps the expectations above honest: the documented contract shows none of them.
func TestDialectsAreToldApart(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{Limits: titanxsim.Limits{Second: 1, Day: 10_000}}, func(b *bench) {
		b.run(b.Context(), "-yes", "-json")
		for dialect, want := range named {
			if dialect != "" && b.report().seen(want.doubt).Seen == want.seen {
				b.Errorf("the table says of the documented contract what it says of %s", dialect)
			}
		}
	})
}

func (b *bench) requestsWith(status int) []titanxsim.Request {
	return slices.DeleteFunc(b.sim.Requests(), func(r titanxsim.Request) bool { return r.Status != status })
}

func TestNoRequestIsRefusedForItsRate(t *testing.T) {
	t.Parallel()
	for _, start := range []time.Duration{0, 300 * time.Millisecond, 750 * time.Millisecond, 58 * time.Second} {
		bubble(t, titanxsim.Config{Limits: titanxsim.Limits{Second: 5, Minute: 100}}, func(b *bench) {
			<-time.After(start)
			if code := b.run(b.Context(), "-yes"); code != exitCovered {
				b.Errorf("exit code %d", code)
			}
			if refused := b.requestsWith(http.StatusTooManyRequests); len(refused) > 0 {
				b.Errorf("started %s into a minute: %d requests are refused", start, len(refused))
			}
		})
	}
}

// cleanRun is how many requests a check makes of the documented contract.
const cleanRun = 17

func TestCleanRun(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		var secrets []string
		b.after = func(int) {
			for _, w := range b.sim.Webhooks("ada") {
				secrets = append(secrets, w.Secret)
				if !strings.HasPrefix(w.Name, namePrefix) || !strings.HasPrefix(w.URL, defaultURL) {
					b.Errorf("a webhook named %s for %s", w.Name, w.URL)
				}
			}
		}
		if code := b.run(b.Context(), "-yes"); code != exitCovered || b.requests != cleanRun {
			b.Errorf("exit code %d after %d requests", code, b.requests)
		}
		if len(secrets) == 0 {
			b.Error("no webhook was made")
		}
		for _, secret := range append(secrets, b.key) {
			if strings.Contains(b.stdout.String()+b.stderr.String(), secret) {
				b.Error("the output holds the key or a secret")
			}
		}
	})
}

// TestFaults lets each request of a check go wrong in each way. Nothing of it stays, and nothing of others goes.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range titanxsim.FaultKinds() {
		if kind == titanxsim.FaultHuge || kind == titanxsim.FaultGzipBomb { // garbage like others, but 100 MiB of it each time
			continue
		}
		for _, commit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s commit=%t", kind, commit), func(t *testing.T) {
				t.Parallel()
				for n := range cleanRun {
					bubble(t, titanxsim.Config{}, func(b *bench) {
						other := b.sim.Put("ada", titanxsim.Webhook{Name: "titanx-contract-checked", URL: "https://other.example/"})
						b.sim.Inject(titanxsim.Fault{Kind: kind, Commit: commit, After: n, Times: 1, Delay: delayOf(kind)})
						code := b.run(b.Context(), "-yes", "-json")
						if left := b.sim.Webhooks("ada"); len(left) != 1 || left[0].ID != other.ID {
							b.Errorf("request %d: %d webhooks are left", n, len(left))
						}
						got := b.report()
						if len(got.LeftBehind) > 0 {
							b.Errorf("request %d: left behind: %q", n, got.LeftBehind)
						}
						broken := kind == titanxsim.FaultReset || kind == titanxsim.FaultCut || kind == titanxsim.FaultStatus || kind == titanxsim.FaultDelay
						if finished := code != exitTrouble; broken && finished != (n >= cleanRun-3) || finished != (got.Trouble == "") {
							b.Errorf("request %d: exit code %d, trouble %q", n, code, got.Trouble)
						}
					})
				}
			})
		}
	}
}

// delayOf makes a delay that outlasts a request's time.
func delayOf(kind titanxsim.FaultKind) time.Duration {
	if kind == titanxsim.FaultDelay {
		return 2 * requestTimeout
	}
	return 0
}

// TestInterrupt interrupts a check before and after each request, and while it is under way.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for n := range cleanRun - 3 { // the last three clean up already
		for when, hook := range map[string]func(b *bench, cancel func()){
			"before": func(b *bench, cancel func()) {
				b.before = func(i int, _ *http.Request) {
					if i == n {
						cancel()
					}
				}
			},
			"after": func(b *bench, cancel func()) {
				b.after = func(i int) {
					if i == n {
						cancel()
					}
				}
			},
			"during": func(b *bench, cancel func()) {
				b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultDelay, Commit: true, After: n, Times: 1, Delay: time.Second})
				b.before = func(i int, _ *http.Request) {
					if i == n {
						time.AfterFunc(time.Second/2, cancel)
					}
				}
			},
		} {
			bubble(t, titanxsim.Config{}, func(b *bench) {
				ctx, cancel := context.WithCancelCause(b.Context())
				interrupt := func() { cancel(errors.New("interrupted by the test")) }
				defer interrupt()
				hook(b, interrupt)
				code := b.run(ctx, "-yes", "-json")
				if got := b.report(); !got.allCovered() {
					b.Errorf("%s request %d: the interrupt is taken for an answer:\n%s", when, n, b.stdout.String())
				}
				if code != exitTrouble && n < cleanRun-4 {
					b.Errorf("%s request %d: exit code %d", when, n, code)
				}
				if left := b.sim.Webhooks("ada"); len(left) > 0 {
					b.Errorf("%s request %d: %d webhooks are left:\n%s", when, n, len(left), b.stdout.String())
				}
			})
		}
	}
}

func TestWhatCannotBeRemovedIsNamed(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultReset, After: 2})
		code := b.run(b.Context(), "-yes")
		left := b.sim.Webhooks("ada")
		if code != exitTrouble || len(left) != 2 {
			b.Fatalf("exit code %d with %d webhooks left", code, len(left))
		}
		for _, w := range left {
			if !strings.Contains(b.stdout.String(), "Left behind: webhook "+w.ID) {
				b.Errorf("%s is left and not named:\n%s", w.ID, b.stdout.String())
			}
		}

		b.sim.ClearFaults()
		b.stdin, b.terminal = "yes\nno\n", true
		b.run(b.Context())
		if !strings.Contains(b.stderr.String(), "Delete what earlier contract checks have left behind") || len(b.sim.Webhooks("ada")) != len(left) {
			b.Errorf("%d webhooks after a no to their deletion:\n%s", len(b.sim.Webhooks("ada")), b.stderr.String())
		}
		if code := b.run(b.Context(), "-yes"); code != exitCovered || len(b.sim.Webhooks("ada")) != 0 {
			b.Errorf("exit code %d, %d webhooks are left", code, len(b.sim.Webhooks("ada")))
		}
	})
}

func TestLostCreateThatCannotBeLookedForIsNamed(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true})
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultReset, After: 2})
		code := b.run(b.Context(), "-yes")
		name := b.sim.Webhooks("ada")[0].Name
		if code != exitTrouble || !strings.Contains(b.stdout.String(), "Left behind: perhaps a webhook named "+name) {
			b.Errorf("exit code %d:\n%s", code, b.stdout.String())
		}
	})
}

// TestLostCreateWithoutNames finds a webhook again by the mark in its url.
func TestLostCreateWithoutNames(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{Dialect: titanxsim.Dialect{NameOut: "absent", ListLag: 2}}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: 1})
		if code := b.run(b.Context(), "-yes"); code != exitTrouble || len(b.sim.Webhooks("ada")) != 0 {
			b.Errorf("exit code %d, %d webhooks are left", code, len(b.sim.Webhooks("ada")))
		}
	})
}

func TestNothingIsSentWithoutConsent(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stdin    string
		terminal bool
		args     []string
		says     string
	}{
		"no terminal":   {"yes\n", false, nil, "give -yes"},
		"no":            {"no\n", true, nil, "nothing was sent"},
		"only a return": {"\n", true, nil, "nothing was sent"},
		"end of input":  {"", true, nil, "nothing was sent"},
		"plain http":    {"", true, []string{"-yes", "-url=http://hooks.example/"}, "not an absolute https URL"},
		"unknown flag":  {"", true, []string{"-force"}, "flag provided but not defined"},
		"help":          {"", true, []string{"-h"}, "-yes"},
	} {
		bubble(t, titanxsim.Config{}, func(b *bench) {
			b.stdin, b.terminal = tc.stdin, tc.terminal
			code := b.run(b.Context(), tc.args...)
			if want := map[bool]int{true: exitCovered, false: exitTrouble}[name == "help"]; code != want || b.requests != 0 {
				b.Errorf("%s: exit code %d after %d requests", name, code, b.requests)
			}
			if !strings.Contains(b.stderr.String(), tc.says) {
				b.Errorf("%s: it says %q", name, b.stderr.String())
			}
		})
	}
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.stdin, b.terminal = "y\n", true
		if code := b.run(b.Context()); code != exitCovered || !strings.Contains(b.stderr.String(), "at most 19 requests") {
			b.Errorf("after a yes: exit code %d, it says %q", code, b.stderr.String())
		}
	})
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.key = ""
		if code := b.run(b.Context(), "-yes"); code != exitTrouble || !strings.Contains(b.stderr.String(), "set TITANX_API_KEY") {
			b.Errorf("without a key: exit code %d, it says %q", code, b.stderr.String())
		}
	})
}

// TestNotCovered answers in ways that the provider cannot read, and wants that told.
func TestNotCovered(t *testing.T) {
	t.Parallel()
	for doubt, fault := range map[string]titanxsim.Fault{
		"list":                  {Call: titanxsim.CallList, Kind: titanxsim.FaultOtherShape},
		"answer to a wrong key": {Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 200, Body: []byte(`[]`), After: 1, Times: 1},
		"answer to a create":    {Call: titanxsim.CallCreate, Kind: titanxsim.FaultOtherShape, Commit: true},
		"get one":               {Call: titanxsim.CallGet, Kind: titanxsim.FaultOtherShape, Times: 1},
		"get of an absent id":   {Call: titanxsim.CallGet, Kind: titanxsim.FaultStatus, Status: 400, After: 1},
		"status change":         {Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultStatus, Status: 400, Times: 1},
		"delete":                {Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: 403, Times: 1},
		"keys of a webhook":     {Call: titanxsim.CallSetStatus, Kind: titanxsim.FaultEmpty, Times: 1},
	} {
		bubble(t, titanxsim.Config{}, func(b *bench) {
			b.sim.Inject(fault)
			code := b.run(b.Context(), "-yes", "-json")
			if got := b.report().seen(doubt); got.Covered != notCovered || got.Why == "" || code != exitNotCovered {
				b.Errorf("%s: %+v, exit code %d", doubt, got, code)
			}
			if left := b.sim.Webhooks("ada"); len(left) > 0 {
				b.Errorf("%s: %d webhooks are left", doubt, len(left))
			}
		})
	}
}

func TestRefusedKeyIsTrouble(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.key = "another"
		if code := b.run(b.Context(), "-yes"); code != exitTrouble || !strings.Contains(b.stdout.String(), "Not finished: list webhooks") || b.requests != 1 {
			b.Errorf("exit code %d after %d requests:\n%s", code, b.requests, b.stdout.String())
		}
	})
}

func TestUnusedRateHeadersAreNotCovered(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 200, Body: []byte(`[]`), Times: 1, Header: http.Header{
			"X-Ratelimit-Limit-Week": {"9"}, "X-Ratelimit-Remaining-Week": {"8"}, "X-Ratelimit-Reset-Week": {fmt.Sprint(time.Now().Unix() + 3600)},
		}})
		b.run(b.Context(), "-yes", "-json")
		if got := b.report().seen("rate headers"); got.Covered != notCovered || !strings.Contains(got.Why, "Week") {
			b.Errorf("%+v", got)
		}
	})
}

func TestReportIsRedacted(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		r := report{
			Findings: []finding{{Doubt: "delete", Seen: "CANARY-a", Covered: notCovered, Why: "CANARY-b"}}, Trouble: "CANARY-a",
			LeftBehind: []string{"CANARY-b"}, secrets: []string{"CANARY-a", "", "CANARY-b"},
		}
		var out bytes.Buffer
		if err := r.write(&out, asJSON); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "CANARY") || strings.Count(out.String(), "(redacted)") != 4 {
			t.Errorf("JSON %t: %s", asJSON, out.String())
		}
	}
}

// TestCrowdedAccount has more webhooks than a check may list, and makes it as long as it can be: it keeps to its number of
// requests. A lost webhook is looked for on every page all the same.
func TestCrowdedAccount(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		bubble(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "cursor", UnknownEvent: "accepted"}}, func(b *bench) {
			const crowd = 100
			for range crowd {
				b.sim.Put("ada", titanxsim.Webhook{Name: "other", URL: "https://other.example/"})
			}
			// What makes a check longest: every odd create is accepted.
			want, fault := exitCovered, titanxsim.Fault{
				Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: http.StatusCreated, Body: []byte(`{"id":"odd","secret":"CANARY"}`), After: 4,
			}
			if lost {
				want, fault = exitTrouble, titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: 1}
			}
			b.sim.Inject(fault)
			if code := b.run(b.Context(), "-yes", "-json"); code != want || len(b.sim.Webhooks("ada")) != crowd {
				b.Errorf("lost %t: exit code %d, %d webhooks", lost, code, len(b.sim.Webhooks("ada")))
			}
			if got := b.report().seen("webhook in the list").Seen; !lost && got != "not among the first 4" {
				b.Errorf("the webhook is %s", got)
			}
			if !lost && b.requests != maxRequests {
				b.Errorf("%d requests", b.requests)
			}
		})
	}
}

func TestEchoedKeyIsNotShown(t *testing.T) {
	t.Parallel()
	bubble(t, titanxsim.Config{}, func(b *bench) {
		b.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: 403, Body: []byte("not for " + b.key)})
		b.run(b.Context(), "-yes")
		if strings.Contains(b.stdout.String(), b.key) || !strings.Contains(b.stdout.String(), "not for (redacted) (if that is about the url, name one with -url)") {
			b.Errorf("the key is not redacted:\n%s", strings.ReplaceAll(b.stdout.String(), b.key, "THE KEY"))
		}
	})
}

func TestCompare(t *testing.T) {
	t.Parallel()
	c := &check{first: made{request: titanx.CreateRequest{Name: "n", URL: "https://a.example/", EventTypes: []string{"e"}}}}
	whole := titanx.Webhook{Name: "n", URL: "https://A.example", EventTypes: []string{"e"}, Status: "active", CreatedAt: time.Unix(1, 0)}
	for want, garble := range map[string]func(*titanx.Webhook){
		"":          func(w *titanx.Webhook) { w.Name = "" }, // not said
		"name":      func(w *titanx.Webhook) { w.Name = "other" },
		"url":       func(w *titanx.Webhook) { w.URL = "" },
		"events":    func(w *titanx.Webhook) { w.EventTypes = nil },
		"status":    func(w *titanx.Webhook) { w.Status = "inactive" },
		"createdAt": func(w *titanx.Webhook) { w.CreatedAt = time.Time{} },
	} {
		w := whole
		garble(&w)
		if err := c.compare(w); (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), " its "+want) {
			t.Errorf("without its %q: %v", want, err)
		}
	}
}
