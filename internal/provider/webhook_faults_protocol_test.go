// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The resource when each call of each step of a webhook's life fails.

package provider

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// trouble is a way in which a call goes wrong: at the simulator, or on the way
// to it.
type trouble struct {
	name  string
	fault titanxsim.Fault
	host  string // where the request goes instead
}

func troubles() []trouble {
	const status, tooSlow = titanxsim.FaultStatus, time.Hour
	out := []trouble{
		{name: "refused connection", host: refusingHost},
		{name: "certificate that does not verify", host: untrustedHost},
		{name: "reset before the server reads", host: resettingHost},
		{name: "reset before commit", fault: titanxsim.Fault{Kind: titanxsim.FaultReset}},
		{name: "reset after commit", fault: titanxsim.Fault{Kind: titanxsim.FaultReset, Commit: true}},
		{name: "cut before commit", fault: titanxsim.Fault{Kind: titanxsim.FaultCut}},
		{name: "cut after commit", fault: titanxsim.Fault{Kind: titanxsim.FaultCut, Commit: true}},
		{name: "too slow before commit", fault: titanxsim.Fault{Kind: titanxsim.FaultDelay, Delay: tooSlow}},
		{name: "too slow after commit", fault: titanxsim.Fault{Kind: titanxsim.FaultDelay, Delay: tooSlow, Commit: true}},
		{name: "slow body", fault: titanxsim.Fault{Kind: titanxsim.FaultSlowBody, Commit: true}},
	}
	for _, code := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout} {
		out = append(out,
			trouble{name: fmt.Sprint(code, " before commit"), fault: titanxsim.Fault{Kind: status, Status: code}},
			trouble{name: fmt.Sprint(code, " after commit"), fault: titanxsim.Fault{Kind: status, Status: code, Commit: true}})
	}
	for _, code := range []int{http.StatusNotFound, http.StatusGone} {
		out = append(out, trouble{name: fmt.Sprint(code), fault: titanxsim.Fault{Kind: status, Status: code, Body: []byte(`{"error":"not found"}`)}})
	}
	return append(out,
		trouble{name: "late commit", fault: titanxsim.Fault{Kind: titanxsim.FaultReset, CommitAfter: time.Minute}},
		trouble{name: "409", fault: titanxsim.Fault{Kind: status, Status: http.StatusConflict, Body: []byte(`{"error":"conflict"}`)}},
		trouble{name: "429 with headers", host: limitedHost},
		trouble{name: "429 without headers", fault: titanxsim.Fault{Kind: status, Status: http.StatusTooManyRequests}},
		trouble{name: "empty 2xx", fault: titanxsim.Fault{Kind: titanxsim.FaultEmpty, Commit: true}},
		trouble{name: "HTML 2xx after commit", fault: titanxsim.Fault{Kind: titanxsim.FaultHTML, Commit: true}},
		trouble{name: "HTML 2xx of another server", fault: titanxsim.Fault{Kind: titanxsim.FaultHTML}},
		trouble{name: "truncated 2xx", fault: titanxsim.Fault{Kind: titanxsim.FaultTruncated, Commit: true}},
		trouble{name: "2xx of another shape", fault: titanxsim.Fault{Kind: titanxsim.FaultOtherShape, Commit: true}},
		trouble{name: "20 MiB", fault: titanxsim.Fault{Kind: titanxsim.FaultHuge, Commit: true}},
		trouble{name: "gzip bomb", fault: titanxsim.Fault{Kind: titanxsim.FaultGzipBomb, Commit: true}},
		trouble{name: "redirect to another host", fault: titanxsim.Fault{Kind: titanxsim.FaultRedirect}},
	)
}

// lifeStep is a step of a webhook's life in which a call goes wrong.
type lifeStep struct {
	name   string
	call   titanxsim.Call
	after  int              // calls of the step that go well first
	also   *titanxsim.Fault // goes wrong too
	before object           // what was applied before the step; nil is nothing
	behind func(*core)      // what happens behind Terraform's back before the step
	apply  object           // the configuration of the step
}

