// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"filippo.io/age/armor"
)

func TestDecrypt(t *testing.T) {
	t.Parallel()
	const secret = "CANARY-secret"
	key, other := newAgeKey(), newAgeKey()
	edwards, rivest, curve, locked := newSSHKeys(t)
	encrypted := encryptFor(t, secret, key, edwards, rivest)
	if strings.Contains(encrypted, secret) {
		t.Fatal("the secret is not encrypted")
	}
	cut := encrypted[:len(encrypted)/2] + "\n" + armor.Footer
	for name, tc := range map[string]struct {
		identity, encrypted string
		problem             string // "" is none
	}{
		"age":                {key.identity, encrypted, ""},
		"ssh ed25519":        {edwards.identity, encrypted, ""},
		"ssh rsa":            {rivest.identity, encrypted, ""},
		"file of age-keygen": {"# created: today\r\n# public key: " + key.recipient + "\r\n" + key.identity + "\r\n", encrypted, ""},
		"several identities": {other.identity + "\n" + key.identity, encrypted, ""},
		"space around":       {" \n" + key.identity + " \n", "\n" + encrypted + "\n", ""},
		"wrong identity":     {other.identity, encrypted, "matches none of the recipients"},
		"ssh ecdsa":          {curve.identity, encrypted, "of type ed25519 or RSA"},
		"passphrase":         {locked.identity, encrypted, "protected with a passphrase"},
		"encrypted identity": {encrypted, encrypted, "decrypt it with age -d"},
		"age public key":     {key.recipient, encrypted, "this is a public key"},
		"ssh public key":     {edwards.recipient, encrypted, "this is a public key"},
		"cut ssh key":        {edwards.identity[:200], encrypted, "a part is missing"},
		"byte order mark":    {"\ufeff" + key.identity, encrypted, "byte order mark"},
		"quotes":             {`"` + key.identity + `"`, encrypted, "in quotes"},
		"no line breaks":     {strings.ReplaceAll(edwards.identity, "\n", `\n`), encrypted, "where a line break belongs"},
		"pkcs8 passphrase":   {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", encrypted, "protected with a passphrase"},
		"cut age key":        {key.identity[:40], encrypted, "not an age identity"},
		"no identity":        {"", encrypted, "not an age identity"},
		"only comments":      {"# CANARY", encrypted, "not an age identity"},
		"nonsense":           {"CANARY-identity", encrypted, "not an age identity"},
		"not an age file":    {key.identity, "CANARY-plain", "not an age file"},
		"nothing encrypted":  {key.identity, "", "not an age file"},
		"cut age file":       {key.identity, cut, "damaged"},
		"changed age file":   {key.identity, encrypted[:len(encrypted)-60] + "AAAA" + encrypted[len(encrypted)-56:], "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			identities, err := parseIdentities(tc.identity)
			got := ""
			if err == nil {
				got, err = decryptWith(identities, tc.encrypted)
			}
			switch {
			case tc.problem == "" && (err != nil || got != secret):
				t.Errorf("decrypted %d bytes, error %v", len(got), err)
			case tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem)):
				t.Errorf("error %v, want one with %q", err, tc.problem)
			case tc.problem != "" && quotes(err.Error(), tc.identity, tc.encrypted):
				t.Errorf("the error quotes what was given: %v", err)
			}
		})
	}
}
