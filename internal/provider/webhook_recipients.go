// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// recipientKey rejects what is not an age recipient: a secret that nobody can
// decrypt is lost.
var recipientKey = stringCheck{"an age recipient: an X25519 (age1…) or SSH (ssh-ed25519, ssh-rsa) public key",
	func(text string, at path.Path, diags *diag.Diagnostics) {
		if _, err := parseRecipient(text); err != nil {
			// The path of an element holds its value, and the SDK logs the
			// path: a private key may have been given by mistake.
			diags.AddAttributeError(at.ParentPath(), "Invalid recipient", sentence(err.Error()))
		}
	}}

// sampleRecipients are public keys that people copy from documentation: those
// of age's README, manual page and tests, and of SOPS's README.
var sampleRecipients = map[string]bool{
	"age10k7vsqmeg3sp8elfyq5ts55feg4huarpcaf9dmljn9umydg3gymsvx4dp9": true,
	"age12phkzssndd5axajas2h74vtge62c86xjhd6u9anyanqhzvdg6sps0xthgl": true,
	"age15w9kgvgggmfra4sz6vk39kz4mveuq2sfv5vmcu090y0k2sluepaqv7z2fv": true,
	"age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm": true,
	"age1gc2zwslg9j25pg9e9ld7623aewc2gjzquzgq90m75r75myqdt5cq3yudvh": true,
	"age1gde3ncmahlqd9gg50tanl99r960llztrhfapnmx853s4tjum03uqfssgdh": true,
	"age1jh0u9yam5jhql7vy4acz90p0rhqcr0rcyu4zm85s9sdcwrs7rfgshtdg85": true,
	"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg": true,
	"age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z": true,
	"age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p": true,
	"age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef": true,
	"age1yhm4gctwfmrpz87tdslm550wrx6m79y9f2hdzt0lndjnehwj0ukqrjpyx5": true,
	"age1yv2sxrjnyymx4qkn3ehdd5zdq4xnrea5ljm4hsmgxn5tpv985anqkrwqa7": true,
}

// parseRecipient reads a public key. Its error quotes nothing: a private key
// may have been given by mistake.
func parseRecipient(text string) (age.Recipient, error) {
	if err := misread(text); err != nil {
		return nil, err
	}
	switch {
	case sampleRecipients[text]:
		return nil, errors.New("it is a sample from the documentation of age or SOPS, and its private key is " +
			"not yours: age-keygen creates a key pair")
	case strings.HasPrefix(text, "age1") && strings.TrimSpace(text) != text:
		return nil, fmt.Errorf("it ends with a space or a line break: remove it with trimspace(file(…))")
	case strings.HasPrefix(text, "age1"):
		recipient, err := age.ParseX25519Recipient(text)
		if err != nil {
			return nil, fmt.Errorf("it begins like an age public key but is not an X25519 key (post-quantum " +
				"and plugin keys are not supported), or a part is missing: " +
				"age-keygen -y prints the public key of an identity")
		}
		return recipient, nil
	case strings.HasPrefix(text, "ssh-"):
		recipient, err := agessh.ParseRecipient(text)
		if err != nil {
			return nil, fmt.Errorf("it begins like an SSH public key but is not an ssh-ed25519 or ssh-rsa " +
				"key (of 2048 bits or more), or a part is missing: ssh-keygen -y prints the public key of a " +
				"private one, on one line")
		}
		return recipient, nil
	case strings.HasPrefix(text, "AGE-SECRET-KEY-") || strings.Contains(text, "PRIVATE KEY"):
		return nil, fmt.Errorf("this is a private key: replace the key pair at once, and use the public key, " +
			"which age-keygen -y or ssh-keygen -y prints")
	}
	return nil, fmt.Errorf("it is not an age recipient: use a public key that begins with age1, " +
		"ssh-ed25519, or ssh-rsa")
}

// misread returns an error for a key that was read or quoted in a wrong way.
func misread(text string) error {
	switch {
	case strings.HasPrefix(text, "\ufeff"):
		return errors.New("it begins with a byte order mark: save the file as UTF-8 without one")
	case strings.HasPrefix(text, `"`) || strings.HasPrefix(text, "'"):
		return errors.New("it is in quotes: remove them, such as with trim(…, \"\\\"'\")")
	case strings.Contains(text, `\n`):
		return errors.New(`it has the two characters \n where a line break belongs: use replace(…, "\\n", "\n")`)
	}
	return nil
}

// sameKeys reports whether two sets have the same public keys. The comment of
// an SSH key, and space around a key, are not part of it.
func sameKeys(a, b types.Set) bool {
	if a.IsNull() != b.IsNull() || len(texts(a)) != len(a.Elements()) || len(texts(b)) != len(b.Elements()) {
		return false // or an element is not known
	}
	return maps.Equal(keysOf(a), keysOf(b))
}

func keysOf(recipients types.Set) map[string]bool {
	keys := map[string]bool{}
	for _, text := range texts(recipients) {
		fields := strings.Fields(text)
		keys[strings.Join(fields[:min(len(fields), 2)], " ")] = true
	}
	return keys
}

// encryptTo encrypts a secret to recipients, as ASCII-armored age text that age
// -d reads.
func encryptTo(recipients []age.Recipient, secret string) (string, error) {
	var out bytes.Buffer
	text := armor.NewWriter(&out)
	w, err := age.Encrypt(text, recipients...)
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(w, secret)
	err = errors.Join(err, w.Close(), text.Close())
	return out.String(), err
}
