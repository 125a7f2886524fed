// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The world in which a random history happens (history_protocol_test.go).

package provider

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// world is the TitanX of a history, and everybody who uses it.
type world struct {
	*simulation
	net     *memoryNetwork
	history history
	spaces  [spaces]*workspace
	log     bytes.Buffer

	mu         sync.Mutex
	began      time.Time
	trace      strings.Builder
	violations []string
	said       strings.Builder // all diagnostics
	personal   map[string]bool // webhooks that a person uses
	forgot     bool            // a state forgot a resource, and with it what its create may have left
	processes  []*process
}

// live runs a history, lets everything recover, and returns how the provider
// broke its promise.
func live(t *testing.T, h history) (violations []string, trace string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, h)
		for _, r := range h.Rounds {
			w.round(r)
		}
		w.recover()
		w.check()
		w.mu.Lock()
		defer w.mu.Unlock()
		violations, trace = w.violations, w.trace.String()
	})
	return violations, trace
}

func newWorld(t *testing.T, h history) *world {
	t.Helper()
	dialect, err := titanxsim.ParseDialect(h.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{history: h, personal: map[string]bool{}, began: time.Now()}
	w.simulation, w.net = simulateInMemory(t, titanxsim.Config{
		Dialect: dialect,
		Latency: 50 * time.Millisecond,
		Limits:  titanxsim.Limits{Minute: h.Limit},
		Now:     func() time.Time { return time.Now().Add(time.Duration(h.Ahead) * time.Hour) },
	})
	w.t = recorder{t, w}
	w.ctx = tflogtest.RootLogger(context.Background(), &w.log)
	for i := range w.spaces {
		w.spaces[i] = &workspace{w: w, number: i, owned: map[string]bool{}}
		for j := range slots {
			w.spaces[i].slots = append(w.spaces[i].slots, &slot{number: j})
		}
	}
	return w
}

// recorder notes a failed test as a violation, so that rapid can shrink it.
type recorder struct {
	testing.TB
	w *world
}

func (r recorder) Helper()                   {}
func (r recorder) Error(a ...any)            { r.w.violate(fmt.Sprint(a...)) }
func (r recorder) Errorf(f string, a ...any) { r.w.violate(fmt.Sprintf(f, a...)) }
func (r recorder) Fatal(a ...any)            { r.Error(a...); runtime.Goexit() }
func (r recorder) Fatalf(f string, a ...any) { r.Errorf(f, a...); runtime.Goexit() }

func (w *world) violate(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.violations = append(w.violations, text)
	fmt.Fprintf(&w.trace, "%9s VIOLATED: %s\n", time.Since(w.began).Round(time.Millisecond), text)
}

func (w *world) tracef(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.trace, "%9s "+format+"\n", append([]any{time.Since(w.began).Round(time.Millisecond)}, a...)...)
}

// round lets everything of a round happen.
func (w *world) round(r round) {
	for _, e := range r.Edits {
		w.edit(e)
	}
	for _, f := range r.Faults {
		w.inject(f)
	}
	var all sync.WaitGroup
	for _, a := range r.Acts {
		all.Go(func() {
			time.Sleep(time.Duration(a.At) * time.Millisecond)
			w.act(a)
		})
	}
	for _, what := range r.Runs {
		all.Go(func() {
			time.Sleep(time.Duration(what.Start) * time.Millisecond)
			w.spaces[what.Space].run(what)
		})
	}
	all.Wait()
	if !r.Stay {
		w.ClearFaults()
		w.net.clearDetours()
	}
	time.Sleep(time.Duration(r.Wait) * time.Minute)
}

// inject causes a fault. What the server then says holds the key and all
// secrets of one workspace.
func (w *world) inject(f mishap) {
	i := slices.IndexFunc(troubles(), func(t trouble) bool { return t.name == f.Trouble })
	what := troubles()[i]
	w.tracef("fault %+v", f)
	if what.host != "" {
		for _, call := range []titanxsim.Call{titanxsim.CallCreate, titanxsim.CallList, titanxsim.CallGet, titanxsim.CallSetStatus, titanxsim.CallDelete} {
			if f.Call == call || f.Call == "" {
				w.net.divert(detour{call, f.After, f.Times, what.host})
			}
		}
		return
	}
	fault := what.fault
	fault.Call, fault.After, fault.Times = f.Call, f.After, f.Times
	if fault.Kind == titanxsim.FaultStatus {
		words := "no luck, " + w.apiKey
		for _, s := range w.spaces[0].slots {
			if s.state.exists() {
				words += ", " + s.state.text(w.t, "secret")
			}
		}
		fault.Body = fmt.Appendf(nil, `{"error":%q}`, words)
	}
	w.Inject(fault)
}

