// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Uncertain creates with a real CLI (webhook_pending.go, webhook_resource.go).

package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

var apply = []string{"apply", "-auto-approve"}

// hurried lets the provider try again but once.
const hurried = "provider \"titanx\" {\n  max_retries = 1\n}\n"

// lostResponse creates the webhook and loses the response.
var lostResponse = titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: 1}

func broken(call titanxsim.Call) titanxsim.Fault {
	return titanxsim.Fault{Call: call, Kind: titanxsim.FaultStatus, Status: http.StatusServiceUnavailable}
}

// afterLostResponse runs a test in which the response to the first create is
// lost, in each order in which Terraform replaces.
func afterLostResponse(t *testing.T, test func(*testing.T, *simulation, *folder)) {
	for name, lifecycle := range map[string]string{
		"destroy before create": "",
		"create before destroy": "lifecycle {\n  create_before_destroy = true\n}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, webhookHCL(lifecycle))
			c.write("provider_override.tf", hurried)
			s.Inject(lostResponse)
			test(t, s, c)
		})
	}
}

// unlisted lets the list fail after so many answers.
func unlisted(after int) titanxsim.Fault {
	down := broken(titanxsim.CallList)
	down.After = after
	return down
}

// TestAccWebhook_pending: the response to a create is lost, and the list is
// down, so that nobody can tell what became of it.
func TestAccWebhook_pending(t *testing.T) {
	t.Parallel()
	afterLostResponse(t, func(t *testing.T, s *simulation, c *folder) {
		s.Inject(unlisted(2)) // one for the plan, one before the create
		c.mustFail(apply, "the outcome is uncertain", `webhook "test"`, "The next apply looks for it")
		orphan := s.only().ID
		if held := c.instances(); len(held) != 1 || held[0].Status != "tainted" || !strings.HasPrefix(held[0].Attributes.ID, pendingPrefix) || held[0].Attributes.Secret != "" {
			t.Fatalf("the state after it: %+v", held)
		}

		s.ClearFaults()
		s.Inject(unlisted(1)) // one for the plan
		c.mustFail(apply)
		if left := s.Webhooks(simUser); len(left) == 0 || left[0].ID != orphan {
			t.Fatalf("the orphan was removed while the list was down: %v", len(left))
		}

		s.ClearFaults()
		c.mustSay(c.must(apply...), `Orphan of webhook "test" deleted`, orphan)
		if s.only().ID == orphan {
			t.Error("the orphan was kept")
		}
		c.mustAgree(s)
	})
}

// TestAccWebhook_orphanSearchNeverDeletesAnActiveWebhook states the promise:
// looking for an orphan never deletes a webhook that delivers. Two processes
// apply the same configuration side by side, and each loses a response. In the
// end both are complete. TestHistories_protocol proves it for many more runs.
func TestAccWebhook_orphanSearchNeverDeletesAnActiveWebhook(t *testing.T) {
	t.Parallel()
	for n := range 4 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Latency: time.Duration(n) * 250 * time.Millisecond})
			fault := lostResponse
			s.Inject(fault)
			fault.After = n // the other run's first create, or one that was sent again
			s.Inject(fault)
			var runs sync.WaitGroup
			sides := []*folder{newCLI(t, s, webhookHCL("")), newCLI(t, s, webhookHCL(""))}
			for _, side := range sides {
				runs.Go(func() {
					if out, code := side.run(apply...); code != 0 {
						t.Errorf("ended with %d:\n%s", code, out)
					}
				})
			}
			runs.Wait()
			for _, w := range s.Deleted(simUser) {
				if w.Status == titanx.StatusActive {
					t.Errorf("%s was deleted while it was active", w.ID)
				}
			}
			secrets := map[string]string{}
			for _, w := range s.Webhooks(simUser) {
				secrets[w.ID] = w.Secret
				if w.Status != titanx.StatusActive {
					t.Errorf("%s is %s", w.ID, w.Status)
				}
			}
			if len(secrets) != len(sides) {
				t.Errorf("%d webhooks on the server, want %d", len(secrets), len(sides))
			}
			for _, side := range sides {
				for _, held := range side.instances() {
					if held.Attributes.Secret == "" || held.Attributes.Secret != secrets[held.Attributes.ID] {
						t.Errorf("%s in a state is not what the server has", held.Attributes.ID)
					}
				}
			}
		})
	}
}

// stateInstance is a webhook in the state file.
type stateInstance struct {
	Status     string // "tainted" or ""
	Deposed    string // not "" for what create_before_destroy has left to delete
	Attributes struct {
		ID, Name, Secret string
	}
}

// instances returns the webhooks in the state file.
func (c *folder) instances() []stateInstance {
	c.t.Helper()
	var state struct {
		Resources []struct {
			Type      string
			Instances []stateInstance
		}
	}
	if err := json.Unmarshal([]byte(c.read("terraform.tfstate")), &state); err != nil {
		c.t.Fatal(err)
	}
	var out []stateInstance
	for _, r := range state.Resources {
		if r.Type == webhookType {
			out = append(out, r.Instances...)
		}
	}
	return out
}

// mustAgree checks that the state holds exactly the server's webhooks, each
// with its secret, and that nothing is left to do.
func (c *folder) mustAgree(s *simulation) {
	c.t.Helper()
	secrets := map[string]string{}
	for _, w := range s.Webhooks(simUser) {
		secrets[w.ID] = w.Secret
	}
	held := c.instances()
	if len(held) != len(secrets) {
		c.t.Errorf("%d webhooks in the state, %d on the server", len(held), len(secrets))
	}
	for _, i := range held {
		if i.Status != "" || i.Deposed != "" || i.Attributes.Secret == "" || i.Attributes.Secret != secrets[i.Attributes.ID] {
			c.t.Errorf("%s in the state (%q, deposed %q) is not what the server has", i.Attributes.ID, i.Status, i.Deposed)
		}
		delete(secrets, i.Attributes.ID)
	}
	c.noChanges()
}

// mustFail runs the CLI, which must fail with the given texts, and returns what
// it prints on one line.
func (c *folder) mustFail(args []string, texts ...string) string {
	c.t.Helper()
	out, code := c.run(args...)
	if code != 1 {
		c.t.Fatalf("%v ended with %d, want 1:\n%s", args, code, out)
	}
	return c.mustSay(out, texts...)
}

// mustSay checks that texts are in what the CLI has printed, and returns that
// on one line.
func (c *folder) mustSay(out string, texts ...string) string {
	c.t.Helper()
	out = unwrapped(out)
	for _, text := range texts {
		if !strings.Contains(out, text) {
			c.t.Errorf("no word of %q in: %s", text, out)
		}
	}
	return out
}

// unwrapped joins the lines into which the CLI breaks a message.
func unwrapped(out string) string {
	return strings.Join(strings.FieldsFunc(out, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("│╷╵", r) }), " ")
}

// TestAccPending_preventDestroy cannot replace a placeholder under
// prevent_destroy, and says how.
func TestAccPending_preventDestroy(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL("lifecycle {\n    prevent_destroy = true\n  }"))
	s.Inject(lostResponse)
	s.Inject(unlisted(2)) // one for the plan, one before the create
	c.mustFail(apply, "uncertain")
	s.ClearFaults()
	c.mustFail(apply, "is pending", "prevent_destroy is set, set it to false")
	c.must("untaint", "titanx_webhook.test")
	c.mustFail(apply, "is pending", "prevent_destroy is set, set it to false")
	c.write("main.tf", strings.Replace(c.read("main.tf"), "prevent_destroy = true", "prevent_destroy = false", 1))
	c.must(apply...)
	c.mustAgree(s)
}
