// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The cost of decoding, of the inventory, and of the pacer.

package titanx

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// manyWebhooks are as many as a big account has.
const manyWebhooks = 10_000

// BenchmarkDecode reads one webhook, and a page of many.
func BenchmarkDecode(b *testing.B) {
	object := func(i int) map[string]any {
		return map[string]any{
			"id": fmt.Sprintf("4f9c1e3a-0000-4000-8000-%012d", i), "name": fmt.Sprintf("webhook %d", i), "url": fmt.Sprintf("https://hooks.example.com/%d", i),
			"triggers": []string{"job.contact.scored", "job.completed"}, "status": "active", "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
		}
	}
	all := make([]map[string]any, manyWebhooks)
	for i := range all {
		all[i] = object(i)
	}
	answerOf := func(payload any) *answer {
		body, err := json.Marshal(map[string]any{"payload": payload})
		if err != nil {
			b.Fatal(err)
		}
		return &answer{status: http.StatusOK, body: body}
	}
	b.Run("webhook", func(b *testing.B) {
		one := answerOf(object(1))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeWebhook(one); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		page := answerOf(all)
		b.SetBytes(int64(len(page.body)))
		b.ReportAllocs()
		for b.Loop() {
			if got, err := decodeList(page, 1); err != nil || len(got.webhooks) != manyWebhooks {
				b.Fatalf("%d webhooks, %v", len(got.webhooks), err)
			}
		}
	})
}

// BenchmarkInventory is what one read of many costs once they are listed, and
// what taking in a list of them costs.
func BenchmarkInventory(b *testing.B) {
	listed := make([]Webhook, manyWebhooks)
	for i := range listed {
		listed[i] = Webhook{ID: strconv.Itoa(i), Name: "webhook", URL: fmt.Sprintf("https://hooks.example.com/%d", i), EventTypes: []string{"job.completed"}, Status: StatusActive, CreatedAt: time.Unix(1700000000, 0)}
	}
	c := &Client{}
	c.inventory.listAll = func(context.Context) ([]Webhook, error) { return listed, nil }
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Find(b.Context(), "4711"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("find in parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Find(b.Context(), "4711"); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("at url", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if at, err := c.AtURL(b.Context(), "https://hooks.example.com/4711"); err != nil || len(at) != 1 {
				b.Fatalf("%d webhooks, %v", len(at), err)
			}
		}
	})
	b.Run("orphans", func(b *testing.B) {
		create := UncertainCreate{Sent: time.Unix(1600000000, 0), GaveUp: time.Unix(1600000001, 0)}
		b.ReportAllocs()
		for b.Loop() {
			if left, err := c.FindOrphans(b.Context(), crm(), Webhook{}, []UncertainCreate{create}); err != nil || len(left.Orphans)+len(left.Candidates) > 0 {
				b.Fatalf("%+v, %v", left, err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.inventory.read(b.Context(), time.Now(), func(map[string]entry) {}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkPacer is the pacer's own cost for a request that need not wait.
func BenchmarkPacer(b *testing.B) {
	now := time.Now().UTC()
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {now.Format(http.TimeFormat)}}}
	for _, window := range modelWindows {
		answer.Header.Set("X-RateLimit-Limit-"+window.suffix, "1000000000")
		answer.Header.Set("X-RateLimit-Remaining-"+window.suffix, "999999999")
		answer.Header.Set("X-RateLimit-Reset-"+window.suffix, strconv.FormatInt(now.Truncate(window.period).Add(window.period).Unix(), 10))
	}
	send := func() (*http.Response, error) { return answer, nil }

	b.Run("alone", func(b *testing.B) {
		p := newPacer()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.do(b.Context(), quiet, nil, nil, send); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		p := newPacer()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := p.do(b.Context(), quiet, nil, nil, send); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
