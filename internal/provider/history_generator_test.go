// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Random histories: what they consist of, and how they are generated.

package provider

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// history is what happens to the webhooks of two workspaces, as data: a seed of
// rapid generates it, and as JSON it stays the same when the generator changes.
type history struct {
	Dialect   string  `json:",omitempty"` // of titanxsim.ParseDialect
	Ahead     int     `json:",omitempty"` // hours by which TitanX's clock is ahead
	NoHeaders bool    `json:",omitempty"` // a gateway drops Date and the rate limits
	Limit     int     `json:",omitempty"` // requests for each minute; 0 is unlimited
	Rounds    []round `json:",omitempty"`
}

// round is what happens at the same time. Then the faults end, unless Stay is
// set.
type round struct {
	Edits  []edit   `json:",omitempty"`
	Faults []mishap `json:",omitempty"`
	Acts   []act    `json:",omitempty"`
	Runs   []run    `json:",omitempty"`
	Stay   bool     `json:",omitempty"`
	Wait   int      `json:",omitempty"` // minutes that pass after it
}

// edit changes a configuration or a state.
type edit struct {
	Space, Slot int
	What        string
	Value       int `json:",omitempty"`
}

// mishap is one of troubles.
type mishap struct {
	Trouble string
	Call    titanxsim.Call
	After   int `json:",omitempty"`
	Times   int `json:",omitempty"` // 0 is always
}

// act is what a person does at TitanX, At milliseconds after the round began.
type act struct {
	At          int `json:",omitempty"`
	Space, Slot int
	What        string
}

// run is one run of a CLI in a workspace.
type run struct {
	Space     int
	What      string // plan, refresh, apply or destroy
	Start     int    `json:",omitempty"` // milliseconds after the round began
	Kill      int    `json:",omitempty"` // the request at which the provider is killed; 0 is never
	Answered  bool   `json:",omitempty"` // it is killed after the response, not before the request
	Interrupt int    `json:",omitempty"` // the request at which the run is canceled
}

const (
	spaces = 2
	slots  = 2 // resources of a workspace
)

// histories generates histories.
func histories() *rapid.Generator[history] {
	// Where TitanX does not do as it is told, no run can.
	dialects := slices.DeleteFunc(titanxsim.Variations(), func(d titanxsim.Dialect) bool {
		return d.StatusSet != "" || d.SameName != "" || d.SameURL == "existing" || d.SameURL == "overwritten"
	})
	names := []string{""}
	var calls = []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallCreate, titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallSetStatus, titanxsim.CallDelete, titanxsim.CallGet, ""}
	for _, trouble := range troubles() {
		if trouble.fault.Kind != titanxsim.FaultHuge && trouble.fault.Kind != titanxsim.FaultGzipBomb {
			names = append(names, trouble.name)
		}
	}
	names = names[1:]
	oneOf := func(t *rapid.T, label string, below int) int { return rapid.IntRange(0, below-1).Draw(t, label) }
	now := func(t *rapid.T, label string, ofTen int) bool { return oneOf(t, label, 10) < ofTen }
	edits := func(t *rapid.T, first bool) edit {
		e := edit{Space: oneOf(t, "space", spaces), Slot: oneOf(t, "slot", slots), Value: oneOf(t, "value", 8)}
		what := []string{"add", "add", "remove", "name", "url", "events", "status", "trigger", "recipients", "lost", "adopt", "forget", "import", "import", "age", "first"}
		e.What = rapid.SampledFrom(what).Draw(t, "edit")
		if first {
			e.What = "add"
		}
		return e
	}
	return rapid.Custom(func(t *rapid.T) history {
		var h history
		for range oneOf(t, "switches", 4) {
			d := dialects[oneOf(t, "dialect", len(dialects))].String()
			if h.Dialect != "" {
				d = h.Dialect + "," + d
			}
			h.Dialect = d
		}
		if d, err := titanxsim.ParseDialect(h.Dialect); err == nil && strings.Contains(d.EventsIn, "-") {
			d.ErrorBody = "" // a refusal that does not name the key says too little
			h.Dialect = d.String()
		}
		h.Ahead = rapid.SampledFrom([]int{0, 0, 0, 0, -30, 5}).Draw(t, "ahead")
		h.NoHeaders = h.Ahead == 0 && now(t, "no headers", 2) // else nobody can know TitanX's clock
		h.Limit = rapid.SampledFrom([]int{0, 0, 0, 100, 30}).Draw(t, "limit")
		troubles := names
		if h.Ahead != 0 { // nobody can know TitanX's clock where a gateway has another
			troubles = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "429 with headers" })
		}
		for n := range 1 + oneOf(t, "rounds", 3) {
			var r round
			for i := range 1 + oneOf(t, "edits", 3) {
				r.Edits = append(r.Edits, edits(t, n == 0 && i == 0))
			}
			for range oneOf(t, "faults", 4) {
				r.Faults = append(r.Faults, mishap{
					Trouble: rapid.SampledFrom(troubles).Draw(t, "trouble"),
					Call:    rapid.SampledFrom(calls).Draw(t, "call"),
					After:   oneOf(t, "after", 4),
					Times:   rapid.SampledFrom([]int{1, 1, 2, 3, 0}).Draw(t, "times"),
				})
			}
			for range max(oneOf(t, "acts", 4)-1, 0) {
				r.Acts = append(r.Acts, act{
					At: 1 + 250*oneOf(t, "at", 20), Space: oneOf(t, "space", spaces), Slot: oneOf(t, "slot", slots),
					What: rapid.SampledFrom([]string{"create", "create", "delete", "switch", "old"}).Draw(t, "act"),
				})
			}
			for s := range spaces {
				if s > 0 && now(t, "alone", 4) {
					break
				}
				what := run{Space: s, Start: 3 + 500*oneOf(t, "start", 6) + 11*s, What: rapid.SampledFrom([]string{"apply", "apply", "apply", "apply", "apply", "plan", "refresh", "destroy"}).Draw(t, "run")}
				switch oneOf(t, "end", 6) {
				case 0:
					what.Kill, what.Answered = 1+oneOf(t, "kill", 12), now(t, "answered", 5)
				case 1:
					what.Interrupt = 1 + oneOf(t, "interrupt", 12)
				}
				r.Runs = append(r.Runs, what)
			}
			r.Stay = now(t, "stay", 2)
			r.Wait = rapid.SampledFrom([]int{0, 0, 1, 5, 20, 90}).Draw(t, "wait")
			h.Rounds = append(h.Rounds, r)
		}
		return h
	})
}
