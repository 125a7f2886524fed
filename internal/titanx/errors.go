// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

var (
	// ErrNotFound means that TitanX has no such webhook under this API key. It
	// is the 404 or 410 of a request about one webhook, or a complete list
	// that lacks the webhook.
	ErrNotFound = errors.New("no such webhook")

	// ErrListed means that the list has a webhook that another response says
	// does not exist.
	ErrListed = errors.New("but the list has it")

	// ErrNoRoute means that the address is not part of the API: a 404 of the
	// list, an HTML 404 from the web app on the same host, a 405 or a 501.
	ErrNoRoute = errors.New("no such API route")

	// ErrUnauthorized means that TitanX does not accept the API key (401).
	ErrUnauthorized = errors.New("API key not accepted")

	// ErrForbidden means that the API key may not do this (403).
	ErrForbidden = errors.New("not allowed with this API key")

	// ErrNoAnswer means that there was no complete response: no connection, a
	// lost one, or none in time.
	ErrNoAnswer = errors.New("no answer")

	// ErrTimeout means that an attempt outlived the request timeout. What it
	// asked for may still be done.
	ErrTimeout = fmt.Errorf("%w within the request timeout", ErrNoAnswer)

	// ErrUnreadable means that a response could not be understood: not JSON,
	// another shape, or too large.
	ErrUnreadable = errors.New("unreadable answer")
)

// Error is a response by which TitanX refuses a request or fails at it.
//
// Error bodies are undocumented. Message holds what the known shapes say,
// shortened and redacted. It may be empty.
type Error struct {
	StatusCode int    // the HTTP status; a 2xx that carries a non-null "error" keeps its 2xx
	Message    string // the server's own words
	Location   string // where a redirect points to: scheme and host only
	HTML       bool   // the body was a web page, not a response of the API

	aboutOne bool // the request was about one webhook
}

func (e *Error) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("TitanX answered %d %s", e.StatusCode, http.StatusText(e.StatusCode)))
	if isSuccess(e.StatusCode) {
		text += " with an error"
	}
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

// Is reports whether the response is of a class such as ErrNotFound, for
// errors.Is.
func (e *Error) Is(target error) bool {
	absent := e.StatusCode == http.StatusNotFound || e.StatusCode == http.StatusGone
	switch target {
	case ErrNotFound:
		return absent && e.aboutOne && !e.HTML
	case ErrNoRoute:
		return absent && (e.HTML || !e.aboutOne) ||
			e.StatusCode == http.StatusMethodNotAllowed || e.StatusCode == http.StatusNotImplemented
	case ErrUnauthorized:
		return e.StatusCode == http.StatusUnauthorized
	case ErrForbidden:
		return e.StatusCode == http.StatusForbidden
	}
	return false
}

// isRefusalInside2xx reports whether a 2xx carried an error. It is a refusal
// like any other if the list shows that nothing was created.
func isRefusalInside2xx(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) && isSuccess(refusal.StatusCode)
}

// CertificateError says that the certificate of the API does not verify.
type CertificateError struct {
	Host   string // the name that was asked for
	Reason string // what is wrong with the certificate
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("the certificate for %s does not verify: %s", e.Host, e.Reason)
}

// Is reports whether target is errTLS, for errors.Is.
func (e *CertificateError) Is(target error) bool { return target == errTLS }

func newCertificateError(host string, err *tls.CertificateVerificationError) *CertificateError {
	reason := "it is not valid"
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		reason = "it is for another name"
	case errors.As(err, &authority):
		reason = "it is signed by an authority that this system does not trust"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		reason = "it has expired, is not valid yet, or the clock of this system is wrong"
	}
	return &CertificateError{Host: host, Reason: reason}
}