func lifeSteps() []lifeStep {
	noResponse := &titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultReset, Commit: true, Times: 1}
	one := testWebhook(nil)
	return []lifeStep{
		{name: "create", call: titanxsim.CallCreate, apply: one},
		{name: "list while a create is planned", call: titanxsim.CallList, apply: one},
		{name: "list before a create", call: titanxsim.CallList, after: 1, apply: one},
		{name: "list after an uncertain create", call: titanxsim.CallList, after: 2, also: noResponse, apply: one},
		{name: "delete after an uncertain create", call: titanxsim.CallDelete, also: noResponse, apply: one},
		{name: "list", call: titanxsim.CallList, before: one, apply: one},
		{name: "activation", call: titanxsim.CallSetStatus, apply: one},
		{name: "get", call: titanxsim.CallGet, before: one, behind: (*core).removeBehind, apply: one},
		{name: "status", call: titanxsim.CallSetStatus, before: testWebhook(object{"status": "inactive"}), apply: one},
		{name: "delete", call: titanxsim.CallDelete, before: one, apply: testWebhook(object{"rotation_triggers": map[string]string{"generation": "2"}})},
	}
}

func (c *core) removeBehind() { c.s.Remove(simUser, c.state.text(c.s.t, "id")) }

// maxRequests bounds what one run may send for one webhook, whatever goes
// wrong.
const maxRequests = 60

// TestFaults_protocol lets every call go wrong in every way. If that fails the
// apply, the next one must repair everything.
func TestFaults_protocol(t *testing.T) {
	t.Parallel()
	for _, step := range lifeSteps() {
		for _, trouble := range troubles() {
			for _, often := range []struct {
				name  string
				times int
			}{{"once", 1}, {"always", 0}} {
				name := fmt.Sprintf("%s × %s × %s", step.name, trouble.name, often.name)
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						t.Logf("cell %s: %s", name, newFaultCell(t, titanxsim.Dialect{}).run(step, trouble, often.times))
					})
				})
			}
		}
	}
}

// faultCell is one combination of the matrix.
type faultCell struct {
	*core
	t         *testing.T
	net       *memoryNetwork
	log       bytes.Buffer
	receiver  receiver
	bystander titanxsim.Webhook // just like ours, but made before: nobody may touch it
	output    strings.Builder   // all diagnostics
	secrets   []string          // all that were ever seen
}

func newFaultCell(t *testing.T, dialect titanxsim.Dialect) *faultCell {
	t.Helper()
	c := &faultCell{t: t}
	var s *simulation
	s, c.net = simulateInMemory(t, titanxsim.Config{
		Dialect:           dialect,
		Latency:           50 * time.Millisecond,
		DeliveryTransport: &c.receiver,
	})
	s.ctx = tflogtest.RootLogger(context.Background(), &c.log)
	c.core = &core{s: s}
	c.bystander = s.Put(simUser, titanxsim.Webhook{
		Name: "test", URL: "https://hooks.example.com/titanx", EventTypes: []string{"job.contact.scored"}, CreatedAt: time.Now().Add(-time.Hour),
	})
	return c
}

// run applies the step, and returns how it went.
func (c *faultCell) run(step lifeStep, what trouble, times int) string {
	c.t.Helper()
	if step.before != nil && !c.apply(step.before) {
		c.t.Fatalf("before the fault: %v", summaries(c.said))
	}
	if step.behind != nil {
		step.behind(c.core)
	}
	if step.also != nil {
		c.s.Inject(*step.also)
	}
	if what.host != "" {
		c.net.divert(detour{step.call, step.after, times, what.host})
	} else {
		fault := what.fault
		fault.Call, fault.After, fault.Times = step.call, step.after, times
		c.s.Inject(fault)
	}
	c.net.sent()
	well := c.observe(step.apply)
	outcome := fmt.Sprintf("recovered in the same apply, %d requests", c.requests())
	if !well {
		outcome = strings.Replace(outcome, "recovered in the same apply", c.said[len(c.said)-1].Summary, 1)
		c.s.ClearFaults()
		c.net.clearDetours()
		if !c.observe(step.apply) {
			c.t.Fatalf("no recovery: %v", summaries(c.said))
		}
		outcome += fmt.Sprintf("; recovered in the next apply, %d requests", c.requests())
	}
	c.s.ClearFaults()
	c.net.clearDetours()
	if has(c.said, isWarning, "status", "is not active yet") {
		if !c.observe(step.apply) {
			c.t.Fatalf("no activation: %v", summaries(c.said))
		}
		outcome += fmt.Sprintf("; active in the next apply, %d requests", c.requests())
	}
	c.mendLateCommits(step.apply)
	c.check(step.apply)
	return outcome
}

