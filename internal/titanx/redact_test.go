// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// A secret is opaque, and a server may repeat it in any form.
func TestRedactor_everyForm(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"CANARY-plain-0123456789", "CANARY+/=<&>\"\\é 0123", "CANARYCANARYCANARY"} {
		quoted, err := json.Marshal(secret)
		if err != nil {
			t.Fatal(err)
		}
		forms := map[string]string{
			"plain": secret, "JSON": string(quoted), "query": url.QueryEscape(secret), "path": url.PathEscape(secret),
			"lower-case query": percentEncoded.ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
			"hex":              hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
			"torn apart": secret[:5] + "\x00\x1b" + secret[5:], "in the middle": "x" + secret + "x",
		}
		for shift := range 4 {
			for name, encoding := range map[string]*base64.Encoding{"std": base64.StdEncoding, "url": base64.URLEncoding, "raw": base64.RawStdEncoding} {
				forms[fmt.Sprint("base64 ", name, shift)] = encoding.EncodeToString([]byte(strings.Repeat(":", shift) + secret + "tail"))
			}
		}
		var r redactor
		r.add(secret)
		for name, form := range forms {
			got := r.clean("before " + form + " after")
			if !strings.Contains(got, "(redacted)") || strings.Contains(got, "CANARY") || !strings.HasPrefix(got, "before ") {
				t.Errorf("%s: %q", name, got)
			}
			// Of a base64 form, only what the neighbors of the secret share may
			// stay.
			for word := range strings.FieldsSeq(got) {
				if strings.HasPrefix(name, "base64") && len(strings.ReplaceAll(word, "(redacted)", "")) > 14 {
					t.Errorf("%s: %q", name, got)
				}
			}
		}
	}
}

func TestRedactor_longText(t *testing.T) {
	t.Parallel()
	var r redactor
	r.add("CANARY-0123456789")
	for cut := range len("CANARY-0123456789") {
		text := strings.Repeat(" ", maxErrorBody-cut) + "CANARY-0123456789"
		if got := r.clean(text); strings.Contains(got, "C") {
			t.Errorf("cut after %d: %q", cut, got)
		}
	}
}

// Of secrets that begin alike, the longest is taken out as a whole.
func TestRedactor_nestedSecrets(t *testing.T) {
	t.Parallel()
	const longest = "CANARY-0123456789"
	var r redactor
	for end := shortestSecret; end <= len(longest); end++ {
		r.add(longest[:end])
	}
	for range 20 {
		if got := r.clean(longest); got != "(redacted)" {
			t.Fatalf("%q", got)
		}
	}
}

// Only what is cut may end in the beginning of a secret.
func TestRedactor_lastWord(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(" ", maxErrorBody-len("last")) + "last"
	if got := new(redactor).clean(text); got != "last" {
		t.Errorf("what just fits: %q", got)
	}
	if got := new(redactor).clean(text + "ly"); got != "" {
		t.Errorf("what is cut: %q", got)
	}
}

func TestRedactor_shortSecrets(t *testing.T) {
	t.Parallel()
	var r redactor
	r.add("", "a", "the", "wave")
	if got := r.clean("the answer to a wave"); got != "the answer to a (redacted)" {
		t.Errorf("%q", got)
	}
}
