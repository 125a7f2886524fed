// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package signature_test

import (
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// vectors are made by openssl: see testdata/vectors.sh.
//
//go:embed testdata/vectors.txt
var vectors string

func TestSign_openSSL(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(vectors), "\n")
	if len(lines) != 1000 {
		t.Fatalf("%d vectors, want 1000", len(lines))
	}
	for i, line := range lines {
		fields := strings.Fields(line)
		secret, sig := fields[0], fields[2]
		body, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[1], "-"))
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		if got := signature.Sign(secret, body); got != sig {
			t.Errorf("line %d: Sign = %s, want %s", i+1, got, sig)
		}
		if !signature.Verify(secret, body, sig) {
			t.Errorf("line %d: Verify refuses openssl's signature", i+1)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	secret := rand.Text()
	body := []byte("{\"payload\": \"\x00\xff\"}\n")
	sig := signature.Sign(secret, body)
	raw, err := base64.StdEncoding.DecodeString(sig)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		secret string
		body   []byte
		sig    string
		want   bool
	}{
		"valid":                   {secret, body, sig, true},
		"empty body":              {secret, nil, signature.Sign(secret, nil), true},
		"empty secret":            {"", body, signature.Sign("", body), true},
		"other secret":            {secret + "x", body, sig, false},
		"secret without its end":  {secret[1:], body, sig, false},
		"other body":              {secret, body[1:], sig, false},
		"body without newline":    {secret, body[:len(body)-1], sig, false},
		"empty signature":         {secret, body, "", false},
		"not base64":              {secret, body, "%%%", false},
		"truncated":               {secret, body, sig[:len(sig)-4], false},
		"unpadded":                {secret, body, strings.TrimRight(sig, "="), false},
		"trailing newline":        {secret, body, sig + "\n", false},
		"prefixed":                {secret, body, "sha256=" + sig, false},
		"two signatures":          {secret, body, sig + sig, false},
		"base64 of too few bytes": {secret, body, base64.StdEncoding.EncodeToString(raw[:31]), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := signature.Verify(tc.secret, tc.body, tc.sig); got != tc.want {
				t.Errorf("Verify = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestReading_key(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reading      signature.Reading
		secret, want string
	}{
		"whole":        {signature.Whole, "whsec_Q0FOQVJZ", "whsec_Q0FOQVJZ"},
		"after whsec_": {signature.AfterPrefix, "whsec_Q0FOQVJZ", "Q0FOQVJZ"},
		"after wh_sk_": {signature.AfterPrefix, "wh_sk_Q0FO_QVJZ", "Q0FO_QVJZ"},
		"decoded":      {signature.Decoded, "whsec_Q0FOQVJZ", "CANARY"},
	} {
		key, err := tc.reading.Key(tc.secret)
		if string(key) != tc.want || err != nil {
			t.Errorf("%s: Key = %q, %v, want %q", name, key, err, tc.want)
		}
		if got, want := signature.SignWithKey(key, []byte("{}")), signature.Sign(tc.want, []byte("{}")); got != want {
			t.Errorf("%s: SignWithKey = %s, want %s", name, got, want)
		}
	}
	for name, tc := range map[string]struct {
		reading signature.Reading
		secret  string
	}{
		"no prefix":       {signature.AfterPrefix, "CANARY_Q0FOQVJZ"},
		"none to decode":  {signature.Decoded, "Q0FOQVJZ"},
		"not base64":      {signature.Decoded, "whsec_CANARY!"},
		"unknown reading": {"half", "whsec_Q0FOQVJZ"},
	} {
		if key, err := tc.reading.Key(tc.secret); key != nil || err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: Key = %q, %v, want an error that does not quote the secret", name, key, err)
		}
	}
}

// FuzzVerify checks that a body's signature is the only string that verifies
// it.
func FuzzVerify(f *testing.F) {
	for _, body := range []string{
		`{"payload":{"firstName":"Ada"},"eventType":"job.contact.scored","timestamp":1767225600000,"apiVersion":"v2","id":"7d3b"}`,
		`{"payload":{"jobStatus":"Finalized"},"eventType":"job.completed","timestamp":1767225600000,"apiVersion":"v2","id":"7d3c"}`,
		"",
		"\x00\xff\n",
	} {
		f.Add("CANARY", []byte(body), signature.Sign("CANARY", []byte(body)))
		f.Add("", []byte(body), "")
		f.Add("CANARY", []byte(body), signature.Sign("CANARY", []byte(body))+"\n")
	}
	f.Fuzz(func(t *testing.T, secret string, body []byte, sig string) {
		want := signature.Sign(secret, body)
		if !signature.Verify(secret, body, want) {
			t.Fatal("Verify refuses what Sign made")
		}
		if signature.Verify(secret, body, sig) != (sig == want) {
			t.Fatalf("Verify(%q) is wrong, the signature is %q", sig, want)
		}
		if raw, err := base64.StdEncoding.DecodeString(want); err != nil || len(raw) != 32 {
			t.Fatalf("Sign = %q: not 32 bytes of standard base64", want)
		}
	})
}
