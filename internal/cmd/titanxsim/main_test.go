// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// serving runs the command until the test ends and returns the environment that it prints.
func serving(t *testing.T, args ...string) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), in, io.Discard)
		in.CloseWithError(fmt.Errorf("ended: %w", err))
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	env := map[string]string{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if assignment, ok := strings.CutPrefix(lines.Text(), "export "); ok {
			name, value, _ := strings.Cut(assignment, "=")
			env[name] = value
		}
		if strings.Contains(lines.Text(), "curl -X POST") { // the last line
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return env
		}
	}
	t.Fatalf("no usage printed: %v", lines.Err())
	return nil
}

func do(t *testing.T, key, method, url, body string) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(read)
}

func TestServesWhatTheFlagsSay(t *testing.T) {
	t.Parallel()
	env := serving(t, "-key", "CANARY", "-limits", "second=1000,day=5", "-dialect", "envelope=data,get=absent-405", "-latency", "1us")
	if env["TITANX_API_KEY"] != "CANARY" {
		t.Errorf("key %q is not that of the flag", env["TITANX_API_KEY"])
	}
	status, h, body := do(t, "CANARY", "GET", env["TITANX_BASE_URL"]+"/webhooks", "")
	if status != 200 || body != `{"data":[]}` {
		t.Errorf("list: %d %s", status, body)
	}
	if h.Get("X-RateLimit-Limit-Second") != "1000" || h.Get("X-RateLimit-Limit-Day") != "5" || h.Get("X-RateLimit-Limit-Minute") != "" {
		t.Errorf("headers: %v", h)
	}
	if status, _, _ := do(t, "CANARY", "GET", env["TITANX_BASE_URL"]+"/webhooks/x", ""); status != 405 {
		t.Errorf("get: %d", status)
	}
}

func TestDeliversToTrustedReceiver(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	receiver := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- string(body)
	}))
	defer receiver.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	env := serving(t, "-receiver-ca", ca)
	create := fmt.Sprintf(`{"name": "demo", "url": %q, "events": ["job.contact.scored"]}`, receiver.URL)
	if status, _, body := do(t, env["TITANX_API_KEY"], "POST", env["TITANX_BASE_URL"]+"/webhooks", create); status != 201 {
		t.Fatalf("create: %d %s", status, body)
	}
	origin := strings.TrimSuffix(env["TITANX_BASE_URL"], titanxsim.BasePath)
	if status, _, body := do(t, "", "POST", origin+"/_sim/events", ""); status != 202 {
		t.Fatalf("fire: %d %s", status, body)
	}
	if body := <-received; !strings.Contains(body, `"eventType":"job.contact.scored"`) {
		t.Errorf("received %s", body)
	}
}

func TestDeliversInPlaceOfTheHost(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received <- r.Host + r.URL.RequestURI()
	}))
	defer receiver.Close()
	env := serving(t, "-receiver", receiver.URL)
	create := `{"name": "demo", "url": "https://receiver.example/titanx?a=b", "events": ["job.contact.scored"]}`
	if status, _, body := do(t, env["TITANX_API_KEY"], "POST", env["TITANX_BASE_URL"]+"/webhooks", create); status != 201 {
		t.Fatalf("create: %d %s", status, body)
	}
	origin := strings.TrimSuffix(env["TITANX_BASE_URL"], titanxsim.BasePath)
	if status, _, body := do(t, "", "POST", origin+"/_sim/events", ""); status != 202 || !strings.Contains(body, `"200: delivered"`) {
		t.Errorf("fire: %d %s", status, body)
	}
	if got := <-received; got != "receiver.example/titanx?a=b" {
		t.Errorf("received %s", got)
	}
}

// TestStopsInTheMiddle: the cleanup of serving fails unless the command ends although an answer is still delayed.
func TestStopsInTheMiddle(t *testing.T) {
	t.Parallel()
	env := serving(t, "-latency", "1h")
	origin := strings.TrimSuffix(env["TITANX_BASE_URL"], titanxsim.BasePath)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, env["TITANX_BASE_URL"]+"/webhooks", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	for seen := "[]"; strings.TrimSpace(seen) == "[]"; {
		_, _, seen = do(t, "", "GET", origin+"/_sim/requests", "")
	}
}

func TestRandomKeys(t *testing.T) {
	t.Parallel()
	a, b := serving(t)["TITANX_API_KEY"], serving(t)["TITANX_API_KEY"]
	if len(a) < 20 || a == b {
		t.Error("the default key is not random")
	}
}

func TestRefusedFlags(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"second=N":        {"-limits", "hour=5"},
		`parse "day=-1"`:  {"-limits", "second=5,day=-1"},
		`parse "minute"`:  {"-limits", "minute"},
		"no switch":       {"-dialect", "shape=round"},
		"one of payload":  {"-dialect", "envelope=box"},
		"read receiver":   {"-receiver-ca", empty + ".absent"},
		"no certificate":  {"-receiver-ca", empty},
		"want an origin":  {"-receiver", "127.0.0.1:8000"},
		"http://a/b":      {"-receiver", "http://a/b"},
		"listen":          {"-addr", "127.0.0.1:none"},
		"not defined":     {"-port", "80"},
		"unexpected args": {"8080"},
	} {
		var stderr bytes.Buffer
		err := run(t.Context(), args, io.Discard, &stderr)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

func TestUsageNamesEverySwitch(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	if err := run(t.Context(), []string{"-h"}, io.Discard, &stderr); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("run: %v", err)
	}
	for _, d := range titanxsim.Variations() {
		name, value, _ := strings.Cut(d.String(), "=")
		if !strings.Contains(stderr.String(), name) || (name != "list-lag" && !strings.Contains(stderr.String(), value)) {
			t.Errorf("usage does not name %s", d)
		}
	}
}
