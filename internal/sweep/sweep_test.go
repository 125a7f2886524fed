// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package sweep_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/sweep"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const user = "ada"

func TestWebhooks(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"present", "absent"} {
		t.Run(named, func(t *testing.T) {
			t.Parallel()
			sim := titanxsim.New(titanxsim.Config{Keys: map[string]string{"CANARY": user}, Dialect: titanxsim.Dialect{NameOut: named}})
			t.Cleanup(sim.Close)
			server := httptest.NewServer(sim)
			t.Cleanup(server.Close)
			kept := []string{"production", "titanx-acc-test", "titanx-acc-tests-1"}
			for _, name := range append(kept, sweep.Prefix+"1", sweep.Prefix+"2") {
				sim.Put(user, titanxsim.Webhook{Name: name, URL: "https://hooks.example.com/" + name})
			}
			client, err := titanx.New(titanx.Config{APIKey: "CANARY", BaseURL: server.URL + titanxsim.BasePath})
			if err != nil {
				t.Fatal(err)
			}
			sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: http.StatusForbidden, Times: 1})
			if err := sweep.Webhooks(t.Context(), client, sweep.Prefix); !errors.Is(err, titanx.ErrForbidden) {
				t.Errorf("a delete that is refused: %v", err)
			}
			if left := names(sim); !slices.Equal(left, append(kept, sweep.Prefix+"1")) {
				t.Errorf("after a refused delete %q are left", left)
			}
			if err := sweep.Webhooks(t.Context(), client, sweep.Prefix); err != nil {
				t.Error(err)
			}
			if left := names(sim); !slices.Equal(left, kept) {
				t.Errorf("%q are left, want %q", left, kept)
			}
		})
	}
}

func names(sim *titanxsim.Server) (names []string) {
	for _, w := range sim.Webhooks(user) {
		names = append(names, w.Name)
	}
	return names
}
