// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package delivery_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

const secret = "whsec_CANARY"

// receiver is a handler that deliveries reach without a network.
type receiver struct {
	handle http.HandlerFunc
	bodies []string
	err    error // if not nil, of the delivery after len(bodies) deliveries
	failAt int
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if r.bodies = append(r.bodies, string(body)); r.err != nil && len(r.bodies) == r.failAt {
		return nil, r.err
	}
	w := httptest.NewRecorder()
	req.Body = io.NopCloser(bytes.NewReader(body))
	r.handle(w, req)
	return w.Result(), nil
}

// verifying returns a handler that answers 204 if it accepts the body and the
// signature, and else the given status.
func verifying(t *testing.T, refusal int, accepts func(body []byte, sig string) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if !accepts(body, r.Header.Get(signature.Header)) {
			w.WriteHeader(refusal)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// reencoded runs a program of encoders on a body.
func reencoded(t *testing.T, encoder string, body []byte) []byte {
	t.Helper()
	command := encoders[encoder]
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin = bytes.NewReader(body)
	out, err := cmd.Output()
	if err != nil {
		t.Error(err)
	}
	return out
}

func (r *receiver) examine(ctx context.Context, forge bool) (report delivery.Report, lines []string, err error) {
	x := delivery.Examiner{Client: delivery.NewClient(r), Forge: forge, Progress: func(line string) { lines = append(lines, line) }}
	to := &url.URL{Scheme: "https", Host: "receiver.example", Path: "/titanx"}
	report, err = x.Examine(ctx, to, secret, sample(delivery.ContactScored))
	return report, lines, err
}

func TestExaminer_examine(t *testing.T) {
	t.Parallel()
	right := func(body []byte, sig string) bool { return signature.Verify(secret, body, sig) }
	reencodes := func(t *testing.T, encoder string) func([]byte, string) bool {
		return func(body []byte, sig string) bool { return signature.Verify(secret, reencoded(t, encoder, body), sig) }
	}
	status := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	for name, tc := range map[string]struct {
		handle     func(*testing.T) http.HandlerFunc
		finding    delivery.Finding
		code       int
		deliveries int
	}{
		"sound":              {func(t *testing.T) http.HandlerFunc { return verifying(t, 401, right) }, delivery.Sound, 204, 2},
		"sound, answers 403": {func(t *testing.T) http.HandlerFunc { return verifying(t, 403, right) }, delivery.Sound, 204, 2},
		"another secret": {func(t *testing.T) http.HandlerFunc {
			return verifying(t, 401, func([]byte, string) bool { return false })
		}, delivery.Refuses, 401, 4},
		"wrong path":                 {func(*testing.T) http.HandlerFunc { return status(404) }, delivery.Refuses, 404, 2},
		"fails":                      {func(*testing.T) http.HandlerFunc { return status(503) }, delivery.FailsForged, 503, 1},
		"fails on a wrong signature": {func(t *testing.T) http.HandlerFunc { return verifying(t, 500, right) }, delivery.FailsForged, 500, 1},
		"redirects":                  {func(*testing.T) http.HandlerFunc { return status(302) }, delivery.FailsForged, 302, 1},
		"re-encodes in JavaScript":   {func(t *testing.T) http.HandlerFunc { return verifying(t, 401, reencodes(t, "JSON.stringify")) }, delivery.Reencodes, 401, 3},
		"re-encodes in Python":       {func(t *testing.T) http.HandlerFunc { return verifying(t, 403, reencodes(t, "json.dumps")) }, delivery.Reencodes, 403, 4},
		"re-encodes in Go": {func(t *testing.T) http.HandlerFunc {
			return verifying(t, 400, func(body []byte, sig string) bool {
				encoded, err := goEncoders["Marshal of any"](body)
				return err == nil && signature.Verify(secret, encoded, sig)
			})
		}, delivery.Reencodes, 400, 3},
		"checks nothing": {func(*testing.T) http.HandlerFunc { return status(200) }, delivery.VerifiesNothing, 200, 2},
		"compares eight characters": {func(t *testing.T) http.HandlerFunc {
			return verifying(t, 401, func(body []byte, sig string) bool {
				return strings.HasPrefix(sig, signature.Sign(secret, body)[:8])
			})
		}, delivery.VerifiesPart, 204, 2},
		"compares all but the last byte": {func(t *testing.T) http.HandlerFunc {
			return verifying(t, 401, func(body []byte, sig string) bool {
				return strings.HasPrefix(sig, signature.Sign(secret, body)[:42])
			})
		}, delivery.VerifiesPart, 204, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &receiver{handle: tc.handle(t)}
			report, lines, err := r.examine(t.Context(), true)
			if err != nil || report.Finding != tc.finding || report.Code != tc.code || report.Status != fmt.Sprintf("%d %s", tc.code, http.StatusText(tc.code)) {
				t.Errorf("Examine = %+v, %v, want finding %d and status %d", report, err, tc.finding, tc.code)
			}
			if len(r.bodies) != tc.deliveries || len(lines) != 2*tc.deliveries {
				t.Errorf("%d deliveries and %d lines, want %d and %d", len(r.bodies), len(lines), tc.deliveries, 2*tc.deliveries)
			}
			for i, body := range r.bodies {
				if !json.Valid([]byte(body)) {
					t.Errorf("delivery %d: %q is not JSON", i+1, body)
				}
			}
			if strings.Contains(strings.Join(lines, "\n"), "CANARY") {
				t.Errorf("the secret is in %q", lines)
			}
		})
	}
}

func TestExaminer_withoutForging(t *testing.T) {
	t.Parallel()
	r := &receiver{handle: func(http.ResponseWriter, *http.Request) {}}
	report, _, err := r.examine(t.Context(), false)
	if err != nil || report.Finding != delivery.Sound || len(r.bodies) != 1 {
		t.Errorf("Examine = %+v, %v after %d deliveries, want it sound after one", report, err, len(r.bodies))
	}
}

func TestExaminer_forged(t *testing.T) {
	t.Parallel()
	var sigs []string
	r := &receiver{handle: func(w http.ResponseWriter, req *http.Request) {
		sigs = append(sigs, req.Header.Get(signature.Header))
		if len(sigs) == 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}}
	if _, _, err := r.examine(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if len(sigs) != 2 || r.bodies[0] != r.bodies[1] {
		t.Fatalf("%d deliveries, want two of one body", len(sigs))
	}
	if len(sigs[0]) != len(sigs[1]) || sigs[0][:42] != sigs[1][:42] || sigs[0] == sigs[1] {
		t.Error("the wrong signature does not differ in its last byte alone")
	}
}

func TestExaminer_unanswered(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("unreachable")
	for name, tc := range map[string]struct {
		handle  http.HandlerFunc
		failAt  int
		finding delivery.Finding
		err     error
	}{
		"the wrong signature": {nil, 1, delivery.Sound, unreachable},
		"the right one":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, 2, delivery.Sound, unreachable},
		"another secret's":    {func(http.ResponseWriter, *http.Request) {}, 2, delivery.VerifiesPart, unreachable},
		"what an encoder writes": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, 3, delivery.Refuses, nil,
		},
	} {
		r := &receiver{handle: tc.handle, failAt: tc.failAt, err: unreachable}
		report, _, err := r.examine(t.Context(), true)
		if !errors.Is(err, tc.err) || report.Finding != tc.finding {
			t.Errorf("%s: Examine = %+v, %v, want finding %d, %v", name, report, err, tc.finding, tc.err)
		}
	}
}
