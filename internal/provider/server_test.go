// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

type contextKey struct{}

// holdsAfter reports whether a server still holds what the context of a call
// held after the call.
func holdsAfter(t *testing.T, s tfprotov6.ProviderServer) bool {
	t.Helper()
	held := func() weak.Pointer[[1 << 10]byte] {
		value := new([1 << 10]byte)
		ctx := context.WithValue(t.Context(), contextKey{}, value)
		if _, err := s.UpgradeResourceState(ctx, &tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte("{}")}}); err != nil {
			t.Fatal(err)
		}
		return weak.Make(value)
	}()
	runtime.GC()
	defer runtime.KeepAlive(s)
	return held.Value() != nil
}

// TestServer_releasesContexts shows what callContext is for. The framework
// keeps the context of every call.
func TestServer_releasesContexts(t *testing.T) {
	t.Parallel()
	s := newServer(newProvider("test"))
	if !holdsAfter(t, s.frameworkServer) {
		t.Error("the framework releases a call's context now: delete callContext and call in server.go")
	}
	if holdsAfter(t, s) {
		t.Error("what a call's context held is still in memory: registerContext of the framework has changed, so look at callContext")
	}
}

// TestServer_actionWriteOnly shows what ValidateActionConfig is for.
func TestServer_actionWriteOnly(t *testing.T) {
	t.Parallel()
	p := simulate(t, titanxsim.Config{}).protocol(nil)
	config := p.actionConfig(object{"url": "https://hooks.example.com", "secret": "CANARY-held-already"})
	resp, err := p.server.frameworkServer.ValidateActionConfig(t.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: testDeliveryType, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(resp.Diagnostics, func(d *tfprotov6.Diagnostic) bool { return d.Summary == writeOnlyRejected }) {
		t.Errorf("the framework accepts write-only arguments of an action now, or rejects them in other words: delete or correct ValidateActionConfig in server.go: %v", summaries(resp.Diagnostics))
	}
}

// TestServer_cancels checks that a context which is canceled from outside is
// canceled inside.
func TestServer_cancels(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := call(ctx, 0, func(ctx context.Context, _ int) (int, error) {
		inner, stop := context.WithCancel(ctx)
		defer stop()
		cancel()
		<-inner.Done()
		return 0, inner.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled call: %v", err)
	}
}

func TestLimitLogLevel(t *testing.T) {
	for name, tc := range map[string]struct {
		set       map[string]string
		sdk, ours string
	}{
		"nothing":                 {nil, "off", "off"},
		"a level":                 {map[string]string{"TF_LOG": "DEBUG"}, "DEBUG", "DEBUG"},
		"a level for providers":   {map[string]string{"TF_LOG": "off", "TF_LOG_PROVIDER": "INFO"}, "INFO", "INFO"},
		"a level for this one":    {map[string]string{"TF_LOG_PROVIDER_TITANX": "INFO"}, "off", "INFO"},
		"a level for its library": {map[string]string{"TF_LOG_SDK": "TRACE"}, "TRACE", "off"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_PROVIDER_TITANX"} {
				t.Setenv(variable, tc.set[variable])
			}
			limitLogLevel()
			for variable, want := range map[string]string{"TF_LOG_SDK": tc.sdk, "TF_LOG_SDK_FRAMEWORK": tc.sdk, "TF_LOG_PROVIDER_TITANX": tc.ours} {
				if got := os.Getenv(variable); got != want {
					t.Errorf("%s=%s, want %s", variable, got, want)
				}
			}
		})
	}
}

// TestServer_whole keeps the framework's server and ours alike in what they
// implement.
func TestServer_whole(t *testing.T) {
	t.Parallel()
	if _, err := newServer(newProvider("test")).GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		t.Fatal(err)
	}
}
