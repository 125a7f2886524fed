// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// receiver takes deliveries over https on loopback, under a certificate that
// only its own client trusts.
type receiver struct {
	server *httptest.Server
	secret atomic.Value // string: what signatures are verified with
}

// newReceiver returns a receiver that answers 204 if the signature is right,
// and else 401.
func newReceiver() *receiver {
	r := &receiver{}
	r.secret.Store("")
	r.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
		if err != nil || !signature.Verify(r.secret.Load().(string), body, req.Header.Get(signature.Header)) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	return r
}
