// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// receiver is an HTTPS receiver that answers with the given statuses in turn,
// the last one for ever.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	headers  []http.Header
	bodies   []string
}

func newReceiver(t *testing.T, statuses ...int) *receiver {
	t.Helper()
	r := &receiver{statuses: statuses}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.headers = append(r.headers, req.Header)
		r.bodies = append(r.bodies, string(body))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.statuses[min(len(r.bodies), len(r.statuses))-1])
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) received() ([]http.Header, []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.headers), slices.Clone(r.bodies)
}

func waitForDeliveries(t *testing.T, sim *titanxsim.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := sim.WaitForDeliveries(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	now := time.UnixMilli(1767323045678)
	sim := titanxsim.New(titanxsim.Config{DeliveryTransport: r.Client().Transport, Now: func() time.Time { return now }})
	t.Cleanup(sim.Close)
	w := sim.Put("ada", titanxsim.Webhook{URL: r.URL + "/in?x=1", EventTypes: []string{"job.contact.scored"}})

	id := sim.Fire("ada", "job.contact.scored", map[string]string{"email": "ada@customer.example"})
	waitForDeliveries(t, sim)
	headers, bodies := r.received()
	if len(bodies) != 1 {
		t.Fatalf("%d deliveries, want 1", len(bodies))
	}
	want := `{"payload": {"email":"ada@customer.example"},"eventType":"job.contact.scored","timestamp":1767323045678,"apiVersion":"v2","id":"` + id + "\"}\n"
	if diff := cmp.Diff(want, bodies[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	expect(t, headers[0].Get("Content-Type"), "application/json")
	expect(t, headers[0].Get("User-Agent"), "TitanX-Webhooks/1.0")
	expect(t, signature.Verify(w.Secret, []byte(bodies[0]), headers[0].Get("X-TitanX-Signature")), true)

	wantLog := []titanxsim.Delivery{{
		WebhookID: w.ID, URL: w.URL, EventID: id, EventType: "job.contact.scored", Attempt: 1, Status: 200, Verdict: "200: delivered",
		Signature: headers[0].Get("X-TitanX-Signature"), Body: bodies[0], Time: now,
	}}
	if diff := cmp.Diff(wantLog, sim.Deliveries()); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestDelivery_subscribers(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 204)
	sim := titanxsim.New(titanxsim.Config{DeliveryTransport: r.Client().Transport})
	t.Cleanup(sim.Close)
	both := []string{"job.completed", "job.contact.scored"}
	sim.Put("ada", titanxsim.Webhook{ID: "both", URL: r.URL, EventTypes: both})
	sim.Put("ada", titanxsim.Webhook{ID: "one", URL: r.URL, EventTypes: both[:1]})
	sim.Put("ada", titanxsim.Webhook{ID: "inactive", URL: r.URL, EventTypes: both, Status: "inactive"})
	sim.Put("ada", titanxsim.Webhook{ID: "removed", URL: r.URL, EventTypes: both})
	sim.Remove("ada", "removed")
	sim.Put("bob", titanxsim.Webhook{ID: "bob's", URL: r.URL, EventTypes: both})

	for event, want := range map[string][]string{"job.completed": {"both", "one"}, "job.contact.scored": {"both"}, "job.new": nil} {
		id := sim.Fire("ada", event, nil)
		waitForDeliveries(t, sim)
		var got []string
		for _, d := range sim.Deliveries() {
			if d.EventID == id {
				got = append(got, d.WebhookID)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", event, diff)
		}
	}
}

func TestDelivery_retries(t *testing.T) {
	t.Parallel()
	const again, final = "TitanX will send this again, for up to 3 days. Only 408, 429, and 5xx are repeated",
		"TitanX will never send this again. Only 408, 429, and 5xx are repeated"
	for name, tc := range map[string]struct {
		answers  []int
		attempts int
		verdict  string // the last one
	}{
		"200":              {[]int{200}, 1, "200: delivered"},
		"204":              {[]int{204}, 1, "204: delivered"},
		"299":              {[]int{299}, 1, "299: delivered"},
		"redirect":         {[]int{302}, 1, "302: TitanX will never send this again (assumed). It follows no redirect"},
		"400":              {[]int{400}, 1, "400: " + final},
		"401":              {[]int{401}, 1, "401: " + final},
		"404":              {[]int{404}, 1, "404: " + final},
		"410":              {[]int{410}, 1, "410: " + final},
		"408, then fine":   {[]int{408, 200}, 2, "200: delivered"},
		"429, then fine":   {[]int{429, 200}, 2, "200: delivered"},
		"500, then fine":   {[]int{500, 200}, 2, "200: delivered"},
		"503, then fine":   {[]int{503, 502, 504, 200}, 4, "200: delivered"},
		"500, then 404":    {[]int{500, 404}, 2, "404: " + final},
		"never fine":       {[]int{500}, 6, "500: " + again + ". This was the last attempt"},
		"never fine (429)": {[]int{429}, 6, "429: " + again + ". This was the last attempt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, tc.answers...)
			sim := titanxsim.New(titanxsim.Config{DeliveryTransport: r.Client().Transport, Backoff: upToFiveRetries})
			t.Cleanup(sim.Close)
			w := sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}})
			id := sim.Fire("ada", "job.completed", map[string]string{"jobStatus": "Finalized"})
			waitForDeliveries(t, sim)

			headers, bodies := r.received()
			expect(t, len(bodies), tc.attempts)
			for i, body := range bodies {
				expect(t, body, bodies[0]) // the id and the timestamp stay
				expect(t, signature.Verify(w.Secret, []byte(body), headers[i].Get(signature.Header)), true)
			}
			log := sim.Deliveries()
			expect(t, log[len(log)-1].Verdict, tc.verdict)
			for i, d := range log {
				expect(t, d.Attempt, i+1)
				if answer := tc.answers[min(i, len(tc.answers)-1)]; i < len(log)-1 {
					expect(t, d.Verdict, fmt.Sprintf("%d: %s", answer, again))
				}
				expect(t, d.EventID, id)
				expect(t, d.Status, tc.answers[min(i, len(tc.answers)-1)])
			}
		})
	}
}

