// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// replay is a transport that gives recorded answers again: to each method and path its own in order, the last one for ever. To
// what was not recorded it answers an empty list.
type replay struct {
	mu      sync.Mutex
	answers []exchange
}

// newReplay makes a client that hears recorded answers, so that it is the client's own code that judges them.
func newReplay(answers ...exchange) (*titanx.Client, error) {
	return titanx.New(titanx.Config{
		APIKey:     newToken(), // so that it shares its pacer with no other client
		BaseURL:    replayHost,
		SettleWait: time.Nanosecond,
		Transport:  &replay{answers: answers},
	})
}

const replayHost = "https://replay.example"

// RoundTrip implements http.RoundTripper.
func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	given := exchange{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}, body: []byte("[]")}
	same := func(x exchange) bool { return x.method == req.Method && strings.HasSuffix(x.path, req.URL.Path) }
	if i := slices.IndexFunc(r.answers, same); i >= 0 {
		given = r.answers[i]
		if slices.ContainsFunc(r.answers[i+1:], same) {
			r.answers = slices.Delete(r.answers, i, i+1)
		}
	}
	return given.response(req), nil
}
