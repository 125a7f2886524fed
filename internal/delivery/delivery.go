// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package delivery delivers events to a receiver as TitanX does, and finds out
// what is wrong with a receiver.
//
// The facts are from docs.titanx.io, "Webhooks".
package delivery

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// The documented events.
const (
	ContactScored = "job.contact.scored"
	JobCompleted  = "job.completed"
)

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