// mendLateCommits lets what is still under way take effect. A refresh must name
// it and delete nothing; the next change deletes what is proven, and the user
// deletes the rest.
func (c *faultCell) mendLateCommits(config object) {
	c.t.Helper()
	before := len(c.ours())
	time.Sleep(2 * time.Minute)
	if len(c.ours()) == before {
		return
	}
	if !c.unchanged(config) || len(c.ours()) == before {
		c.t.Errorf("a refresh changes something: %v", summaries(c.said))
	}
	for _, w := range c.ours() {
		if w.ID != c.id() && !has(c.said, isWarning, "", w.ID) {
			c.t.Errorf("a refresh does not name %s: %v", w.ID, summaries(c.said))
		}
	}
	for _, status := range []string{"inactive", "active"} {
		if !c.apply(testWebhook(object{"status": status})) {
			c.t.Errorf("%v", summaries(c.said))
		}
	}
	if len(c.ours()) != 1 {
		c.t.Errorf("%d of ours are left: %v", len(c.ours()), summaries(c.said))
	}
	if !c.apply(config) {
		c.t.Errorf("%v", summaries(c.said))
	}
}

func (c *faultCell) requests() int {
	c.t.Helper()
	sent := c.net.sent()
	if sent > maxRequests {
		c.t.Errorf("%d requests", sent)
	}
	return sent
}

// observe applies, and notes what is said and which secrets there are.
func (c *faultCell) observe(config object) bool {
	c.t.Helper()
	well := c.apply(config)
	c.output.WriteString(strings.Join(summaries(c.said), "\n"))
	for _, w := range c.ours() {
		c.secrets = append(c.secrets, w.Secret)
		announced := has(c.said, isError, "", w.ID) || has(c.said, isError, "", `"test"`) && has(c.said, isError, "", "The next apply")
		if w.ID != c.id() && !announced {
			c.t.Errorf("%s is on the server, %q is in the state, and no error says what to do: %v", w.ID, c.id(), summaries(c.said))
		}
	}
	return well
}

// ours are the webhooks on the server without the bystander.
func (c *faultCell) ours() []titanxsim.Webhook {
	var out []titanxsim.Webhook
	for _, w := range c.s.Webhooks(simUser) {
		if w.ID != c.bystander.ID {
			out = append(out, w)
		}
	}
	return out
}

func (c *faultCell) id() string {
	if !c.state.exists() {
		return ""
	}
	return c.state.text(c.t, "id")
}

// check asserts that all is well in the end.
func (c *faultCell) check(config object) {
	c.t.Helper()
	all := c.s.Webhooks(simUser)
	if len(all) != 2 || len(c.ours()) != 1 {
		c.t.Fatalf("%d webhooks on the server, %d of them ours", len(all), len(c.ours()))
	}
	w := c.ours()[0]
	c.secrets = append(c.secrets, w.Secret)
	if w.Name != "test" || w.URL != "https://hooks.example.com/titanx" || fmt.Sprint(w.EventTypes) != "[job.contact.scored]" || w.Status != "active" {
		c.t.Errorf("on the server is %s %s %v %s", w.Name, w.URL, w.EventTypes, w.Status)
	}
	if w.ID != c.id() {
		c.t.Errorf("on the server is %s, in the state %s", w.ID, c.id())
	}
	if !c.unchanged(config) {
		c.t.Errorf("a plan after all changes something: %v", c.state.value)
	}
	c.s.Fire(simUser, "job.contact.scored", map[string]any{"firstName": "Ada"})
	if err := c.s.WaitForDeliveries(context.Background()); err != nil {
		c.t.Fatal(err)
	}
	if !c.receiver.verifies(c.state.text(c.t, "secret"), "") {
		c.t.Error("the secret in the state verifies no delivery")
	}
	for where, text := range map[string]string{"diagnostics": c.output.String(), "log": c.log.String()} {
		for _, canary := range append(c.secrets, c.s.apiKey, c.bystander.Secret) {
			if strings.Contains(text, canary) {
				c.t.Errorf("the API key or a secret is in the %s", where)
			}
		}
	}
	if !strings.Contains(c.log.String(), "TitanX request") {
		c.t.Error("the log does not hold the client's lines")
	}
}

