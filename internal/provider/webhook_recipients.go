// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// recipientsValidator refuses what is no age recipient, at its element: a secret that nobody can decrypt is lost.
type recipientsValidator struct{}

func (recipientsValidator) Description(context.Context) string {
	return "age recipients: X25519 (age1…) or SSH (ssh-ed25519, ssh-rsa) public keys"
}

func (v recipientsValidator) MarkdownDescription(ctx context.Context) string {
	return v.Description(ctx)
}

func (recipientsValidator) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		value, ok := element.(types.String)
		if !ok || value.IsUnknown() {
			continue
		}
		if _, err := parseRecipient(value.ValueString()); err != nil {
			resp.Diagnostics.AddAttributeError(req.Path.AtSetValue(element), "Invalid recipient", sentence(err.Error()))
		}
	}
}

// parseRecipient reads a public key. Its error quotes nothing: a private key may have been given by mistake.
func parseRecipient(text string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(text, "age1"):
		recipient, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fmt.Errorf("it begins as an age public key but is none: is it whole? age-keygen -y prints the public key of an identity")
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
