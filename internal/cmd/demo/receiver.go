// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// receiver takes deliveries over https on loopback, under a certificate that
// only its own client trusts.
type receiver struct {
	server *httptest.Server

	mu       sync.Mutex
	secret   string
	accepted map[string]bool // ids of events whose signature was right
}

func newReceiver() *receiver {
	r := &receiver{accepted: map[string]bool{}}
	r.server = httptest.NewTLSServer(r)
	return r
}

// use sets the secret that signatures are verified with from now on.
func (r *receiver) use(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

func (r *receiver) has(event string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted[event]
}

// ServeHTTP answers 204 to an event whose signature is right, and 401 to
// anything else.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	var event struct {
		ID string `json:"id"`
	}
	if err != nil || !signature.Verify(r.secret, body, req.Header.Get(signature.Header)) ||
		json.Unmarshal(body, &event) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	r.accepted[event.ID] = true
	w.WriteHeader(http.StatusNoContent)
}
