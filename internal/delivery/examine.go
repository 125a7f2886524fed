// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package delivery

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// An Examiner finds out whether a receiver takes deliveries and verifies them.
type Examiner struct {
	// Client sends the deliveries. NewClient returns one.
	Client *http.Client
	// Forge sends a delivery with a wrong signature first.
	Forge bool
	// Progress is called with a line for each step. It may be nil.
	Progress func(line string)
}

// A Finding is what an examination found.
type Finding int

// The findings.
const (
	Sound           Finding = iota // takes what is signed, refuses what is not
	Refuses                        // refuses a signed delivery, or fails
	Reencodes                      // takes a delivery only in the form in which an encoder writes it
	FailsForged                    // answers a wrong signature with neither 2xx nor 4xx
	VerifiesPart                   // takes a signature that is wrong at its end
	VerifiesNothing                // takes any signature
)

// A Report is the result of an examination: what was found, and the answer from
// which it follows.
type Report struct {
	Finding Finding
	Status  string // such as "401 Unauthorized"
	Code    int
}

// Examine delivers an event that is signed with the secret. It first delivers
// the same body with a wrong signature if Forge is set. Where the cause of a
// failure is open it sends one or two further deliveries. The error is why
// there was no answer.
func (x Examiner) Examine(ctx context.Context, to *url.URL, secret string, e Event) (Report, error) {
	body := e.Body()
	right := signature.Sign(secret, body)
	if x.Forge {
		x.progress("Delivering a sample %s with a wrong signature to %s", e.Type, to.Host)
		report, err := x.deliver(ctx, to, body, forge(right))
		switch {
		case err != nil:
			return Report{}, err
		case VerdictOf(report.Code) == Delivered:
			return x.explainAccepted(ctx, to, body, report)
		case report.Code < 400 || report.Code > 499:
			report.Finding = FailsForged
			return report, nil
		}
	}
	x.progress("Delivering a sample %s to %s", e.Type, to.Host)
	report, err := x.deliver(ctx, to, body, right)
	switch {
	case err != nil || VerdictOf(report.Code) == Delivered:
		return report, err
	case report.Code == http.StatusBadRequest || report.Code == http.StatusUnauthorized ||
		report.Code == http.StatusForbidden:
		return x.explainRefused(ctx, to, secret, e, report), nil
	}
	report.Finding = Refuses
	return report, nil
}

// explainAccepted finds out whether a receiver that takes a nearly right
// signature takes any.
func (x Examiner) explainAccepted(ctx context.Context, to *url.URL, body []byte, accepted Report) (Report, error) {
	x.progress("Delivering it with the signature of another secret to %s", to.Host)
	report, err := x.deliver(ctx, to, body, signature.Sign(rand.Text(), body))
	accepted.Finding = VerifiesPart
	if err == nil && VerdictOf(report.Code) == Delivered {
		accepted.Finding = VerifiesNothing
	}
	return accepted, err
}

// explainRefused finds out whether a receiver that refuses a body as it was
// sent takes one that an encoder would write.
func (x Examiner) explainRefused(ctx context.Context, to *url.URL, secret string, e Event, refused Report) Report {
	refused.Finding = Refuses
	for _, encoded := range e.encoded() {
		x.progress("Delivering it again to %s, written as a JSON encoder would", to.Host)
		report, err := x.deliver(ctx, to, encoded, signature.Sign(secret, encoded))
		if err == nil && VerdictOf(report.Code) == Delivered {
			refused.Finding = Reencodes
			break
		}
	}
	return refused
}

// encoded returns bodies that parsing and encoding does not change: one for
// JSON.stringify and encoding/json, one for Python's json.dumps. Their keys are
// sorted, and their text is ASCII. They have other ids than the event, so that
// a receiver does not treat them as repetitions.
func (e Event) encoded() [][]byte {
	const compact = `{"apiVersion":"v2","eventType":%s,"id":%s,"payload":{"email":"ada@example.com","firstName":"Ada"},"timestamp":%d}`
	const spaced = `{"apiVersion": "v2", "eventType": %s, "id": %s, "payload": {"email": "ada@example.com", "firstName": "Ada"}, "timestamp": %d}`
	var bodies [][]byte
	for _, format := range []string{compact, spaced} {
		bodies = append(bodies, fmt.Appendf(nil, format, quote(e.Type), quote(NewID()), e.Time.UnixMilli()))
	}
	return bodies
}

// deliver delivers a body once, and returns the answer.
func (x Examiner) deliver(ctx context.Context, to *url.URL, body []byte, sig string) (Report, error) {
	status, code, err := Send(ctx, x.Client, to.String(), body, sig)
	if err != nil {
		return Report{}, err
	}
	x.progress("%s answered %s", to.Host, status)
	return Report{Status: status, Code: code}, nil
}

func (x Examiner) progress(format string, args ...any) {
	if x.Progress != nil {
		x.Progress(fmt.Sprintf(format, args...))
	}
}

// forge returns a signature that differs from a right one in the last bit
// alone, so that comparing only its first characters accepts it.
func forge(right string) string {
	mac, _ := base64.StdEncoding.DecodeString(right) // Sign encoded it
	mac[len(mac)-1] ^= 1
	return base64.StdEncoding.EncodeToString(mac)
}
