// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The runs of the provider in a random history (history_protocol_test.go).

package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// process is one process of the provider.
type process struct {
	w      *world
	space  *workspace
	what   run
	count  *requestCount // of the run
	cancel context.CancelFunc
	p      *protocolServer

	died chan struct{} // closed when it is killed
}

// requestCount counts the requests of a run, whose last process is killed.
type requestCount struct {
	mu    sync.Mutex
	sent  int
	stop  bool // canceled
	dead  bool
	posts int // creates that were sent
}

var errKilled = errors.New("the provider was killed")

// RoundTrip implements http.RoundTripper.
func (p *process) RoundTrip(req *http.Request) (*http.Response, error) {
	c := p.count
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return nil, errKilled
	}
	c.sent++
	number := c.sent
	if number == p.what.Interrupt {
		c.stop = true
		p.cancel()
	}
	c.mu.Unlock()
	killed := number == p.what.Kill
	if killed && !p.what.Answered {
		p.kill()
		return nil, errKilled
	}
	req = req.Clone(req.Context())
	req.Header.Set("X-Space", fmt.Sprint(p.space.number))
	if callOf(req) == titanxsim.CallCreate {
		c.mu.Lock()
		c.posts++
		c.mu.Unlock()
	}
	resp, err := p.w.net.RoundTrip(req)
	outcome := "failed"
	if err == nil {
		outcome = resp.Status
		if p.w.history.NoHeaders {
			for name := range resp.Header {
				if name == "Date" || strings.HasPrefix(name, "X-Ratelimit") {
					resp.Header.Del(name)
				}
			}
		}
	}
	p.w.tracef("%d: %d %s %s: %s", p.space.number, number, req.Method, strings.TrimPrefix(req.URL.Path, titanxsim.BasePath), outcome)
	if killed {
		if err == nil {
			resp.Body.Close()
		}
		p.kill()
		return nil, errKilled
	}
	return resp, err
}

func (p *process) kill() {
	p.count.mu.Lock()
	defer p.count.mu.Unlock()
	if !p.count.dead {
		p.w.tracef("%d: killed", p.space.number)
		p.count.dead = true
		close(p.died)
	}
}

// wasKilled reports whether the provider was killed after it had sent a create.
func (p *process) wasKilled() bool {
	p.count.mu.Lock()
	defer p.count.mu.Unlock()
	return p.count.dead && p.count.posts > 0
}

func (p *process) isOver() bool {
	p.count.mu.Lock()
	defer p.count.mu.Unlock()
	return p.count.dead || p.count.stop
}

// workspace is a configuration and its state.
type workspace struct {
	w      *world
	number int
	slots  []*slot

	mu    sync.Mutex
	owned map[string]bool // all ids that its state ever had
	said  []*tfprotov6.Diagnostic
}

// start starts a process of the provider. It is nil if that failed.
func (ws *workspace) start(what run, count *requestCount, applying bool) *process {
	w := ws.w
	p := &process{w: w, space: ws, what: what, count: count, died: make(chan struct{})}
	w.mu.Lock()
	w.processes = append(w.processes, p)
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(w.ctx)
	p.cancel = cancel
	s := &simulation{Server: w.Server, t: w.t, ctx: ctx, baseURL: w.baseURL, apiKey: w.apiKey, adapt: func(cfg *titanx.Config) {
		cfg.Transport, cfg.RetryWait, cfg.SettleWait = p, 0, 0 // as in production
	}}
	started, ok := within(p, func() *protocolServer { return s.protocol(nil) })
	if !ok {
		return nil
	}
	p.p = started
	p.p.applying = applying
	return p
}

// within calls the provider. It reports false if the provider was killed or
// the test failed before it answered.
func within[R any](p *process, call func() R) (result R, ok bool) {
	done := make(chan R, 1)
	go func() {
		defer close(done)
		done <- call()
	}()
	select {
	case result, ok = <-done:
	case <-p.died:
	}
	return result, ok
}

// slot is one resource of a workspace.
type slot struct {
	number  int
	config  object // nil if there is none
	first   bool   // create_before_destroy
	imports string // the id that the next run imports

	mu      sync.Mutex // config and state change under it: a person looks at them during a run
	state   instance
	tainted bool
	deposed []instance
	applied object // the configuration that the webhook was created or imported with
	lost    bool   // it came without a secret
}

