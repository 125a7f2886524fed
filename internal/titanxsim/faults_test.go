// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// faultChecks prove what each kind does to the answer of a create.
var faultChecks = map[titanxsim.FaultKind]func(*testing.T, response, error){
	titanxsim.FaultStatus: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 503)
		expect(t, r.body, "CANARY body")
	},
	titanxsim.FaultReset: func(t *testing.T, _ response, err error) {
		expect(t, errors.Is(err, syscall.ECONNRESET), true)
	},
	titanxsim.FaultCut: func(t *testing.T, r response, err error) {
		expect(t, errors.Is(err, io.ErrUnexpectedEOF), true)
		expectStatus(t, r, 201)
		expect(t, strings.HasPrefix(r.body, `{"payload":{"id":"`), true)
	},
	titanxsim.FaultDelay: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 201)
		expect(t, at(r.json(t), "payload", "name"), "crm")
	},
	titanxsim.FaultHuge:     hugeAnswer,
	titanxsim.FaultGzipBomb: hugeAnswer,
	titanxsim.FaultEmpty: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectEmpty(t, r, 200)
	},
	titanxsim.FaultHTML: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 200)
		expect(t, strings.Contains(r.body, "<html>"), true)
	},
	titanxsim.FaultTruncated: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 200)
		expect(t, strings.HasPrefix(r.body, `{"payload":{"id":"`) && !json.Valid([]byte(r.body)), true)
	},
	titanxsim.FaultOtherShape: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 200)
		_, list := at(r.json(t), "payload").([]any)
		expect(t, list, true)
	},
	titanxsim.FaultRedirect: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 307)
		expect(t, r.header.Get("Location"), "https://redirected.example/")
	},
	titanxsim.FaultSlowBody: func(t *testing.T, r response, err error) {
		expect(t, err, nil)
		expectStatus(t, r, 201)
		expect(t, at(r.json(t), "payload", "name"), "crm")
	},
}

func hugeAnswer(t *testing.T, r response, err error) {
	t.Helper()
	expect(t, err, nil)
	expectStatus(t, r, 200)
	expect(t, len(r.body), maxRead)
	expect(t, strings.HasPrefix(r.body, `{"payload":{"id":"xxx`), true)
}

func TestFault_huge(t *testing.T) {
	t.Parallel()
	for _, kind := range []titanxsim.FaultKind{titanxsim.FaultHuge, titanxsim.FaultGzipBomb} {
		sim := titanxsim.New(titanxsim.Config{})
		t.Cleanup(sim.Close)
		sim.Inject(titanxsim.Fault{Kind: kind})
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, titanxsim.BasePath+"/webhooks", http.NoBody))
		var body io.Reader = w.Body
		if w.Header().Get("Content-Encoding") == "gzip" {
			expect(t, w.Body.Len() < 1<<20, true)
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		head, tail := make([]byte, 20), make([]byte, 5)
		_, headErr := io.ReadFull(body, head)
		n, err := io.CopyN(io.Discard, body, 20<<20-4)
		_, tailErr := io.ReadFull(body, tail)
		expect(t, errors.Join(headErr, err, tailErr), nil)
		expect(t, n, int64(20<<20-4))
		expect(t, string(head)+string(tail), `{"payload":{"id":"xxxx"}}`)
	}
}

func TestFault_kinds(t *testing.T) {
	t.Parallel()
	for _, kind := range titanxsim.FaultKinds() {
		for _, commit := range []bool{false, true} {
			name := string(kind) + "/no effect"
			if commit {
				name = string(kind) + "/commit"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := start(t, titanxsim.Config{})
				fault := titanxsim.Fault{Call: titanxsim.CallCreate, Times: 1, Kind: kind, Commit: commit, Delay: time.Microsecond}
				if kind == titanxsim.FaultStatus {
					fault.Status, fault.Body = 503, []byte("CANARY body")
				}
				b.sim.Inject(fault)
				b.do("GET", "/webhooks", "") // another call is let through
				resp, err := b.try(b.keys["ada"], "POST", titanxsim.BasePath+"/webhooks", validCreate)
				faultChecks[kind](t, resp, err)

				held := 0
				if commit || kind == titanxsim.FaultDelay { // without commit, a delay only comes before the effect
					held = 1
				}
				expect(t, len(b.sim.Webhooks("ada")), held)
				status := resp.status
				if err != nil {
					status = 0
				}
				expect(t, b.sim.Requests(titanxsim.CallCreate)[0].Status, status)
				expectStatus(t, b.do("POST", "/webhooks", validCreate), 201) // the fault is spent
			})
		}
	}
}

func TestFault_calls(t *testing.T) {
	t.Parallel()
	for call, request := range map[titanxsim.Call][2]string{
		titanxsim.CallCreate:    {"POST", "/webhooks"},
		titanxsim.CallList:      {"GET", "/webhooks"},
		titanxsim.CallGet:       {"GET", "/webhooks/ID"},
		titanxsim.CallSetStatus: {"POST", "/webhooks/ID/inactive"},
		titanxsim.CallDelete:    {"DELETE", "/webhooks/ID"},
		titanxsim.CallOther:     {"GET", "/elsewhere"},
		"":                      {"GET", "/webhooks"},
	} {
		for _, kind := range []titanxsim.FaultKind{titanxsim.FaultStatus, titanxsim.FaultCut, titanxsim.FaultTruncated} {
			t.Run(string(call)+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				b := start(t, titanxsim.Config{})
				id := b.create().ID
				b.sim.Inject(titanxsim.Fault{Call: call, Kind: kind})
				path := titanxsim.BasePath + strings.ReplaceAll(request[1], "ID", id)
				for range 3 {
					resp, err := b.try(b.keys["ada"], request[0], path, validCreate)
					if err == nil && resp.status < 500 && json.Valid([]byte(resp.body)) {
						t.Errorf("answered %d %s", resp.status, resp.body)
					}
				}
				held := b.sim.Webhooks("ada")
				expect(t, len(held), 1)
				expect(t, held[0].Status, "active")
				b.sim.ClearFaults()
				expectStatus(t, b.do("GET", "/webhooks", ""), 200)
			})
		}
	}
}

