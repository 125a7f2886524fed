// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	testDeliveryType = "titanx_test_delivery"
	canarySecret     = "whsec_CANARY"
)

func (p *protocolServer) actionConfig(config object) *tfprotov6.DynamicValue {
	return p.dynamic(p.schemas.ActionSchemas[testDeliveryType].Schema, config)
}

func (p *protocolServer) validateAction(config object) []*tfprotov6.Diagnostic {
	p.t.Helper()
	resp, err := p.ValidateActionConfig(context.Background(), &tfprotov6.ValidateActionConfigRequest{
		ActionType: testDeliveryType, Config: p.actionConfig(config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Diagnostics
}

// invoke plans and runs the action, and returns its progress and its outcome.
func (p *protocolServer) invoke(ctx context.Context, config object) (progress []string, diags []*tfprotov6.Diagnostic) {
	p.t.Helper()
	planned, err := p.PlanAction(ctx, &tfprotov6.PlanActionRequest{ActionType: testDeliveryType, Config: p.actionConfig(config)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.mustSucceed(planned.Diagnostics)
	stream, err := p.InvokeAction(ctx, &tfprotov6.InvokeActionRequest{ActionType: testDeliveryType, Config: p.actionConfig(config)})
	if err != nil {
		p.t.Fatal(err)
	}
	for event := range stream.Events {
		switch event := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, event.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			diags = event.Diagnostics
		}
	}
	for _, line := range append(summaries(diags), progress...) {
		if strings.Contains(line, "CANARY") {
			p.t.Errorf("a secret is told: %s", line)
		}
	}
	return progress, diags
}

// receiver is an HTTPS server that the provider trusts where trusted is set.
func (s *simulation) receiver(trusted bool, handle http.HandlerFunc) *url.URL {
	s.t.Helper()
	server := httptest.NewUnstartedServer(handle)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a refused certificate is what some tests want
	server.StartTLS()
	s.t.Cleanup(server.Close)
	if trusted {
		s.receivers = server.Client().Transport
	}
	address, err := url.Parse(server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return address
}

// event is the documented body of a delivery.
type event struct {
	Payload    json.RawMessage `json:"payload"`
	EventType  string          `json:"eventType"`
	Timestamp  int64           `json:"timestamp"`
	APIVersion string          `json:"apiVersion"`
	ID         string          `json:"id"`
}

func TestTestDelivery_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		config             object
		eventType, payload string
	}{
		"default":     {object{}, "job.contact.scored", string(delivery.SamplePayload("job.contact.scored"))},
		"completed":   {object{"event_type": "job.completed"}, "job.completed", string(delivery.SamplePayload("job.completed"))},
		"new event":   {object{"event_type": "job.paused"}, "job.paused", string(delivery.SamplePayload("job.paused"))},
		"own payload": {object{"payload": `{ "lead" :1.0,"next":"<\/>"}`}, "job.contact.scored", `{ "lead" :1.0,"next":"<\/>"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			var got *http.Request
			var body, forged []byte
			to := s.receiver(true, func(w http.ResponseWriter, r *http.Request) {
				read, _ := io.ReadAll(r.Body)
				if !signature.Verify(canarySecret, read, r.Header.Get(signature.Header)) {
					forged = read
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				got, body = r, read
				w.WriteHeader(http.StatusAccepted)
			})
			p, _ := s.tryProtocol(object{"api_key": unknown})
			config := object{"url": to.String() + "/hook?token=CANARY", "secret": canarySecret}
			maps.Copy(config, tc.config)
			progress, diags := p.invoke(t.Context(), config)
			p.mustSucceed(diags)
			want := []string{
				"Delivering a sample " + tc.eventType + " with a wrong signature to " + to.Host, to.Host + " answered 401 Unauthorized",
				"Delivering a sample " + tc.eventType + " to " + to.Host, to.Host + " answered 202 Accepted",
			}
			if !slices.Equal(progress, want) {
				t.Errorf("progress %s", cmp.Diff(want, progress))
			}
			if got == nil {
				t.Fatal("nothing was delivered")
			}
			mustBeDelivery(t, got, body, tc.eventType, tc.payload)
			if !bytes.Equal(forged, body) {
				t.Errorf("with a wrong signature came %s, want %s", forged, body)
			}
			if n := len(s.Requests()); n != 0 {
				t.Errorf("%d requests to the API", n)
			}
		})
	}
}

// mustBeDelivery compares a request with what TitanX documents of its own.
func mustBeDelivery(t *testing.T, got *http.Request, body []byte, eventType, payload string) {
	t.Helper()
	if got.Method != http.MethodPost || got.URL.Path != "/hook" {
		t.Errorf("%s %s, want POST /hook", got.Method, got.URL.Path)
	}
	for header, want := range map[string]string{"Content-Type": "application/json", "User-Agent": "TitanX-Webhooks/1.0"} {
		if value := got.Header.Get(header); value != want {
			t.Errorf("%s: %q, want %q", header, value, want)
		}
	}
	var e event
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatalf("body %s: %v", body, err)
	}
	if e.EventType != eventType || e.APIVersion != "v2" || e.Timestamp < 1_700_000_000_000 || string(e.Payload) != payload {
		t.Errorf("body %s", body)
	}
	if len(e.ID) != 36 || e.ID[14] != '4' || strings.Count(e.ID, "-") != 4 {
		t.Errorf("id %q is no UUID", e.ID)
	}
}

func TestTestDelivery_answers_protocol(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		attribute, text string
		forged          string // in the diagnostic if a wrong signature is answered so
		deliveries      int
	}{
		200: {"", "", "does not verify", 1}, 204: {"", "", "does not verify", 1}, 299: {"", "", "does not verify", 1},
		301: {"url", "Set url to the final address", "Set url to the final address", 1},
		307: {"url", "Set url to the final address", "Set url to the final address", 1},
		400: {"url", "will never send this again", "", 3},
		401: {"secret", "another signing secret", "", 3},
		403: {"secret", "another signing secret", "", 3},
		404: {"url", "Check the path", "", 1},
		408: {"url", "up to 3 days", "", 1},
		429: {"url", "up to 3 days", "", 1},
		503: {"url", "up to 3 days", "must answer with 401", 1},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			requests := 0
			to := s.receiver(true, func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				if status != http.StatusNoContent {
					_, _ = io.WriteString(w, "CANARY body")
				}
			})
			p := s.protocol(nil)
			_, diags := p.invoke(t.Context(), object{"url": to.String(), "secret": canarySecret, "send_wrong_signature": false})
			if want.attribute == "" && len(diags) != 0 || want.attribute != "" && (len(diags) != 1 || !has(diags, isError, want.attribute, want.text)) {
				t.Errorf("%d: %v", status, summaries(diags))
			}
			if requests != want.deliveries {
				t.Errorf("%d requests, want %d", requests, want.deliveries)
			}
			forged, attribute := want.forged, "url"
			if forged == "" {
				forged, attribute = want.text, want.attribute
			}
			_, diags = p.invoke(t.Context(), object{"url": to.String(), "secret": canarySecret})
			if len(diags) != 1 || !has(diags, isError, attribute, forged) {
				t.Errorf("%d to a wrong signature: %v", status, summaries(diags))
			}
		})
	}
}

// TestTestDelivery_brokenReceivers_protocol checks that each way to verify
// wrongly is refused with a message that names it.
func TestTestDelivery_brokenReceivers_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		accepts   func(body []byte, sig string) bool
		attribute string
		texts     []string
	}{
		"re-encodes": {
			func(body []byte, sig string) bool {
				var v any
				if err := json.Unmarshal(body, &v); err != nil {
					return false
				}
				encoded, err := json.Marshal(v)
				return err == nil && signature.Verify(canarySecret, encoded, sig)
			},
			"url", []string{"a different body than the one that was sent", "JSON.stringify", "before any parser"},
		},
		"checks nothing": {
			func([]byte, string) bool { return true },
			"url", []string{"does not verify", "Anyone who learns its URL can send it events", "send_wrong_signature = false"},
		},
		"compares the first characters": {
			func(body []byte, sig string) bool {
				return strings.HasPrefix(sig, signature.Sign(canarySecret, body)[:10])
			},
			"url", []string{"only part of the signature", "the first characters", "whole X-TitanX-Signature"},
		},
		"has another secret": {
			func([]byte, string) bool { return false },
			"secret", []string{"another signing secret", "will never send this again"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			to := s.receiver(true, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || !tc.accepts(body, r.Header.Get(signature.Header)) {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			_, diags := s.protocol(nil).invoke(t.Context(), object{"url": to.String(), "secret": canarySecret})
			if len(diags) != 1 {
				t.Fatalf("%d diagnostics, want 1: %v", len(diags), summaries(diags))
			}
			for _, text := range tc.texts {
				if !has(diags, isError, tc.attribute, text) {
					t.Errorf("the error does not say %q: %v", text, summaries(diags))
				}
			}
		})
	}
}

func TestTestDelivery_unanswered_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	untrusted := s.receiver(false, func(http.ResponseWriter, *http.Request) { t.Error("a delivery over an untrusted connection") })
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	p := s.protocol(nil)
	for name, tc := range map[string]struct{ url, text string }{
		"untrusted certificate": {untrusted.String(), "SSL_CERT_FILE"},
		"no TLS":                {strings.Replace(plain.URL, "http:", "https:", 1), "not over TLS"},
		"nobody there":          {strings.Replace(gone.URL, "http:", "https:", 1), "connection refused"},
	} {
		_, diags := p.invoke(t.Context(), object{"url": tc.url + "?token=CANARY", "secret": canarySecret})
		if len(diags) != 1 || !has(diags, isError, "url", tc.text) {
			t.Errorf("%s: %v", name, summaries(diags))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, diags := p.invoke(ctx, object{"url": untrusted.String(), "secret": canarySecret})
	if len(diags) != 1 || !has(diags, isError, "", "interrupted") {
		t.Errorf("cancelled: %v", summaries(diags))
	}
}

// silent is a receiver that takes requests and never answers.
type silent struct{}

func (silent) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestTestDelivery_slowReceiver_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	s.receivers = silent{}
	p := s.protocol(nil)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now() // the bubble's clock: it stands still but for the wait
		_, diags := p.invoke(t.Context(), object{"url": "https://hooks.example.com/titanx", "secret": canarySecret})
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("waited %s, TitanX waits 10s", waited)
		}
		if len(diags) != 1 || !has(diags, isError, "url", "did not answer within 10s") {
			t.Errorf("%v", summaries(diags))
		}
	})
}

func TestTestDelivery_arguments_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	to := s.receiver(true, func(http.ResponseWriter, *http.Request) { t.Error("a delivery of bad arguments") })
	p := s.protocol(nil)
	valid := object{"url": to.String(), "secret": canarySecret}
	for name, tc := range map[string]struct {
		argument string
		value    any
		text     string
		severity tfprotov6.DiagnosticSeverity
		late     bool // refused as well where it was unknown to the validation
	}{
		"http":            {"url", "http://127.0.0.1/hook", "Use https://", isError, true},
		"user info":       {"url", "https://user@127.0.0.1/hook", "Remove it", isError, true},
		"empty secret":    {"secret", "", "at least 1", isError, false},
		"malformed event": {"event_type", "scored", "not the name of an event", isError, false},
		"unknown event":   {"event_type", "job.complete", "Known events: job.completed and job.contact.scored", isWarning, false},
		"no JSON":         {"payload", "{", "jsonencode", isError, true},
		"a JSON array":    {"payload", "[]", "jsonencode", isError, true},
		"JSON null":       {"payload", "null", "jsonencode", isError, true},
		"empty payload":   {"payload", "", "jsonencode", isError, true},
	} {
		config := object{"url": valid["url"], "secret": valid["secret"], tc.argument: tc.value}
		if diags := p.validateAction(config); len(diags) != 1 || !has(diags, tc.severity, tc.argument, tc.text) {
			t.Errorf("%s: %v", name, summaries(diags))
		}
		if !tc.late {
			continue
		}
		if _, diags := p.invoke(t.Context(), config); len(diags) != 1 || !has(diags, isError, tc.argument, tc.text) {
			t.Errorf("%s, unknown until now: %v", name, summaries(diags))
		}
	}
	for _, secret := range []any{"", nil} {
		if _, diags := p.invoke(t.Context(), object{"url": to.String(), "secret": secret}); len(diags) != 1 || !has(diags, isError, "secret", "secret_status") || !has(diags, isError, "secret", "Trigger the action from a resource") {
			t.Errorf("secret %v: %v", secret, summaries(diags))
		}
	}
	for _, config := range []object{valid, {"url": unknown, "secret": unknown, "event_type": unknown, "payload": unknown}} {
		if diags := p.validateAction(config); len(diags) != 0 {
			t.Errorf("%v: %v", config, summaries(diags))
		}
	}
	for _, a := range p.schemas.ActionSchemas[testDeliveryType].Schema.Block.Attributes {
		if a.WriteOnly != (a.Name == "secret") {
			t.Errorf("%s: write-only is %v", a.Name, a.WriteOnly)
		}
	}
}