func (s *slot) id(t testing.TB) string {
	if !s.state.exists() {
		return ""
	}
	return s.state.text(t, "id")
}

// tell notes diagnostics, and reports whether one is an error.
func (ws *workspace) tell(diags []*tfprotov6.Diagnostic) (failed bool) {
	for _, d := range diags {
		ws.w.tracef("%d: %s: %s: %s", ws.number, d.Severity, d.Summary, d.Detail)
		failed = failed || d.Severity == isError
	}
	ws.mu.Lock()
	ws.said = append(ws.said, diags...)
	ws.mu.Unlock()
	ws.w.mu.Lock()
	defer ws.w.mu.Unlock()
	for _, d := range diags {
		ws.w.said.WriteString(d.Summary + "\n" + d.Detail + "\n")
	}
	return failed
}

// own notes the id of a state.
func (ws *workspace) own(i instance) {
	if i.exists() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		ws.owned[i.text(ws.w.t, "id")] = true
	}
}

// owns reports whether the state ever had a webhook.
func (ws *workspace) owns(id string) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.owned[id]
}

// slotPlan is the plan of a slot.
type slotPlan struct {
	slot    *slot
	state   instance // refreshed
	tainted bool
	config  object
	change  change
	replace bool
	failed  bool
}

func (p slotPlan) nothing() bool {
	return !p.failed && !p.replace && len(p.slot.deposed) == 0 && (p.config == nil && !p.state.exists() || p.config != nil && p.change.noChange())
}

// run is one run. It reports whether it went well and whether it had nothing
// to change.
func (ws *workspace) run(what run) (well, nothing bool) {
	ws.said = nil
	count := &requestCount{}
	ws.w.tracef("%d: %s", ws.number, what.What)
	defer func() {
		ws.w.tracef("%d: %s done: well %t, nothing to do %t", ws.number, what.What, well, nothing)
		count.mu.Lock()
		sent := count.sent
		count.mu.Unlock()
		if sent > maxRequests*(1+slots) {
			ws.w.violate(fmt.Sprintf("%d requests in a run of workspace %d", sent, ws.number))
		}
	}()
	p := ws.start(what, count, false)
	if p == nil {
		return false, false
	}
	defer p.cancel()
	before := ws.w.Webhooks(simUser)
	plans := each(ws.slots, func(s *slot) slotPlan { return ws.plan(p, s, what) })
	nothing = true
	for _, plan := range plans {
		if plan.failed || p.isOver() {
			return false, false
		}
		nothing = nothing && plan.nothing()
	}
	if what.What != "refresh" {
		ws.checkDuplicates(before, plans)
	}
	if what.What == "plan" {
		return true, nothing
	}
	for _, plan := range plans {
		ws.keep(plan.slot, plan.state, plan.tainted)
		if plan.slot.imports != "" && plan.state.exists() {
			plan.slot.imports, plan.slot.lost = "", true
		}
	}
	if what.What == "refresh" {
		return true, nothing
	}
	again := ws.start(what, count, true)
	if again == nil {
		return false, false
	}
	defer again.cancel()
	results := each(plans, func(plan slotPlan) bool { return ws.apply(again, plan) })
	return !slices.Contains(results, false), nothing
}

// each calls do for all, at nearly the same time.
func each[T, R any](all []T, do func(T) R) []R {
	results := make([]R, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() {
			time.Sleep(time.Duration(7*i) * time.Millisecond)
			results[i] = do(one)
		})
	}
	group.Wait()
	return results
}

