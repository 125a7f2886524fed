// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The number of requests of whole runs.

package provider

import (
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccCost counts the requests of a whole life of many webhooks: nothing
// depends on how many there are but the writes.
func TestAccCost(t *testing.T) {
	t.Parallel()
	const n = 30
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, `
resource "titanx_webhook" "test" {
  count       = 30
  name        = "test ${count.index}"
  url         = "https://hooks.example.com/${count.index}"
  event_types = ["job.contact.scored"]
}
`)
	for _, step := range []struct {
		args            []string
		creates, delete int
		processes       int // that talk to TitanX, each with its own connections and its own list
	}{
		{[]string{"apply", "-auto-approve"}, n, 0, 2},
		{[]string{"plan", "-detailed-exitcode"}, 0, 0, 1},
		{[]string{"apply", "-auto-approve", "-refresh=false"}, 0, 0, 0},
		{[]string{"destroy", "-auto-approve"}, 0, n, 2},
	} {
		if out, code := c.run(step.args...); code != 0 {
			t.Fatalf("%v ended with %d:\n%s", step.args, code, out)
		}
		creates, deletes, lists := s.Requests(titanxsim.CallCreate), s.Requests(titanxsim.CallDelete), s.Requests(titanxsim.CallList)
		activations := s.Requests(titanxsim.CallSetStatus)
		all := s.Requests()
		if len(creates) != step.creates || len(activations) != step.creates || len(deletes) != step.delete || len(lists) > step.processes || len(all) != len(creates)+len(activations)+len(deletes)+len(lists) {
			t.Errorf("%v: %d creates, %d deletes and %d lists of %d requests; want %d, %d, at most %d and nothing else",
				step.args, len(creates), len(deletes), len(lists), len(all), step.creates, step.delete, step.processes)
		}
		if got, most := connections(all), parallelism*step.processes; got > most {
			t.Errorf("%v: %d connections, want at most %d", step.args, got, most)
		}
		s.ResetRequests()
	}
}
