// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Random histories: the generator, and the tests that run them.

package provider

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// TestHistories_protocol runs random histories, and shrinks one that violates
// the provider's promise.
func TestHistories_protocol(t *testing.T) {
	t.Parallel()
	generator := histories()
	for third := range 3 { // rapid runs 100 in each
		t.Run(fmt.Sprint(third), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				h := generator.Draw(r, "history")
				if violations, trace := live(t, h); len(violations) > 0 {
					text, _ := json.Marshal(h)
					r.Logf("%s\n%s\n%s", strings.Join(violations, "\n"), text, trace)
					r.Fatal("the promise is broken") // the same text each time: rapid shrinks only what fails alike
				}
			})
		})
	}
}

// longTime and longNumber are for how long TestLongHistories_protocol runs, and
// at least how many histories.
var (
	longTime   = flag.Duration("histories.time", 0, "run histories for this time")
	longNumber = flag.Int("histories.number", 0, "run at least this many histories")
)

// TestLongHistories_protocol runs histories from one seed after the other, and
// names the seeds of those that break the promise.
func TestLongHistories_protocol(t *testing.T) {
	t.Parallel()
	if *longNumber == 0 && *longTime == 0 {
		t.Skip("make histories runs it")
	}
	generator := histories()
	began := time.Now()
	first := began.UnixMilli()
	var seeds, failed atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d histories in %s, seeds from %d on; %d failed", seeds.Load(), time.Since(began).Round(time.Second), first, failed.Load())
	})
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for time.Since(began) < *longTime || int(seeds.Load()) < *longNumber {
				number := seeds.Add(1)
				if number%1000 == 0 {
					t.Logf("%d histories in %s", number, time.Since(began).Round(time.Second))
				}
				seed := first + number - 1
				if violations, _ := live(t, generator.Example(int(seed))); len(violations) > 0 {
					failed.Add(1)
					t.Errorf("seed %d: %s\nto shrink it: go test ./internal/provider -run TestHistories_protocol/0 -rapid.checks 1 -rapid.seed %d", seed, violations[0], seed)
				}
			}
		})
	}
}

// replayed is a history to run once more, as a failure prints it.
var replayed = flag.String("history", "", "run this history, as JSON, and print its trace")

// TestHistory_protocol runs the histories in which a fault was found.
func TestHistory_protocol(t *testing.T) {
	t.Parallel()
	all := maps.Clone(foundHistories)
	if *replayed != "" {
		all = map[string]string{"replayed": *replayed}
	}
	for name, text := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h history
			if err := json.Unmarshal([]byte(text), &h); err != nil {
				t.Fatal(err)
			}
			violations, trace := live(t, h)
			for _, violation := range violations {
				t.Error(violation)
			}
			if len(violations) > 0 || *replayed != "" {
				t.Log(trace)
			}
		})
	}
}

