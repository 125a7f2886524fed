// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/crypto/ssh"
)

// recipientKey rejects what is not an age recipient: a secret that nobody can
// decrypt is lost.
var recipientKey = stringCheck{"an age recipient: an X25519 (age1…) or SSH (ssh-ed25519, ssh-rsa) public key", func(text string, at path.Path, diags *diag.Diagnostics) {
	if _, err := parseRecipient(text); err != nil {
		diags.AddAttributeError(at, "Invalid recipient", sentence(err.Error()))
	}
}}

// parseRecipient reads a public key. Its error quotes nothing: a private key may have been given by mistake.
func parseRecipient(text string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(text, "age1"):
		recipient, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fmt.Errorf("it begins as an age public key but is no X25519 one (post-quantum and plugin keys are not supported): is it whole? age-keygen -y prints the public key of an identity")
		}
		return recipient, nil
	case strings.HasPrefix(text, "ssh-"):
		recipient, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("it begins as an SSH public key but is no ssh-ed25519 or ssh-rsa one (of 2048 bits or more): is it whole, and on one line?")
		}
		return recipient, nil
	case strings.HasPrefix(text, "AGE-SECRET-KEY-") || strings.Contains(text, "PRIVATE KEY"):
		return nil, fmt.Errorf("this is a private key: replace it at once, and give the public key, which age-keygen -y or ssh-keygen -y prints")
	}
	return nil, fmt.Errorf("it is no age recipient: give a public key that begins with age1, ssh-ed25519 or ssh-rsa")
}

// encryptTo encrypts a secret to recipients, as ASCII-armoured age text that age -d reads.
func encryptTo(recipients []age.Recipient, secret string) (string, error) {
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, recipients...)
	if err != nil {
		return "", err
	}
	if _, err := io.WriteString(w, secret); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	if err := text.Close(); err != nil {
		return "", err
	}
	return out.String(), nil
}

// parseIdentities reads a private key, or a file of age-keygen. Its error quotes nothing of it.
func parseIdentities(text string) ([]age.Identity, error) {
	text = strings.TrimSpace(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case strings.HasPrefix(text, "age1"), strings.HasPrefix(text, "ssh-"):
		return nil, errors.New("this is a public key: give the private key that belongs to it")
	case strings.HasPrefix(text, armor.Header), strings.HasPrefix(text, "age-encryption.org/"):
		return nil, errors.New("the identity is itself encrypted: decrypt it with age -d, and give the result")
	case strings.HasPrefix(text, "-----BEGIN"):
		identity, err := agessh.ParseIdentity([]byte(text))
		if errors.As(err, &locked) {
			return nil, errors.New("the SSH private key is protected with a passphrase, which nobody can type during a run: " +
				"give one without a passphrase, better still an age identity made for this purpose by age-keygen")
		}
		if err != nil {
			return nil, errors.New("it is no SSH private key of type ed25519 or RSA: is it whole, with its first and its last line?")
		}
		return []age.Identity{identity}, nil
	}
	identities, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil {
		return nil, errors.New("it is no age identity: give one that begins with AGE-SECRET-KEY-1, as age-keygen prints it, or an SSH private key without a passphrase")
	}
	return identities, nil
}

// decryptWith decrypts what encryptTo has made. Its error quotes nothing.
func decryptWith(identities []age.Identity, encrypted string) (string, error) {
	if !strings.HasPrefix(strings.TrimSpace(encrypted), armor.Header) {
		return "", errors.New("it is no age file in ASCII armour: give the encrypted_secret of a titanx_webhook that has secret_recipients")
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(encrypted)), identities...)
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) {
		return "", errors.New("the identity matches none of the recipients that it was encrypted to: give the private key of one of the webhook's secret_recipients")
	}
	damaged := errors.New("it begins as an age file but is damaged: give encrypted_secret whole and unchanged")
	if err != nil {
		return "", damaged
	}
	secret, err := io.ReadAll(plain)
	if err != nil {
		return "", damaged
	}
	return string(secret), nil
}