// upToFiveRetries is a scaled backoff that ends.
func upToFiveRetries(attempt int) time.Duration {
	if attempt > 5 {
		return -1
	}
	return time.Microsecond
}

func TestDelivery_unreachableReceiver(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	r.Close()
	sim := titanxsim.New(titanxsim.Config{DeliveryTransport: r.Client().Transport, Backoff: upToFiveRetries})
	t.Cleanup(sim.Close)
	sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}})
	sim.Fire("ada", "job.completed", nil)
	waitForDeliveries(t, sim)
	log := sim.Deliveries()
	expect(t, len(log), 6)
	expect(t, log[0].Status, 0)
	expect(t, regexp.MustCompile("refused").MatchString(log[0].Err), true)
	expect(t, log[0].Verdict, "no answer: TitanX will send this again, for up to 3 days (assumed)")
}

func TestDelivery_untrustedReceiver(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	sim := titanxsim.New(titanxsim.Config{Backoff: func(int) time.Duration { return -1 }})
	t.Cleanup(sim.Close)
	sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}})
	sim.Fire("ada", "job.completed", nil)
	waitForDeliveries(t, sim)
	_, bodies := r.received()
	expect(t, len(bodies), 0)
	expect(t, regexp.MustCompile("certificate").MatchString(sim.Deliveries()[0].Err), true)
}

// stub answers deliveries without a network, for the fake clock.
type stub func(*http.Request) (*http.Response, error)

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func TestDefaultBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refuse := stub(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody}, nil
		})
		sim := titanxsim.New(titanxsim.Config{DeliveryTransport: refuse})
		defer sim.Close()
		sim.Put("ada", titanxsim.Webhook{URL: "https://a.example", EventTypes: []string{"job.completed"}})
		began := time.Now()
		sim.Fire("ada", "job.completed", nil)
		if err := sim.WaitForDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
		log := sim.Deliveries()
		for i := 2; i < len(log); i++ {
			expect(t, log[i].Time.Sub(log[i-1].Time), 2*log[i-1].Time.Sub(log[i-2].Time))
		}
		if d := time.Since(began); d < 48*time.Hour || d > 72*time.Hour {
			t.Errorf("gave up after %s, want about three days", d)
		}
	})
}

func TestDelivery_slowReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		never := stub(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		sim := titanxsim.New(titanxsim.Config{
			DeliveryTransport: never, Backoff: func(int) time.Duration { return -1 },
		})
		defer sim.Close()
		sim.Put("ada", titanxsim.Webhook{URL: "https://a.example", EventTypes: []string{"job.completed"}})
		began := time.Now()
		sim.Fire("ada", "job.completed", nil)
		if err := sim.WaitForDeliveries(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(t, time.Since(began), 10*time.Second)
		expect(t, sim.Deliveries()[0].Status, 0)
	})
}