// keep stores what core stores of a slot.
func (ws *workspace) keep(s *slot, state instance, tainted bool) {
	if !state.exists() {
		state = instance{}
	}
	ws.own(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.tainted = state, tainted && state.exists()
}

// returned is what a call of the provider returned.
type returned struct {
	state instance
	diags []*tfprotov6.Diagnostic
}

func (ws *workspace) plan(p *process, s *slot, what run) slotPlan {
	plan := slotPlan{slot: s, state: s.state, tainted: s.tainted, config: s.config}
	fail := func() slotPlan { plan.failed = true; return plan }
	if what.What == "destroy" {
		plan.config = nil
	}
	if s.imports != "" && !plan.state.exists() {
		got, ok := within(p, func() returned { i, diags := p.p.importByID(s.imports); return returned{i, diags} })
		if !ok || ws.tell(got.diags) {
			return fail()
		}
		plan.state = got.state
	}
	if plan.state.exists() {
		got, ok := within(p, func() returned { i, diags := p.p.read(plan.state); return returned{i, diags} })
		if !ok || ws.tell(got.diags) {
			return fail()
		}
		if plan.state = got.state; !plan.state.exists() {
			plan.state, plan.tainted = instance{}, false
		}
	}
	if what.What == "refresh" || plan.config == nil && !plan.state.exists() {
		return plan
	}
	prior := plan.state
	if plan.tainted && plan.config != nil {
		prior, plan.replace = instance{}, true
	}
	got, ok := within(p, func() change { return p.p.plan(prior, plan.config) })
	if !ok || ws.tell(got.diags) {
		return fail()
	}
	plan.change = got
	if len(got.replace) > 0 && plan.config != nil {
		plan.replace = true
		ws.checkCause(s, plan, got)
		second, ok := within(p, func() change { return p.p.plan(instance{private: plan.state.private}, plan.config) })
		if !ok || hasError(second.diags) && ws.tell(second.diags) { // core drops the warnings
			return fail()
		}
	}
	return plan
}

// apply carries out a plan.
func (ws *workspace) apply(p *process, plan slotPlan) bool {
	s := plan.slot
	for len(s.deposed) > 0 {
		left, ok := ws.carryOut(p, s.deposed[0], nil, nil)
		if !ok || left.exists() {
			return false
		}
		s.deposed = s.deposed[1:]
	}
	switch {
	case plan.config == nil && !plan.state.exists():
		return true
	case plan.config == nil:
		state, ok := ws.carryOut(p, s.state, nil, nil)
		ws.keep(s, state, s.tainted)
		return ok
	case plan.replace && s.first:
		old := s.state
		ws.keep(s, instance{}, false)
		ok := ws.create(p, s, old.private, plan)
		if !s.state.exists() {
			ws.keep(s, old, plan.tainted)
			return false
		}
		if !ok {
			s.deposed = append(s.deposed, old)
			return false
		}
		left, ok := ws.carryOut(p, old, nil, nil)
		if left.exists() {
			s.deposed = append(s.deposed, left)
		}
		return ok
	case plan.replace:
		old := s.state
		left, ok := ws.carryOut(p, old, nil, nil)
		ws.keep(s, left, s.tainted)
		if !ok {
			return false
		}
		return ws.create(p, s, old.private, plan)
	case !s.state.exists():
		return ws.create(p, s, nil, plan)
	case plan.change.noChange():
		return true
	}
	state, ok := ws.carryOut(p, s.state, plan.config, &plan.change.planned)
	ws.keep(s, state, false)
	return ok
}

func (ws *workspace) create(p *process, s *slot, private []byte, plan slotPlan) bool {
	if plan.tainted {
		private = nil
	}
	state, ok := ws.carryOut(p, instance{private: private}, plan.config, nil)
	ws.keep(s, state, !ok)
	if state.exists() {
		if !ok && state.text(ws.w.t, "secret_status") != secretLost {
			ws.w.violate("a webhook is tainted although the state has its secret")
		}
		if s.config != nil {
			s.mu.Lock()
			s.config = s.config.with(object{"secret_wo": nil}) // it was another webhook's
			s.mu.Unlock()
		}
		s.applied, s.lost = plan.config, ok && state.text(ws.w.t, "secret_status") == secretLost
		if s.lost && !ws.w.losesSecrets() {
			ws.w.violate("a create lost its secret without a word of the server")
		}
	}
	return ok
}

// carryOut plans once more, as core does, and applies.
func (ws *workspace) carryOut(p *process, prior instance, config object, before *instance) (state instance, well bool) {
	if p.isOver() {
		return prior, false
	}
	got, ok := within(p, func() returned {
		again := p.p.plan(prior, config)
		if hasError(again.diags) {
			return returned{prior, again.diags}
		}
		if before != nil {
			p.p.mustAgree(*before, again.planned)
			if len(again.replace) > 0 {
				p.p.t.Errorf("the apply replaces where the plan did not: %v", again.replace)
			}
		}
		state, diags := p.p.apply(again)
		if !hasError(diags) && config != nil {
			p.p.mustAgree(again.planned, state)
		}
		return returned{state, diags}
	})
	if !ok {
		return prior, false
	}
	failed := ws.tell(got.diags)
	if failed && !got.state.exists() {
		return prior, false
	}
	if !got.state.exists() {
		return instance{}, !failed
	}
	return got.state, !failed
}
