// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The cost of a verification.

package signature_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// BenchmarkVerify checks a body of the size of a scored contact.
func BenchmarkVerify(b *testing.B) {
	secret, body := rand.Text(), bytes.Repeat([]byte("x"), 1024)
	sig := signature.Sign(secret, body)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if !signature.Verify(secret, body, sig) {
			b.Fatal("not verified")
		}
	}
}