// TestFaults_lateCommit_protocol: a create that timed out takes effect all the
// same, when nobody looks.
func TestFaults_lateCommit_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		stamp  time.Duration // from the moment at which the create was sent
		proven bool
	}{
		"stamped at receipt": {time.Second, true},
		"stamped at commit":  {5 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newFaultCell(t, titanxsim.Dialect{})
				c.s.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultDelay, Delay: time.Hour, Times: 1})
				if c.observe(testWebhook(nil)) || !c.tainted {
					t.Fatalf("a create without an answer: %v", summaries(c.said))
				}
				late := c.bystander
				late.ID, late.Status, late.CreatedAt = "", "inactive", c.s.Requests(titanxsim.CallCreate)[0].Time.Add(tc.stamp)
				time.Sleep(5 * time.Minute)
				late = c.s.Put(simUser, late)
				well := c.apply(testWebhook(nil))
				if well != tc.proven || !has(c.said, isWarning, "", late.ID) && !has(c.said, isError, "", late.ID) {
					t.Errorf("applied %t, %v", well, summaries(c.said))
				}
				if !tc.proven {
					c.s.Remove(simUser, late.ID) // as the error says
					if !c.apply(testWebhook(nil)) {
						t.Error(summaries(c.said))
					}
				}
				c.check(testWebhook(nil))
			})
		})
	}
}

// TestFaults_candidates_protocol: on a server that returns no names, nothing
// proves which webhook an uncertain create left. Nothing is deleted until
// somebody has told them apart, and then only that.
func TestFaults_candidates_protocol(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"found at once": false, "found by the next apply": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newFaultCell(t, titanxsim.Dialect{NameOut: "absent"})
				slow := lostResponse
				slow.Delay = 10 * time.Second
				c.s.Inject(slow)
				if down {
					c.s.Inject(unlisted(2))
				}
				like := c.bystander
				like.ID, like.CreatedAt = "", time.Time{}
				made := make(chan titanxsim.Webhook, 1)
				time.AfterFunc(5*time.Second, func() { made <- c.s.Put(simUser, like) })
				config := testWebhook(nil)
				if c.apply(config) || !c.tainted {
					t.Fatalf("a create without an answer: %v", summaries(c.said))
				}
				other := <-made
				c.s.ClearFaults()
				for range 2 {
					if !down {
						for _, w := range c.ours() {
							if !has(c.said, isError, "", w.ID) || !has(c.said, isError, "", "At TitanX, delete those that nobody uses, and then apply again") {
								t.Errorf("no word of %s: %v", w.ID, summaries(c.said))
							}
						}
					}
					down = false
					if c.apply(config) || len(c.ours()) != 2 {
						t.Fatalf("%d webhooks are left, want 2: %v", len(c.ours()), summaries(c.said))
					}
				}
				for _, w := range c.ours() {
					if w.ID != other.ID {
						c.s.Remove(simUser, w.ID) // as the error says
					}
				}
				if !c.apply(config) {
					t.Fatalf("told apart, and still: %v", summaries(c.said))
				}
				if !slices.ContainsFunc(c.ours(), func(w titanxsim.Webhook) bool { return w.ID == other.ID }) {
					t.Error("another client's webhook was removed")
				}
				c.s.Remove(simUser, other.ID)
				c.check(config)
			})
		})
	}
}

// receiver takes deliveries.
type receiver struct {
	mu         sync.Mutex
	deliveries []sent
}

type sent struct {
	body      []byte
	signature string
}

// RoundTrip implements http.RoundTripper: every url is the receiver's.
func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliveries = append(r.deliveries, sent{body, req.Header.Get(signature.Header)})
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: req}, err
}

// verifies reports whether a secret verifies one of the deliveries that hold a
// text, such as an event's id.
func (r *receiver) verifies(secret, text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.deliveries, func(d sent) bool {
		return bytes.Contains(d.body, []byte(text)) && signature.Verify(secret, d.body, d.signature)
	})
}

// selfSigned is a certificate that nobody trusts.
var selfSigned = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), DNSNames: []string{untrustedHost}}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
})
