// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package delivery delivers events to a receiver as TitanX does, and finds out
// what is wrong with a receiver.
//
// The facts are from docs.titanx.io, "Webhooks".
package delivery

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// The documented events.
const (
	ContactScored = "job.contact.scored"
	JobCompleted  = "job.completed"
)

// Timeout is how long a receiver may take to answer.
const Timeout = 10 * time.Second

// An Event is what a delivery reports.
type Event struct {
	ID      string // the same in every repetition
	Type    string
	Time    time.Time
	Payload []byte // a JSON object; sent byte for byte
}

// Body returns the body of the event's delivery. It is not what any JSON
// encoder writes: one colon is followed by a space, and a newline ends the
// body. A receiver that parses the body and encodes it again gets other bytes.
func (e Event) Body() []byte {
	return fmt.Appendf(nil, "{\"payload\": %s,\"eventType\":%s,\"timestamp\":%d,\"apiVersion\":\"v2\",\"id\":%s}\n",
		e.Payload, quote(e.Type), e.Time.UnixMilli(), quote(e.ID))
}

func quote(s string) []byte {
	b, _ := json.Marshal(s) // a string always encodes
	return b
}

// NewID returns a random UUID (RFC 9562, version 4).
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// SamplePayload returns a payload for an event of the given type. The fields
// are made up: TitanX documents only some of them. Like Body, it is written so
// that parsing and encoding it changes its bytes: a character is both raw and
// escaped, a slash is escaped, 1.0 becomes 1, and 9007199254740993 does not fit
// a float64.
func SamplePayload(eventType string) []byte {
	const numbers = `"testDecimal":1.0,"testInteger":9007199254740993}`
	switch eventType {
	case ContactScored:
		return []byte(`{"firstName":"Zoë","lastName":"Zo\u00eb","email":"zoe@example.com","phone":"+1 555 0100",` +
			`"phoneStatus":"Connected","companyAccount":"Example\/Test","leadId":"test-delivery",` + numbers)
	case JobCompleted:
		return []byte(`{"jobId":"test-delivery","jobName":"Zoë, Zo\u00eb \/ Test","jobStatus":"Finalized",` + numbers)
	}
	return []byte(`{"testText":"Zoë, Zo\u00eb \/ Test",` + numbers)
}

// NewRequest returns the request that delivers body with the given signature.
func NewRequest(ctx context.Context, url string, body []byte, sig string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "TitanX-Webhooks/1.0")
	req.Header.Set(signature.Header, sig)
	return req, nil
}

// A Verdict is what TitanX does after a receiver's answer.
type Verdict int

// The verdicts. A redirect is Final by assumption: TitanX documents only 2xx,
// 4xx and 5xx.
const (
	Delivered Verdict = iota
	Repeated          // sent again with growing pauses, for up to 3 days
	Final             // never sent again
)

// VerdictOf returns the verdict on an answer with the given status.
func VerdictOf(status int) Verdict {
	switch {
	case status >= 200 && status <= 299:
		return Delivered
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500:
		return Repeated
	}
	return Final
}

// String returns the verdict in words that follow a status.
func (v Verdict) String() string {
	switch v {
	case Delivered:
		return "delivered"
	case Repeated:
		return "TitanX will send this again, for up to 3 days"
	case Final:
	}
	return "TitanX will never send this again"
}
