// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// redactor is the only path of a server's text to a person or a log. It
// removes the API key and every secret that the client knows.
type redactor struct {
	mu    sync.Mutex
	forms map[string]bool // each secret in each form in which a server may repeat it
}

// maxMessage bounds a text, in characters: enough for a sentence, too short
// for a whole body.
const maxMessage = 300

// shortestSecret is the length below which a text is not taken out of
// messages: ordinary words contain shorter ones.
const shortestSecret = 4

// add registers secrets that clean removes.
func (r *redactor) add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forms == nil {
		r.forms = map[string]bool{}
	}
	for _, secret := range secrets {
		for _, form := range writtenForms(secret) {
			if len(form) >= shortestSecret {
				r.forms[form] = true
			}
		}
	}
}

// writtenForms returns a secret as it is and as JSON, URLs, hex and base64
// write it. In base64 the text around a secret moves its bits, so that the
// three alignments differ; what all neighbors share of each is one form.
func writtenForms(secret string) []string {
	quoted, _ := json.Marshal(secret) // a string always encodes
	plain := new(bytes.Buffer)
	encoder := json.NewEncoder(plain)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(secret)
	inHex := hex.EncodeToString([]byte(secret))
	forms := []string{
		secret,
		string(quoted[1 : len(quoted)-1]),
		strings.Trim(strings.TrimSpace(plain.String()), `"`),
		url.QueryEscape(secret),
		url.PathEscape(secret),
		percentEncoded.ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
		inHex,
		strings.ToUpper(inHex),
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		whole := len(padded) / 3 * 3
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			first := (shift*8 + 5) / 6 // characters that the bytes before the secret touch
			forms = append(forms, encoding.EncodeToString(padded[:whole])[min(first, whole):])
		}
	}
	return forms
}

// looksSecret matches what the documentation's samples begin with: a secret
// that the client has not seen yet may be in an error.
var looksSecret = regexp.MustCompile(`(?:whsec_|wh_sk_|Bearer\s+)\S+`)

// afterHost matches what follows the host of a url: the path and the query of a
// webhook's url may be a token, and servers repeat the url that they refuse.
var afterHost = regexp.MustCompile(`(?i)(https?:(?:\\?/){2}[^/\\?#\s"'<>]+)[/\\?#][^\s"'<>]*[^\s"'<>.,:;)\]]`)

// clean returns a text of one line that may be shown. Control characters go
// first, so that none tears a secret apart, and the cut comes after the
// redaction, so that no part of a secret stays.
func (r *redactor) clean(text string) string {
	cut := len(text) > maxErrorBody
	text = strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) || unicode.IsSpace(c) {
			return c
		}
		return -1
	}, strings.ToValidUTF8(text[:min(len(text), maxErrorBody)], ""))
	text = looksSecret.ReplaceAllString(r.withoutSecrets(text), "(redacted)")
	words := strings.Fields(afterHost.ReplaceAllString(text, "$1/…"))
	if cut { // the last word may be the beginning of a secret
		words = words[:max(len(words)-1, 0)]
	}
	text = strings.Join(words, " ")
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage]) + "…"
	}
	return text
}

// withoutSecrets replaces the longest forms first: a short one may be a part
// of a long one.
func (r *redactor) withoutSecrets(text string) string {
	if r == nil {
		return text
	}
	r.mu.Lock()
	var found []string
	for form := range r.forms {
		if strings.Contains(text, form) {
			found = append(found, form)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(found, func(a, b string) int { return len(b) - len(a) })
	for _, form := range found {
		text = strings.ReplaceAll(text, form, "(redacted)")
	}
	return text
}
