// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"os"
	"runtime"
	"testing"
	"weak"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// hoarder keeps the context of every call, as the framework's server does.
type hoarder struct {
	frameworkServer
	kept []context.Context
	live bool // the context was usable during the call
}

type contextKey struct{}

func (h *hoarder) ReadResource(ctx context.Context, _ *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	h.live = ctx.Err() == nil && ctx.Value(contextKey{}) != nil
	ctx, cancel := context.WithCancel(ctx)
	h.kept = append(h.kept, ctx)
	_ = cancel // the framework calls none, either, before the provider is told to stop
	return nil, nil
}

func TestServer_lets_go_of_a_calls_context(t *testing.T) {
	t.Parallel()
	h := &hoarder{}
	s := newServer(newProvider("test"))
	s.frameworkServer = h
	held := func() weak.Pointer[[1 << 10]byte] {
		value := new([1 << 10]byte)
		if _, err := s.ReadResource(context.WithValue(t.Context(), contextKey{}, value), &tfprotov6.ReadResourceRequest{TypeName: webhookType}); err != nil {
			t.Fatal(err)
		}
		return weak.Make(value)
	}()
	if !h.live {
		t.Error("the context was of no use during the call")
	}
	runtime.GC()
	if held.Value() != nil {
		t.Error("what the call's context held is still in memory")
	}
	runtime.KeepAlive(h)
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

func TestLogWhatIsWanted(t *testing.T) {
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
