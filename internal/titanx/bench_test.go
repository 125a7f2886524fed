// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

// BenchmarkPacer is the pacer's own cost for a request that need not wait.
func BenchmarkPacer(b *testing.B) {
	now := time.Now().UTC()
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Date": {now.Format(http.TimeFormat)}}}
	for _, tier := range modelTiers {
		answer.Header.Set("X-RateLimit-Limit-"+tier.suffix, "1000000000")
		answer.Header.Set("X-RateLimit-Remaining-"+tier.suffix, "999999999")
		answer.Header.Set("X-RateLimit-Reset-"+tier.suffix, strconv.FormatInt(now.Truncate(tier.period).Add(tier.period).Unix(), 10))
	}
	send := func() (*http.Response, error) { return answer, nil }

	b.Run("alone", func(b *testing.B) {
		p := newPacer()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.do(b.Context(), quiet, send); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		p := newPacer()
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := p.do(b.Context(), quiet, send); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