// foundHistories broke the promise once.
var foundHistories = map[string]string{
	// Seed 2967564493234540877.
	"failed activation at a server that returns no status": `{"Dialect":"status-out=absent","Rounds":[{"Edits":[{"Space":0,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"redirect to another host","Call":"set-status","Times":1}],"Runs":[{"Space":0,"What":"apply"}],"Wait":20}]}`,
	// Seed 1795630107307.
	"destroyed while an uncertain create of it may still take effect": `{"NoHeaders":true,"Rounds":[
		{"Edits":[{"Space":0,"Slot":0,"What":"add"},{"Space":0,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"refused connection","Call":"create","Times":1},{"Trouble":"late commit","Call":"create","Times":1}],
		"Acts":[{"At":1,"Space":0,"Slot":0,"What":"create"},{"At":1,"Space":0,"Slot":0,"What":"create"}],
		"Runs":[{"Space":0,"What":"apply","Start":3}],"Stay":true},
		{"Edits":[{"Space":0,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"refused connection","Call":"create","Times":1}],
		"Runs":[{"Space":0,"What":"destroy","Start":3,"Kill":12,"Answered":true}],"Stay":true},
		{"Edits":[{"Space":0,"Slot":0,"What":"adopt","Value":7}],
		"Faults":[{"Trouble":"reset before the server reads","Call":"create","After":1,"Times":2}],
		"Acts":[{"At":1001,"Space":0,"Slot":1,"What":"old"}],
		"Runs":[{"Space":0,"What":"apply","Start":1503}],"Stay":true}]}`,
	// Seed 1795630114364.
	"renamed while its create is pending": `{"Rounds":[
		{"Edits":[{"Space":0,"Slot":1,"What":"add"},{"Space":1,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"refused connection","Call":"get","After":1,"Times":1},{"Trouble":"late commit","Call":"create","After":1,"Times":1}],
		"Runs":[{"Space":0,"What":"apply","Start":503,"Kill":6,"Answered":true}],"Stay":true,"Wait":5},
		{"Edits":[{"Space":0,"Slot":0,"What":"add","Value":2},{"Space":0,"Slot":1,"What":"add","Value":1}],
		"Faults":[{"Trouble":"refused connection","Call":"create","After":3,"Times":1}],
		"Acts":[{"At":251,"Space":1,"Slot":1,"What":"delete"}],
		"Runs":[{"Space":0,"What":"apply","Start":503,"Interrupt":3}],"Stay":true},
		{"Edits":[{"Space":0,"Slot":0,"What":"name","Value":1}],
		"Runs":[{"Space":0,"What":"apply","Start":3,"Interrupt":8}],"Stay":true}]}`,
	// Seed 1795630145792.
	"imported from a server that returns no status": `{"Dialect":"status-out=absent","NoHeaders":true,"Rounds":[
		{"Edits":[{"Space":0,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"refused connection","Call":"create","Times":1},{"Trouble":"refused connection","Call":"create","Times":1}],
		"Acts":[{"At":1,"Space":0,"Slot":0,"What":"create"}],
		"Runs":[{"Space":0,"What":"apply","Start":3}],"Stay":true},
		{"Edits":[{"Space":0,"Slot":0,"What":"add"},{"Space":0,"Slot":0,"What":"add"}],
		"Runs":[{"Space":0,"What":"apply","Start":3},{"Space":1,"What":"apply","Start":2514,"Kill":4}]},
		{"Edits":[{"Space":1,"Slot":1,"What":"import","Value":4},{"Space":1,"Slot":1,"What":"status","Value":1},{"Space":1,"Slot":0,"What":"add","Value":1}],
		"Faults":[{"Trouble":"certificate that does not verify","Call":"create","After":1,"Times":1}],
		"Runs":[{"Space":0,"What":"destroy","Start":3}],"Stay":true,"Wait":20}]}`,
	// Seed 1795633945438.
	"gone after an uncertain create": `{"Ahead":-30,"Rounds":[
		{"Edits":[{"Space":1,"Slot":1,"What":"add"},{"Space":0,"Slot":0,"What":"add"},{"Space":0,"Slot":0,"What":"add"}],
		"Faults":[{"Trouble":"refused connection","Call":"create","Times":1},{"Trouble":"refused connection","Call":"create","Times":1},{"Trouble":"late commit","Call":"create","Times":1}],
		"Runs":[{"Space":0,"What":"apply","Start":2503},{"Space":1,"What":"apply","Start":514}]},
		{"Edits":[{"Space":1,"Slot":1,"What":"remove","Value":1},{"Space":1,"Slot":0,"What":"add","Value":2}],
		"Faults":[{"Trouble":"reset before commit","Call":"create","After":1,"Times":1},{"Trouble":"certificate that does not verify","Call":"","After":2,"Times":1}],
		"Acts":[{"At":3001,"Space":1,"Slot":1,"What":"delete"}],
		"Runs":[{"Space":0,"What":"apply","Start":1003}],"Stay":true,"Wait":1}]}`,
}