func TestFault_timesAndAfter(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Limits: titanxsim.Limits{Day: 100}})
	b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultStatus, Status: 502, After: 2, Times: 2, Header: http.Header{"X-Fault": {"1"}}})
	b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultStatus, Times: 1, After: 1})
	var got []int
	for range 7 {
		resp := b.do("GET", "/webhooks", "")
		got = append(got, resp.status)
		expect(t, resp.header.Get("X-Fault") == "1", resp.status == 502)
		expect(t, len(rateHeaders(resp.header)), 3)
	}
	// The second fault lets the first request through and shows on the next
	// that the first fault leaves alone.
	want := []int{200, 500, 502, 502, 200, 200, 200}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("statuses %v, want %v", got, want)
		}
	}
}

func TestFault_overTLS(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, kind := range []titanxsim.FaultKind{titanxsim.FaultReset, titanxsim.FaultCut} {
			sim := titanxsim.New(titanxsim.Config{})
			t.Cleanup(sim.Close)
			server := httptest.NewUnstartedServer(sim)
			server.EnableHTTP2 = http2
			server.StartTLS()
			t.Cleanup(server.Close)
			sim.Inject(titanxsim.Fault{Kind: kind})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+titanxsim.BasePath+"/webhooks", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := server.Client().Do(req)
			if err == nil {
				expect(t, resp.ProtoMajor == 2, http2)
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Errorf("%s with HTTP/2 %v: a whole answer", kind, http2)
			}
		}
	}
}

func TestFault_redirect(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	b.sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultRedirect, Status: 302, Location: "https://elsewhere.example/x"})
	resp := b.do("GET", "/webhooks", "")
	expectStatus(t, resp, 302)
	expect(t, resp.header.Get("Location"), "https://elsewhere.example/x")
}

func TestFault_unknown(t *testing.T) {
	t.Parallel()
	sim := titanxsim.New(titanxsim.Config{})
	defer sim.Close()
	for _, f := range []titanxsim.Fault{{Kind: "explode"}, {Kind: titanxsim.FaultReset, Call: "update"}} {
		func() {
			defer func() { expect(t, recover() != nil, true) }()
			sim.Inject(f)
		}()
	}
}

// TestFault_delay runs on a fake clock: the effect of a delayed create comes
// before the delay with Commit, else after it.
func TestFault_delay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		commit bool
		during int // webhooks while the caller waits
	}{"before commit": {false, 0}, "after commit": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY": "ada"}, Latency: time.Second})
				defer sim.Close()
				sim.Inject(titanxsim.Fault{Kind: titanxsim.FaultDelay, Commit: tc.commit, Delay: time.Minute})
				began := time.Now()
				go func() {
					w := httptest.NewRecorder()
					sim.ServeHTTP(w, createRequest(t))
					expect(t, w.Code, 201)
					expect(t, time.Since(began), time.Minute+time.Second)
				}()
				<-time.After(30 * time.Second)
				synctest.Wait()
				expect(t, len(sim.Requests()), 1)
				expect(t, len(sim.Webhooks("ada")), tc.during)
				<-time.After(time.Minute)
				synctest.Wait()
				expect(t, len(sim.Webhooks("ada")), 1)
			})
		})
	}
}

func TestClose_delays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY": "ada"}, Latency: time.Hour})
		began := time.Now()
		served := make(chan struct{})
		go func() {
			defer close(served)
			sim.ServeHTTP(httptest.NewRecorder(), createRequest(t))
		}()
		synctest.Wait()
		sim.Close()
		<-served
		expect(t, time.Since(began), time.Duration(0))
		expect(t, len(sim.Webhooks("ada")), 0)
	})
}

func createRequest(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", titanxsim.BasePath+"/webhooks", strings.NewReader(validCreate))
	r.Header.Set("Authorization", "Bearer CANARY")
	return r
}

// lateCommit lets a create take effect a minute after its connection was reset,
// and returns the age difference between its timestamp and its receipt.
func lateCommit(t *testing.T, d titanxsim.Dialect) (after time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY-ada": "ada"}, Dialect: d})
		defer sim.Close()
		sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, CommitAfter: time.Minute})
		received := time.Now()
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, titanxsim.BasePath+"/webhooks", strings.NewReader(validCreate))
		req.Header.Set("Authorization", "Bearer CANARY-ada")
		func() {
			defer func() { expect(t, recover(), any(http.ErrAbortHandler)) }()
			sim.ServeHTTP(httptest.NewRecorder(), req)
		}()
		expect(t, len(sim.Webhooks("ada")), 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		expect(t, len(sim.Webhooks("ada")), 1)
		after = sim.Webhooks("ada")[0].CreatedAt.Sub(received)
	})
	return after
}

func TestFault_commitAfter(t *testing.T) {
	t.Parallel()
	expect(t, lateCommit(t, titanxsim.Dialect{}), time.Duration(0))
}
