// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is what a run has found.
type report struct {
	BaseURL    string    `json:"base_url"`
	Findings   []finding `json:"findings"`
	Requests   int       `json:"requests"`
	Trouble    string    `json:"trouble,omitempty"`     // why the check could not be finished
	LeftBehind string    `json:"left_behind,omitempty"` // what could not be deleted
}

// finding answers one doubt about the API.
type finding struct {
	Doubt   string `json:"doubt"`
	Covered string `json:"covered"` // whether the provider handles what was seen
	Seen    string `json:"seen"`
	Why     string `json:"why,omitempty"` // it is not covered
}

const (
	covered    = "yes"
	notCovered = "no"
	notSeen    = "not seen"
)

func (r *report) found(doubt, seen string, verdict error) {
	f := finding{Doubt: doubt, Covered: covered, Seen: seen}
	switch {
	case errors.Is(verdict, errNotSeen):
		f.Covered = notSeen
	case verdict != nil:
		f.Covered, f.Why = notCovered, verdict.Error()
	}
	r.Findings = append(r.Findings, f)
}

// rates reports the rate headers of all responses, and a 429 if there was one.
func (r *report) rates(exchanges []exchange) {
	r.Requests = len(exchanges)
	refusal, refused := "not provoked", errNotSeen
	windows := map[string]bool{}
	for _, x := range exchanges {
		if x.status == http.StatusTooManyRequests { // the check went on after it
			refusal, refused = fmt.Sprintf("%s; Retry-After: %q; X-RateLimit-Reset-Second: %q", x,
				x.header["Retry-After"], x.header["X-Ratelimit-Reset-Second"]), nil
		}
		for name := range x.header {
			if window, ok := strings.CutPrefix(name, "X-Ratelimit-Remaining-"); ok {
				windows[window] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(windows))
	r.found("rate headers", cmp.Or(strings.Join(names, ", "), "none"), paced(names))
	r.found("429", refusal, refused)
}

// paced returns why the client does not pace by all of the windows.
func paced(windows []string) error {
	if len(windows) == 0 {
		return errNotSeen
	}
	for _, window := range windows {
		if !slices.Contains([]string{"Second", "Minute", "Day", "Daily"}, window) {
			return errors.New("the client does not pace by " + window)
		}
	}
	return nil
}

func (r *report) exitCode() int {
	switch {
	case r.Trouble != "" || r.LeftBehind != "":
		return exitTrouble
	case slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Covered == notCovered }):
		return exitNotCovered
	}
	return exitCovered
}

// write prints the report as a table or as JSON, without the secrets, which a
// server's message could hold.
func (r *report) write(w io.Writer, asJSON bool, secrets []string) {
	text := r.table()
	if asJSON {
		encoded, _ := json.MarshalIndent(r, "", "  ") // it always encodes
		text = string(encoded) + "\n"
	}
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "(redacted)")
	}
	fmt.Fprint(w, text)
}

func (r *report) table() string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DOUBT\tCOVERED\tSEEN")
	for _, f := range r.Findings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Doubt, f.Covered, f.Seen)
	}
	table.Flush()
	fmt.Fprintf(&out, "\n%d requests to %s.\n", r.Requests, r.BaseURL)
	for _, f := range r.Findings {
		if f.Why != "" {
			fmt.Fprintf(&out, "Not covered: %s: %s\n", f.Doubt, f.Why)
		}
	}
	if r.Trouble != "" {
		fmt.Fprintf(&out, "Not finished: %s\n", r.Trouble)
	}
	if r.LeftBehind != "" {
		fmt.Fprintf(&out, "Left behind: %s\n", r.LeftBehind)
	}
	return out.String()
}