// TestDelivery_changedBeforeRetry: a webhook that is gone or inactive by then
// gets no retry, and one that was changed gets its new url.
func TestDelivery_changedBeforeRetry(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*titanxsim.Server, titanxsim.Webhook)
		want   []string
	}{
		"removed":  {func(s *titanxsim.Server, w titanxsim.Webhook) { s.Remove("ada", w.ID) }, []string{"https://a.example"}},
		"inactive": {func(s *titanxsim.Server, w titanxsim.Webhook) { w.Status = "inactive"; s.Put("ada", w) }, []string{"https://a.example"}},
		"moved": {
			func(s *titanxsim.Server, w titanxsim.Webhook) { w.URL = "https://b.example"; s.Put("ada", w) },
			[]string{"https://a.example", "https://b.example"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var got []string
				record := stub(func(r *http.Request) (*http.Response, error) {
					got = append(got, r.URL.String())
					return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody}, nil
				})
				sim := titanxsim.New(titanxsim.Config{
					DeliveryTransport: record,
					Backoff: func(attempt int) time.Duration {
						if attempt == 2 {
							return -1
						}
						return time.Minute
					},
				})
				defer sim.Close()
				w := sim.Put("ada", titanxsim.Webhook{URL: "https://a.example", EventTypes: []string{"job.completed"}})
				sim.Fire("ada", "job.completed", nil)
				synctest.Wait()
				tc.change(sim, w)
				if err := sim.WaitForDeliveries(t.Context()); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestClose_deliveries: synctest fails when a goroutine is left.
func TestClose_deliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts atomic.Int32
		hang := stub(func(r *http.Request) (*http.Response, error) {
			attempts.Add(1)
			if r.URL.Host == "hangs.example" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: http.StatusInternalServerError, Body: http.NoBody}, nil
		})
		sim := titanxsim.New(titanxsim.Config{DeliveryTransport: hang})
		sim.Put("ada", titanxsim.Webhook{URL: "https://hangs.example", EventTypes: []string{"job.completed"}})
		sim.Put("ada", titanxsim.Webhook{URL: "https://refuses.example", EventTypes: []string{"job.completed"}})
		sim.Fire("ada", "job.completed", nil)
		synctest.Wait() // one delivery hangs, the other waits to retry

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		expect(t, sim.WaitForDeliveries(ctx), context.DeadlineExceeded)
		sim.Close()
		sim.Close()
		expect(t, sim.WaitForDeliveries(t.Context()), nil)
		sim.Fire("ada", "job.completed", nil)
		synctest.Wait()
		expect(t, attempts.Load(), int32(2))
		expect(t, len(sim.Deliveries()), 1)
	})
}

func TestFire_payload(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	sim := titanxsim.New(titanxsim.Config{DeliveryTransport: r.Client().Transport})
	t.Cleanup(sim.Close)
	sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}})
	sim.Fire("ada", "job.completed", json.RawMessage(`{ "jobStatus" :"Not\u0020Enriched"}`))
	waitForDeliveries(t, sim)
	_, bodies := r.received()
	expect(t, strings.HasPrefix(bodies[0], `{"payload": { "jobStatus" :"Not\u0020Enriched"},`), true)
}

// TestDelivery_unreadableSecret: what cannot be signed is not sent, and not
// repeated.
func TestDelivery_unreadableSecret(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 200)
	sim := titanxsim.New(titanxsim.Config{
		DeliveryTransport: r.Client().Transport, Backoff: upToFiveRetries, Dialect: titanxsim.Dialect{SecretReading: "decoded"},
	})
	t.Cleanup(sim.Close)
	sim.Put("ada", titanxsim.Webhook{URL: r.URL, EventTypes: []string{"job.completed"}, Secret: "whsec_CANARY!"})
	sim.Fire("ada", "job.completed", nil)
	waitForDeliveries(t, sim)
	_, bodies := r.received()
	expect(t, len(bodies), 0)
	log := sim.Deliveries()
	expect(t, len(log), 1)
	expect(t, log[0].Verdict, "not sent: the dialect cannot read this secret")
	expect(t, strings.Contains(log[0].Err, "CANARY"), false)
}
