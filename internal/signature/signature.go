// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package signature signs and verifies the body of a TitanX webhook delivery.
// The scheme is Base64(HMAC-SHA256(secret, raw body)), from docs.titanx.io.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Header is the name of the request header that carries a delivery's signature.
const Header = "X-TitanX-Signature"

// Sign returns the signature of body in standard, padded base64. The key is the
// whole secret.
func Sign(secret string, body []byte) string {
	return SignWithKey([]byte(secret), body)
}

// SignWithKey returns the signature of body under a key that a Reading
// returned.
func SignWithKey(key, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify reports whether sig is the signature of body, in constant time. A
// malformed signature is never valid, and a valid one has exactly one accepted
// spelling.
func Verify(secret string, body []byte, sig string) bool {
	return hmac.Equal([]byte(Sign(secret, body)), []byte(sig))
}

// A Reading is a way to get the HMAC key from a webhook's secret. TitanX
// documents that the secret is the key, but not which of its bytes.
type Reading string

// The readings. Sign and Verify assume Whole.
const (
	Whole       Reading = "whole"        // the secret as issued, prefix included
	AfterPrefix Reading = "after-prefix" // what follows whsec_ or wh_sk_
	Decoded     Reading = "decoded"      // what follows, decoded from base64
)

// Key returns the HMAC key. It fails if the reading is unknown, or if the
// secret lacks what the reading needs: a prefix, or base64 after it.
func (r Reading) Key(secret string) ([]byte, error) {
	if r == Whole {
		return []byte(secret), nil
	}
	rest, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		rest, ok = strings.CutPrefix(secret, "wh_sk_")
	}
	if !ok {
		return nil, errors.New("read secret: it has no prefix whsec_ or wh_sk_")
	}
	switch r {
	case AfterPrefix:
		return []byte(rest), nil
	case Decoded:
		key, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return nil, fmt.Errorf("read secret: %w", err)
		}
		return key, nil
	}
	return nil, fmt.Errorf("read secret: unknown reading %q", string(r))
}
