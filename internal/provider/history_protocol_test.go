// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Random histories: the tests that run them.

package provider

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

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
	"an inactive webhook that was created active, and no status is returned": `{"Dialect":"status-out=absent,envelope=data,initial-status=ignored","Ahead":-30,"Rounds":[{"Edits":[{"Space":0,"Slot":0,"What":"add"},{"Space":1,"Slot":0,"What":"add"}],"Faults":[{"Trouble":"refused connection","Call":"create","Times":1},{"Trouble":"HTML 2xx after commit","Call":"create","After":1,"Times":2}],"Acts":[{"At":251,"Space":0,"Slot":1,"What":"create"},{"At":3001,"Space":0,"Slot":1,"What":"old"}],"Runs":[{"Space":0,"What":"plan","Start":503}]},{"Edits":[{"Space":0,"Slot":1,"What":"add"},{"Space":1,"Slot":0,"What":"status","Value":7},{"Space":1,"Slot":1,"What":"add","Value":1}],"Runs":[{"Space":0,"What":"apply","Start":3}],"Stay":true,"Wait":90}]}`,
}
