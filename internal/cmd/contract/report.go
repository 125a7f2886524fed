// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// report is what a run has found.
type report struct {
	BaseURL    string    `json:"base_url"`
	Findings   []finding `json:"findings"`
	Requests   int       `json:"requests"`
	Trouble    string    `json:"trouble,omitempty"`     // why the check could not be finished
	LeftBehind []string  `json:"left_behind,omitempty"` // what could not be removed

	secrets []string // never to be shown
}

// finding settles one doubt about the API.
type finding struct {
	Doubt   string  `json:"doubt"`
	Seen    string  `json:"seen"`
	Covered verdict `json:"covered"`
	Why     string  `json:"why,omitempty"` // it is not covered
}

// verdict tells whether the provider handles what was seen.
type verdict string

const (
	covered    verdict = "yes"
	notCovered verdict = "no"
	notSeen    verdict = "not seen"
)

func (c *check) found(doubt, seen string, err error) {
	f := finding{Doubt: doubt, Seen: seen, Covered: covered}
	if err != nil {
		f.Covered, f.Why = notCovered, err.Error()
	}
	c.report.Findings = append(c.report.Findings, f)
}

func (c *check) unseen(doubt, seen string) {
	c.report.Findings = append(c.report.Findings, finding{Doubt: doubt, Seen: seen, Covered: notSeen})
}

// foundRates tells of the rate headers on all answers, and of a refusal for the rate if there was one.
func (c *check) foundRates(ctx context.Context) {
	seen := map[string]exchange{} // an answer that has the headers of a window, by its suffix
	var refusal *exchange
	for _, x := range c.wire.since(0) {
		if x.status == http.StatusTooManyRequests && refusal == nil {
			refusal = &x
		}
		for suffix := range rateHeaders(x.header) {
			seen[suffix] = x
		}
	}
	suffixes := slices.Sorted(maps.Keys(seen))
	var wrong []error
	for _, suffix := range suffixes {
		if err := paced(ctx, seen[suffix], suffix); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(suffixes) == 0 {
		c.unseen("rate headers", "none")
	} else {
		c.found("rate headers", "X-RateLimit-{Limit,Remaining,Reset}-{"+strings.Join(suffixes, ",")+"}", errors.Join(wrong...))
	}
	if refusal == nil {
		c.unseen("429", "none: not provoked")
		return
	}
	headers := "with"
	if len(rateHeaders(refusal.header)) == 0 {
		headers = "without"
	}
	c.found("429", fmt.Sprintf("%s; %s rate headers; Retry-After: %s", describe(*refusal), headers, retryAfterForm(refusal.header)), waits(ctx, *refusal, ""))
}

// paced tells whether the client, were a window empty, would wait for it.
func paced(ctx context.Context, x exchange, suffix string) error {
	header := rateHeaders(x.header)[suffix].Clone()
	header.Set("X-Ratelimit-Remaining-"+suffix, "0")
	header.Set("Date", cmp.Or(x.header.Get("Date"), x.at.UTC().Format(http.TimeFormat)))
	x.header, x.body = header, []byte("[]")
	return waits(ctx, x, suffix)
}

// waits tells whether the client, after an answer, holds back a second request that has little time.
func waits(ctx context.Context, x exchange, window string) error {
	x.method, x.path = http.MethodGet, "/webhooks"
	client, err := newReplay(x)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	for range 2 {
		for _, err = range client.List(ctx) {
			if err != nil {
				break
			}
		}
	}
	if _, limited := errors.AsType[*titanx.RateLimitError](err); !limited {
		return fmt.Errorf("the client does not wait for %s", cmp.Or(window, "it"))
	}
	return nil
}

// allCovered tells whether the provider handles everything that was seen.
func (r *report) allCovered() bool {
	return !slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Covered == notCovered })
}

// write shows the report, as a table or as JSON.
func (r *report) write(w io.Writer, asJSON bool) error {
	for i, f := range r.Findings {
		r.Findings[i].Seen, r.Findings[i].Why = r.redacted(f.Seen), r.redacted(f.Why)
	}
	for i, text := range r.LeftBehind {
		r.LeftBehind[i] = r.redacted(text)
	}
	r.Trouble = r.redacted(r.Trouble)
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DOUBT\tSEEN\tCOVERED")
	for _, f := range r.Findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Doubt, f.Seen, f.Covered)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d requests to %s.\n", r.Requests, r.BaseURL)
	for _, f := range r.Findings {
		if f.Covered == notCovered {
			fmt.Fprintf(w, "Not covered: %s: %s\n", f.Doubt, f.Why)
		}
	}
	if r.Trouble != "" {
		fmt.Fprintf(w, "Not finished: %s\n", r.Trouble)
	}
	for _, text := range r.LeftBehind {
		fmt.Fprintf(w, "Left behind: %s\n", text)
	}
	return nil
}

// redacted is a text without the key and the secrets, which a server's message could hold.
func (r *report) redacted(text string) string {
	for _, secret := range r.secrets {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(redacted)")
		}
	}
	return text
}
