// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package receivers_test runs the example receivers against the simulator, behind a proxy that terminates TLS.
package receivers_test

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const user = "alice"

func TestReceivers(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func(*testing.T) []string{
		"go": func(t *testing.T) []string {
			t.Helper()
			binary := filepath.Join(t.TempDir(), "receiver.exe")
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./go").CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			return []string{binary}
		},
		"node": func(t *testing.T) []string { t.Helper(); return []string{find(t, "node"), "node/receiver.js"} },
		"python": func(t *testing.T) []string {
			t.Helper()
			return []string{find(t, "python3"), "-B", "python/receiver.py"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, command(t))
			b.live()
			b.refuse()
		})
	}
}

func find(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not on PATH: install it to test its receiver", program)
	}
	return path
}

// bench is a receiver under test: the process, the proxy in front of it, and a simulator that delivers to the proxy.
type bench struct {
	t       *testing.T
	ctx     context.Context //nolint:containedctx // the test's
	sim     *titanxsim.Server
	proxy   *httptest.Server
	lost    atomic.Int32 // answers that the proxy is still to lose
	secrets string       // file
	lines   chan string  // that the receiver prints
}

func start(t *testing.T, command []string) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute) // the receiver ends after the test
	t.Cleanup(cancel)
	b := &bench{t: t, ctx: ctx, secrets: filepath.Join(t.TempDir(), "secrets"), lines: make(chan string, 100)}
	b.accept("CANARY-unused")
	target := b.launch(command)
	forward := httputil.NewSingleHostReverseProxy(target)
	b.proxy = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.lost.Add(-1) >= 0 {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(b.proxy.Close)
	b.sim = titanxsim.New(titanxsim.Config{
		Keys:           map[string]string{"CANARY-key": user},
		DeliveryClient: b.proxy.Client(),
		Backoff: func(attempt int) time.Duration {
			if attempt == 3 {
				return -1
			}
			return 0
		},
	})
	t.Cleanup(b.sim.Close)
	return b
}

// launch runs the receiver until the test ends, and expects it to end well when it is told to.
func (b *bench) launch(command []string) *url.URL {
	b.t.Helper()
	cmd := exec.CommandContext(b.ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TITANX_SECRETS_FILE="+b.secrets, "HOST=127.0.0.1", "PORT=0")
	cmd.Stderr = b.t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		for in := bufio.NewScanner(out); in.Scan(); {
			b.lines <- in.Text()
		}
		close(b.lines)
	}()
	b.t.Cleanup(func() {
		if runtime.GOOS == "windows" { // has no signal that a program could catch
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return
		}
		_ = cmd.Process.Signal(os.Interrupt)
		<-printed
		if err := cmd.Wait(); err != nil {
			b.t.Errorf("the receiver ended with %v", err)
		}
	})
	address, ok := strings.CutPrefix(b.line(), "listening on ")
	target, err := url.Parse(address)
	if !ok || err != nil {
		b.t.Fatalf("the receiver does not say where it listens: %q", address)
	}
	return target
}

// line waits for the next line that the receiver prints.
func (b *bench) line() string {
	b.t.Helper()
	select {
	case line, ok := <-b.lines:
		if !ok {
			b.t.Fatal("the receiver ended")
		}
		return line
	case <-b.ctx.Done():
		b.t.Fatal("the receiver printed nothing")
	}
	return ""
}

