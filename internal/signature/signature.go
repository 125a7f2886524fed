// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package signature signs and verifies the body of a TitanX webhook delivery.
// The scheme is Base64(HMAC-SHA256(secret, raw body)), from docs.titanx.io. That the secret's bytes are the key as they
// are given, prefix included, is assumed.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Header is the name of the request header that carries a delivery's signature.
const Header = "X-TitanX-Signature"

// Sign returns the signature of body in standard, padded base64.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify reports whether sig is the signature of body, in constant time. A malformed signature is never valid, and there
// is exactly one accepted spelling of a valid one.
func Verify(secret string, body []byte, sig string) bool {
	return hmac.Equal([]byte(Sign(secret, body)), []byte(sig))
}
