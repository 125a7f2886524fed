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