// accept writes the secrets file.
func (b *bench) accept(secrets ...string) {
	b.t.Helper()
	if err := os.WriteFile(b.secrets, []byte(strings.Join(secrets, "\n")+"\n"), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) webhook(name string) titanxsim.Webhook {
	return b.sim.Put(user, titanxsim.Webhook{
		Name: name, URL: b.proxy.URL + "/titanx", EventTypes: []string{"job.contact.scored", "job.invented.tomorrow"},
	})
}

// fire delivers an event, and gives the answers by webhook.
func (b *bench) fire(eventType string) (event string, answers map[string][]int) {
	b.t.Helper()
	event = b.sim.Fire(user, eventType, map[string]string{"firstName": "Zoë", "lastName": "Example"})
	if err := b.sim.Settle(b.ctx); err != nil {
		b.t.Fatal(err)
	}
	answers = map[string][]int{}
	for _, d := range b.sim.Deliveries() {
		if d.EventID == event {
			answers[d.WebhookID] = append(answers[d.WebhookID], d.Status)
		}
	}
	return event, answers
}

// handles fires an event that the receiver must handle exactly once: another line would show before the next event's.
func (b *bench) handles(what, eventType string, want map[string][]int) {
	b.t.Helper()
	event, answers := b.fire(eventType)
	if diff := cmp.Diff(want, answers); diff != "" {
		b.t.Errorf("%s: answers (-want +got):\n%s", what, diff)
	}
	if got, want := b.line(), "handled "+eventType+" "+event; got != want {
		b.t.Errorf("%s: the receiver printed %q, want %q", what, got, want)
	}
}

// live takes the receiver through lost answers and a rotation.
func (b *bench) live() {
	before := b.webhook("before")
	b.accept(before.Secret)
	b.handles("an event", "job.contact.scored", map[string][]int{before.ID: {204}})
	b.handles("an event of a new kind", "job.invented.tomorrow", map[string][]int{before.ID: {204}})
	b.lost.Store(2)
	b.handles("an event whose answer is lost twice", "job.contact.scored", map[string][]int{before.ID: {502, 502, 204}})

	after := b.webhook("after")
	b.handles("a new webhook whose secret is not there yet", "job.contact.scored", map[string][]int{before.ID: {204}, after.ID: {401}})
	b.accept(after.Secret, before.Secret)
	b.handles("both secrets", "job.contact.scored", map[string][]int{before.ID: {204}, after.ID: {204}})
	b.accept(after.Secret)
	b.handles("the new secret alone", "job.contact.scored", map[string][]int{before.ID: {401}, after.ID: {204}})
	b.sim.Remove(user, before.ID)

	b.accept()
	if _, answers := b.fire("job.contact.scored"); !slices.Equal(answers[after.ID], []int{503, 503, 503}) {
		b.t.Errorf("no secret: answers %v, want 503", answers)
	}
	b.accept(after.Secret)
	b.handles("the secret is back", "job.contact.scored", map[string][]int{after.ID: {204}})
}

// refuse sends what TitanX would not.
func (b *bench) refuse() {
	const secret, whole = "CANARY-secret", `{"id": "1", "eventType": "job.contact.scored", "payload": {}}`
	b.accept(secret)
	large := strings.Repeat("x", 1<<20)
	for what, test := range map[string]struct {
		method, path, body, signature string
		want                          int
	}{
		"no signature":            {body: whole, signature: "", want: 401},
		"another body's":          {body: whole, signature: signature.Sign(secret, []byte("{}")), want: 401},
		"another secret's":        {body: whole, signature: signature.Sign("CANARY-other", []byte(whole)), want: 401},
		"signature cut short":     {body: whole, signature: signature.Sign(secret, []byte(whole))[:43], want: 401},
		"signature in lower case": {body: whole, signature: strings.ToLower(signature.Sign(secret, []byte(whole))), want: 401},
		"signature beyond ASCII":  {body: whole, signature: "é", want: 401},
		"no body":                 {body: "", signature: signature.Sign(secret, nil), want: 400},
		"no JSON":                 {body: "\xff", signature: signature.Sign(secret, []byte("\xff")), want: 400},
		"no object":               {body: "[]", signature: signature.Sign(secret, []byte("[]")), want: 400},
		"null":                    {body: "null", signature: signature.Sign(secret, []byte("null")), want: 400},
		"no id":                   {body: `{"eventType": "x"}`, signature: signature.Sign(secret, []byte(`{"eventType": "x"}`)), want: 400},
		"no event type":           {body: `{"id": "1"}`, signature: signature.Sign(secret, []byte(`{"id": "1"}`)), want: 400},
		"a number for an id":      {body: `{"id": 1, "eventType": "x"}`, signature: signature.Sign(secret, []byte(`{"id": 1, "eventType": "x"}`)), want: 400},
		"as large as it may be":   {body: large, signature: signature.Sign(secret, []byte(large)), want: 400},
		"too large":               {body: large + "x", signature: signature.Sign(secret, []byte(large+"x")), want: 413},
		"another path":            {path: "/other", body: whole, signature: signature.Sign(secret, []byte(whole)), want: 404},
		"another method":          {method: http.MethodGet, want: 405},
	} {
		method, path := test.method, test.path
		if method == "" {
			method = http.MethodPost
		}
		if path == "" {
			path = "/titanx"
		}
		req, err := http.NewRequestWithContext(b.ctx, method, b.proxy.URL+path, strings.NewReader(test.body))
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set(signature.Header, test.signature)
		resp, err := b.proxy.Client().Do(req)
		if err != nil {
			b.t.Errorf("%s: %v", what, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != test.want {
			b.t.Errorf("%s: answer %d, want %d", what, resp.StatusCode, test.want)
		}
	}
	select {
	case line := <-b.lines:
		b.t.Errorf("the receiver handled a refused request: %q", line)
	default:
	}
}
