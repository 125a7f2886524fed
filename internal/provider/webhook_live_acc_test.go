// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The resource against TitanX itself, and the sweeper of what it leaves.

package provider

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/titanx-io/terraform-provider-titanx/internal/sweep"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// liveVariable, set to 1, lets the test below create webhooks at TitanX, under
// the key in the environment.
const liveVariable = "TITANX_ACC_LIVE"

// addSweeper lets go test -sweep=all delete what interrupted tests have left at
// TitanX.
func addSweeper() {
	resource.AddTestSweepers("titanx_webhook", &resource.Sweeper{Name: "titanx_webhook", F: func(string) error {
		client, err := liveClient()
		if err != nil {
			return err
		}
		return sweep.Webhooks(context.Background(), client, sweep.Prefix)
	}})
}

func liveClient() (*titanx.Client, error) {
	return titanx.New(titanx.Config{
		APIKey: os.Getenv(apiKeyVariable), BaseURL: os.Getenv(baseURLVariable), MaxRetries: titanx.DefaultMaxRetries, Proxy: http.ProxyFromEnvironment,
	})
}

// service is a TitanX to test against: the real one or a simulator.
type service struct {
	client    *titanx.Client
	provider  string // its block of HCL
	factories map[string]func() (tfprotov6.ProviderServer, error)
}

// TestAccWebhook_live runs against TitanX where liveVariable allows that, and
// else against simulators.
func TestAccWebhook_live(t *testing.T) {
	t.Parallel()
	if os.Getenv(liveVariable) == "1" {
		client, err := liveClient()
		if err != nil {
			t.Fatal(err)
		}
		service{
			client:   client,
			provider: "provider \"titanx\" {}\n",
			factories: map[string]func() (tfprotov6.ProviderServer, error){
				"titanx": func() (tfprotov6.ProviderServer, error) { return newServer(newProvider("test")), nil },
			},
		}.test(t)
		return
	}
	for _, dialect := range []string{
		"",
		"envelope=data,events-in=eventTypes-422,events-out=eventTypes,get=absent-html,status-answer=empty-204,paging=cursor",
		"envelope=bare,events-in=events-400,events-out=events,name-out=absent,updated-at=absent,secret-on-read=masked,create-status=200",
		"list=webhooks,paging=link,get=absent-405,id=prefixed,delete-answer=202,error-body=html,daily-suffix=Daily",
	} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			d, err := titanxsim.ParseDialect(dialect)
			if err != nil {
				t.Fatal(err)
			}
			s := simulate(t, titanxsim.Config{Dialect: d, Limits: titanxsim.Limits{Second: 50, Minute: 3000, Day: 100_000}})
			client, err := titanx.New(titanx.Config{APIKey: s.apiKey, BaseURL: s.baseURL})
			if err != nil {
				t.Fatal(err)
			}
			service{client: client, provider: s.hcl(""), factories: s.factories()}.test(t)
		})
	}
}

// test lives a short life of one webhook, inactive at first and under a name of
// its own.
func (s service) test(t *testing.T) {
	t.Helper()
	name := sweep.Prefix + strings.ToLower(rand.Text())
	config := func(status string) string {
		return fmt.Sprintf(`%s
resource "titanx_webhook" "test" {
  name        = %q
  url         = "https://titanx-acc-test.example/%[2]s"
  event_types = ["job.completed"]
  status      = %q
}`, s.provider, name, status)
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: s.factories,
		CheckDestroy: func(*terraform.State) error {
			w, err := s.find(name)
			if err == nil && w.ID != "" {
				return fmt.Errorf("webhook %s is left behind", w.ID)
			}
			return err
		},
		Steps: []resource.TestStep{
			{
				Config:           config("inactive"),
				ConfigPlanChecks: planAction(plancheck.ResourceActionCreate),
				ConfigStateChecks: []statecheck.StateCheck{
					attribute("secret_status", "known"),
					statecheck.ExpectKnownValue(testAddress, tfjsonpath.New("secret"), knownvalue.NotNull()),
				},
				Check: s.holds(name, "inactive"),
			},
			{
				Config:           config("active"),
				ConfigPlanChecks: planAction(plancheck.ResourceActionUpdate),
				Check:            s.holds(name, "active"),
			},
			{
				Config:   config("active"),
				PlanOnly: true,
			},
		},
	})
}

// holds checks that TitanX has the very webhook of the state, with a status.
func (s service) holds(name, status string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		w, err := s.find(name)
		id := state.RootModule().Resources[testAddress].Primary.ID
		if err == nil && (w.ID != id || w.Status != status) {
			err = fmt.Errorf("TitanX has webhook %q with status %q, want %q with %q", w.ID, w.Status, id, status)
		}
		return err
	}
}

// find looks in a new list for the webhook of a test. Its url identifies it
// where the API returns no names.
func (s service) find(name string) (titanx.Webhook, error) {
	for w, err := range s.client.List(context.Background()) {
		if err != nil || w.Name == name || strings.HasSuffix(w.URL, "/"+name) {
			return w, err
		}
	}
	return titanx.Webhook{}, nil
}
