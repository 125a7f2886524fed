// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
)

// keyPair is a recipient and the identity that decrypts for it, made for one
// test.
type keyPair struct{ recipient, identity string }

func newAgeKey() keyPair {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err) // only if crypto/rand fails
	}
	return keyPair{identity.Recipient().String(), identity.String()}
}

// newSSHKeys creates a key of each kind that SSH uses by default, and an
// ed25519 one under a passphrase.
func newSSHKeys(t *testing.T) (ed25519Key, rsaKey, ecdsaKey, lockedKey keyPair) {
	t.Helper()
	_, edwards, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	rivest, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newSSHKey(t, edwards, ""), newSSHKey(t, rivest, ""), newSSHKey(t, curve, ""), newSSHKey(t, edwards, "CANARY-passphrase")
}

func newSSHKey(t *testing.T, key crypto.Signer, passphrase string) keyPair {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), string(pem.EncodeToMemory(block))}
}

// encryptFor encrypts a text to public keys as the provider does.
func encryptFor(t *testing.T, secret string, keys ...keyPair) string {
	t.Helper()
	var recipients []age.Recipient
	for _, key := range keys {
		recipient, err := parseRecipient(key.recipient)
		if err != nil {
			t.Fatal(err)
		}
		recipients = append(recipients, recipient)
	}
	encrypted, err := encryptTo(recipients, secret)
	if err != nil {
		t.Fatal(err)
	}
	return encrypted
}

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

// quotes reports whether a text holds any word of six letters or more that is
// in one of the others.
func quotes(text string, others ...string) bool {
	for _, other := range others {
		for word := range strings.FieldsSeq(other) {
			if len(word) >= 6 && strings.Contains(text, word) {
				return true
			}
		}
	}
	return false
}

func TestParseRecipient_refusals(t *testing.T) {
	t.Parallel()
	_, _, curve, _ := newSSHKeys(t)
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ text, problem string }{
		"post-quantum":    {hybrid.Recipient().String(), "not an X25519 key"},
		"ecdsa":           {curve.recipient, "not an age recipient"},
		"cut":             {newAgeKey().recipient[:30], "a part is missing"},
		"line break":      {newAgeKey().recipient + "\n", "trimspace"},
		"byte order mark": {"\ufeff" + newAgeKey().recipient, "byte order mark"},
		"quotes":          {"'" + newAgeKey().recipient + "'", "in quotes"},
		"sample of age":   {"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "its private key is not yours"},
		"private key":     {newAgeKey().identity, "private key"},
		"ssh private":     {curve.identity, "private key"},
		"empty":           {"", "not an age recipient"},
		"nonsense":        {"CANARY-recipient", "not an age recipient"},
	} {
		if _, err := parseRecipient(tc.text); err == nil || quotes(err.Error(), tc.text) || !strings.Contains(err.Error(), tc.problem) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
