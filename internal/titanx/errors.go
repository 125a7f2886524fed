// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	// ErrNotFound says that TitanX knows no such webhook under this API key: a 404 or 410 that the API itself answered.
	ErrNotFound = errors.New("no such webhook")

	// ErrNoRoute says that the address is not part of the API: an HTML 404 from the web app on the same host, 405 or 501.
	ErrNoRoute = errors.New("no such API route")

	// ErrUnauthorized says that TitanX does not accept the API key (401).
	ErrUnauthorized = errors.New("API key not accepted")

	// ErrForbidden says that the API key may not do this (403).
	ErrForbidden = errors.New("not allowed with this API key")

	// ErrNoAnswer says that there was no whole answer: no connection, a lost one, or none in time.
	ErrNoAnswer = errors.New("no answer")

	// ErrUnreadable says that an answer could not be understood: not JSON, another shape, or too large.
	ErrUnreadable = errors.New("unreadable answer")
)

// Error is an answer by which TitanX refuses a request or fails at it.
//
// Error bodies are undocumented. Message holds what the known shapes say, shortened and redacted; it may be empty.
type Error struct {
	StatusCode int    // the HTTP status; a 2xx that carries a non-null "error" keeps its 2xx
	Message    string // the server's own words
	Location   string // where a refused redirect points to: scheme and host only
	HTML       bool   // the body was a web page, not an answer of the API
}

func (e *Error) Error() string {
	text := fmt.Sprintf("TitanX answered %d %s", e.StatusCode, http.StatusText(e.StatusCode))
	switch {
	case e.Location != "":
		return text + ", a redirect to " + e.Location + ", which is not followed"
	case e.Message != "":
		return text + ": " + e.Message
	case e.HTML:
		return text + " with a web page"
	}
	return text
}

// Is makes errors.Is(err, ErrNotFound) and its like work.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrNotFound:
		return e.StatusCode == http.StatusNotFound && !e.HTML || e.StatusCode == http.StatusGone
	case ErrNoRoute:
		return e.StatusCode == http.StatusNotFound && e.HTML ||
			e.StatusCode == http.StatusMethodNotAllowed || e.StatusCode == http.StatusNotImplemented
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	}
	return false
}

// newError reads a refusal. It never fails: an unknown body gives an Error without a message.
func newError(a *answer) *Error {
	e := &Error{StatusCode: a.status, HTML: isHTML(a)}
	if !e.HTML {
		e.Message = cleanMessage(errorMessage(a.body), a.key)
	}
	return e
}

func isHTML(a *answer) bool {
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if mediaType == "text/html" || mediaType == "application/xhtml+xml" {
		return true
	}
	return startsWith(a.body, '<')
}

// errorMessage reads the undocumented error bodies: {"error": …}, {"message": …}, {"errors": […]}, each a text or an object, or
// plain text. JSON that was cut is not text: it may be a webhook with its secret.
func errorMessage(body []byte) string {
	var value any
	switch err := json.Unmarshal(body, &value); {
	case err == nil:
		return strings.Join(messages(value, 4), "; ")
	case startsWith(body, '{') || startsWith(body, '['):
		return ""
	}
	return string(body)
}

// messages collects the texts of an error value, at most depth levels deep.
func messages(value any, depth int) []string {
	if depth == 0 {
		return nil
	}
	var found []string
	switch v := value.(type) {
	case string:
		if v != "" {
			found = append(found, v)
		}
	case []any:
		for _, element := range v[:min(len(v), 8)] {
			found = append(found, messages(element, depth-1)...)
		}
	case map[string]any:
		for _, key := range []string{"error", "errors", "message", "detail", "details", "description"} {
			for _, text := range messages(v[key], depth-1) {
				if !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
		}
	}
	return found
}

var looksSecret = regexp.MustCompile(`(?:whsec_|wh_sk_|Bearer\s+)\S+`)

// maxMessage bounds a message, in characters: enough for a sentence, too short for a whole body.
const maxMessage = 300

// cleanMessage makes a server's text fit for one line of a diagnostic: bounded, printable, without the API key or anything like a
// secret. What is cut off is cut after the redaction, so that no part of a key stays.
func cleanMessage(text, key string) string {
	text = strings.ToValidUTF8(text, "")
	if key != "" {
		text = strings.ReplaceAll(text, key, "(redacted)")
	}
	text = text[:min(len(text), 8*maxMessage)]
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	text = looksSecret.ReplaceAllString(text, "(redacted)")
	if runes := []rune(text); len(runes) > maxMessage {
		text = string(runes[:maxMessage]) + "…"
	}
	return text
}
