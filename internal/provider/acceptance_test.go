// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The simulator and the provider that the tests of this package share.

package provider

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const simUser = "alice"

// TestMain drops a CLI configuration file that does not exist: Terraform passes
// over it, but OpenTofu warns of it in front of its version, which the testing
// library then cannot read.
func TestMain(m *testing.M) {
	if file := os.Getenv("TF_CLI_CONFIG_FILE"); file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			_ = os.Unsetenv("TF_CLI_CONFIG_FILE")
		}
	}
	addSweeper()
	resource.TestMain(m)
}

// simulation is a TitanX of a test's own, and the provider that talks to it.
type simulation struct {
	*titanxsim.Server
	t       testing.TB
	ctx     context.Context // of protocol calls; may carry a log
	baseURL string
	apiKey  string
	ahead   atomic.Int64  // how far the clock of provider and simulator is ahead, in nanoseconds
	skew    time.Duration // by how much the provider's clock is ahead of the simulator's
	adapt   func(*titanx.Config)

	receivers http.RoundTripper // how the provider reaches receivers; nil is the ordinary way
}

// simulate starts a simulator. Where cfg has no keys, one user has one key.
func simulate(t testing.TB, cfg titanxsim.Config) *simulation {
	t.Helper()
	s := newSimulation(t, cfg)
	server := httptest.NewServer(s.Server)
	s.baseURL = server.URL + titanxsim.BasePath
	t.Cleanup(func() {
		server.Close()
		s.Server.Close()
	})
	return s
}

// newSimulation is a simulator that nothing serves yet.
func newSimulation(t testing.TB, cfg titanxsim.Config) *simulation {
	t.Helper()
	s := &simulation{t: t, ctx: context.Background(), apiKey: "CANARY-key-" + rand.Text()}
	if cfg.Keys == nil {
		cfg.Keys = map[string]string{s.apiKey: simUser}
	}
	if cfg.Now == nil {
		cfg.Now = s.now
	}
	s.Server = titanxsim.New(cfg)
	return s
}

func (s *simulation) newProvider() *titanxProvider {
	p := newProvider("test")
	p.receivers = s.receivers
	p.now = func() time.Time { return s.now().Add(s.skew) }
	p.adapt = func(cfg *titanx.Config) {
		cfg.RetryWait, cfg.SettleWait = time.Millisecond, 20*time.Millisecond
		if s.adapt != nil {
			s.adapt(cfg)
		}
	}
	return p
}

func (s *simulation) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// later moves the clock of provider and simulator.
func (s *simulation) later(d time.Duration) { s.ahead.Add(int64(d)) }

// factories serve the provider to Terraform.
func (s *simulation) factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"titanx": func() (tfprotov6.ProviderServer, error) {
			return newServer(s.newProvider()), nil
		},
	}
}

// hcl is a configuration whose provider talks to the simulator.
func (s *simulation) hcl(config string) string {
	return fmt.Sprintf("provider \"titanx\" {\n  base_url = %q\n  api_key  = %q\n}\n%s", s.baseURL, s.apiKey, config)
}

// webhook is the HCL of a webhook called test, with further arguments.
func (s *simulation) webhook(arguments string) string {
	return s.hcl(`resource "titanx_webhook" "test" {
  name        = "test"
  url         = "https://hooks.example.com/titanx"
  event_types = ["job.contact.scored"]
  ` + arguments + "\n}\n")
}

// writes are the calls that change something, in the order in which the
// simulator saw them since the last ResetRequests.
func (s *simulation) writes() []titanxsim.Call {
	var calls []titanxsim.Call
	for _, r := range s.Requests(titanxsim.CallCreate, titanxsim.CallSetStatus, titanxsim.CallDelete) {
		calls = append(calls, r.Call)
	}
	return calls
}

// wrote checks, and forgets, the calls that a step has made.
func (s *simulation) wrote(want ...titanxsim.Call) func(*terraform.State) error {
	return func(*terraform.State) error {
		defer s.ResetRequests()
		if got := s.writes(); !slices.Equal(got, want) {
			return fmt.Errorf("writing requests: %s", cmp.Diff(want, got))
		}
		return nil
	}
}

// only returns the one webhook on the simulator.
func (s *simulation) only() titanxsim.Webhook {
	s.t.Helper()
	all := s.Webhooks(simUser)
	if len(all) != 1 {
		s.t.Fatalf("%d webhooks on the server, want 1", len(all))
	}
	return all[0]
}