// act does what a person does at TitanX.
func (w *world) act(a act) {
	s := w.spaces[a.Space].slots[a.Slot]
	s.mu.Lock()
	id, config := s.id(w.t), s.config
	s.mu.Unlock()
	w.tracef("person: %s %d.%d %s", a.What, a.Space, a.Slot, id)
	switch a.What {
	case "create", "old":
		if w.refusesTwice() {
			return
		}
		made := titanxsim.Webhook{Name: "test", URL: historyURLs[0], EventTypes: []string{"job.contact.scored"}}
		if config != nil {
			made.Name, made.URL, made.EventTypes = config["name"].(string), config["url"].(string), config["event_types"].([]string)
		}
		if a.What == "old" {
			made.Status, made.CreatedAt = "inactive", w.serverNow().Add(-24*time.Hour)
		}
		made = w.Put(simUser, made)
		w.mu.Lock()
		w.personal[made.ID] = true
		w.mu.Unlock()
		w.tracef("person: created %s", made.ID)
	case "delete":
		w.Remove(simUser, id)
	case "switch":
		if strings.Contains(w.history.Dialect, "status-out=absent") {
			return // nobody can see it
		}
		for _, there := range w.Webhooks(simUser) {
			if there.ID == id {
				there.Status = map[string]string{"active": "inactive"}[there.Status]
				w.Put(simUser, there)
			}
		}
	}
}

func (w *world) serverNow() time.Time {
	return time.Now().Add(time.Duration(w.history.Ahead) * time.Hour)
}

// What the configurations of a history hold. The second url has a token.
var (
	historyURLs   = []string{"https://hooks.example.com/titanx", "https://hooks.example.com/CANARY-path?token=CANARY-token"}
	historyNames  = []string{"test", "contacts"}
	historyEvents = [][]string{{"job.contact.scored"}, {"job.completed", "job.contact.scored"}}
)

var historyIdentity = sync.OnceValue(func() *age.X25519Identity {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return identity
})

func (w *world) edit(e edit) {
	ws := w.spaces[e.Space]
	s := ws.slots[e.Slot]
	w.tracef("edit %+v", e)
	address := func(which int) string {
		if w.refusesTwice() {
			return fmt.Sprintf("https://hooks.example.com/%d/%d/%d", e.Space, e.Slot, which&1)
		}
		return historyURLs[which&1]
	}
	if e.What == "add" && s.config == nil {
		s.config = object{"name": historyNames[e.Value&1], "url": address(e.Value >> 1), "event_types": historyEvents[e.Value>>2&1]}
		if w.losesSecrets() {
			s.config["on_lost_secret"] = "keep" // each new webhook would be replaced again
		}
		return
	}
	if e.What == "import" && s.config == nil && !s.state.exists() {
		w.adoptPersonal(s)
		return
	}
	if s.config == nil {
		return
	}
	set := func(name string, value any) { s.config = s.config.with(object{name: value}) }
	switch e.What {
	case "remove":
		s.config, s.imports = nil, ""
	case "name":
		set("name", historyNames[e.Value&1])
	case "url":
		set("url", address(e.Value))
	case "events":
		set("event_types", historyEvents[e.Value&1])
	case "status":
		set("status", []any{"active", "inactive", nil}[e.Value%3])
	case "trigger":
		set("rotation_triggers", map[string]string{"generation": fmt.Sprint(e.Value)})
	case "recipients":
		set("secret_recipients", []string{historyIdentity().Recipient().String()})
	case "lost":
		if !w.losesSecrets() {
			set("on_lost_secret", []any{"keep", "replace"}[e.Value&1])
		}
	case "age":
		set("rotate_after", "2h")
	case "first":
		s.first = !s.first && !w.refusesTwice()
	case "adopt":
		for _, there := range w.Webhooks(simUser) {
			if there.ID == s.id(w.t) {
				set("secret_wo", there.Secret)
			}
		}
	case "forget":
		if w.refusesTwice() {
			return // TitanX refuses the webhook until somebody imports the first one
		}
		w.forgot = true
		if id := s.id(w.t); id != "" && !isPendingID(id) {
			w.personal[id] = true
		}
		s.state, s.tainted, s.config, s.imports = instance{}, false, nil, ""
	}
}

// adoptPersonal lets the next run import a webhook that a person uses.
func (w *world) adoptPersonal(s *slot) {
	for _, there := range w.Webhooks(simUser) {
		if !w.personal[there.ID] || w.isImported(there.ID) {
			continue
		}
		s.imports = there.ID
		s.config = object{"name": there.Name, "url": there.URL, "event_types": there.EventTypes, "status": there.Status, "on_lost_secret": "keep"}
		s.applied = s.config
		return
	}
}

func (w *world) isImported(id string) bool {
	for _, ws := range w.spaces {
		for _, s := range ws.slots {
			if s.imports == id || s.id(w.t) == id {
				return true
			}
		}
	}
	return false
}

// losesSecrets reports whether TitanX returns no secret at all.
func (w *world) losesSecrets() bool { return strings.Contains(w.history.Dialect, "create-secret") }

// refusesTwice reports whether TitanX refuses a second webhook of one url.
func (w *world) refusesTwice() bool { return strings.Contains(w.history.Dialect, "same-url=409") }

func isPendingID(id string) bool { return strings.HasPrefix(id, pendingPrefix) }
