// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"io"
	"log"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Serve serves the provider of the given version to Terraform, or to a
// debugger, until it is told to end.
func Serve(version string, debug bool) error {
	if debug {
		return tf6server.Serve(address, func() tfprotov6.ProviderServer {
			return newServer(newProvider(version))
		}, tf6server.WithManagedDebug())
	}
	log.SetOutput(io.Discard) // net/http writes there what a server sends unasked
	limitLogLevel()
	collectLess()
	return tf6server.Serve(address, func() tfprotov6.ProviderServer { return newServer(newProvider(version)) })
}

const address = "registry.terraform.io/titanx-io/titanx"

// logLevelVariable names the log level of this provider. A process that
// Terraform runs always has it.
const logLevelVariable = "TF_LOG_PROVIDER_TITANX"

// limitLogLevel sets the log level of this process to that at which Terraform
// shows a provider's log. By default the SDK writes every step of every call
// for Terraform to discard: a third of what a plan costs.
func limitLogLevel() {
	level := cmp.Or(os.Getenv("TF_LOG_PROVIDER"), os.Getenv("TF_LOG"), "off")
	sdk := cmp.Or(os.Getenv("TF_LOG_SDK"), level)
	for variable, level := range map[string]string{
		"TF_LOG_SDK": sdk, "TF_LOG_SDK_PROTO": sdk, "TF_LOG_SDK_FRAMEWORK": sdk, logLevelVariable: level,
	} {
		if os.Getenv(variable) == "" {
			os.Setenv(variable, level)
		}
	}
}

// collectLess collects garbage at five times the live heap: a quarter of what a
// run costs is else the collector's. The memory limit keeps the process small.
func collectLess() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(100 << 20)
	}
}

// server is the framework's server at a lower cost. Webhooks that are as they
// were do not get there (unchangedWebhooks), and a call's context is released
// after the call (callContext).
type server struct {
	frameworkServer
	unchanged       unchangedWebhooks
	storesWriteOnly *atomic.Bool // the CLI knows no write-only arguments; core validates before it plans
}

// frameworkServer is all that the framework's server implements.
type frameworkServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
	tfprotov6.StateStoreServer
}

func newServer(p *titanxProvider) server {
	return server{providerserver.NewProtocol6(p)().(frameworkServer), newUnchangedWebhooks(p), &atomic.Bool{}}
}

// ValidateEphemeralResourceConfig says why a required argument is null.
func (s server) ValidateEphemeralResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateEphemeralResourceConfigRequest,
) (*tfprotov6.ValidateEphemeralResourceConfigResponse, error) {
	resp, err := s.frameworkServer.ValidateEphemeralResourceConfig(ctx, req)
	if resp != nil {
		for _, d := range resp.Diagnostics {
			if d.Summary == "Missing Configuration for Required Attribute" {
				d.Summary = "Argument is null"
				d.Detail = "It must not be null. encrypted_secret of a titanx_webhook is null if " +
					"secret_recipients is not set (the secret is in secret), or if the secret is lost: " +
					"see its secret_status."
			}
		}
	}
	return resp, err
}

// writeOnlyRejected is the summary of the framework's rejection of a write-only
// argument.
const writeOnlyRejected = "WriteOnly Attribute Not Allowed"

// ValidateActionConfig allows write-only arguments: terraform-plugin-framework
// 1.19 has them in an action's schema, but refuses every value of one. Every
// Terraform that knows actions (1.14) knows write-only arguments (1.11).
func (s server) ValidateActionConfig(
	ctx context.Context, req *tfprotov6.ValidateActionConfigRequest,
) (*tfprotov6.ValidateActionConfigResponse, error) {
	resp, err := s.frameworkServer.ValidateActionConfig(ctx, req)
	if resp != nil {
		resp.Diagnostics = slices.DeleteFunc(resp.Diagnostics, func(d *tfprotov6.Diagnostic) bool {
			return d.Summary == writeOnlyRejected
		})
	}
	return resp, err
}

// ValidateResourceConfig lets a CLI without write-only arguments (before 1.11)
// validate one whose value is not known yet: it may turn out to be null.
func (s server) ValidateResourceConfig(
	ctx context.Context, req *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	if req.ClientCapabilities == nil || !req.ClientCapabilities.WriteOnlyAttributesAllowed {
		s.storesWriteOnly.Store(true)
	}
	resp, err := call(ctx, req, s.frameworkServer.ValidateResourceConfig)
	if resp != nil {
		resp.Diagnostics = slices.DeleteFunc(resp.Diagnostics, func(d *tfprotov6.Diagnostic) bool {
			return d.Summary == writeOnlyRejected && s.unchanged.secretUnknown(req.Config)
		})
	}
	return resp, err
}

// secretTooLate is the error for a secret_wo that a plan does not know yet, on
// a CLI without write-only arguments. Without it, core calls the null that the
// framework plans a bug.
var secretTooLate = &tfprotov6.Diagnostic{
	Severity:  tfprotov6.DiagnosticSeverityError,
	Attribute: tftypes.NewAttributePath().WithAttributeName("secret_wo"),
	Summary:   "secret_wo is not known yet",
	Detail: "This CLI has no write-only arguments, so it would store the secret in the state in plain text. " +
		"To adopt a secret, use Terraform 1.11, OpenTofu 1.11, or later. Otherwise, remove secret_wo.",
}

func (s server) UpgradeResourceState(
	ctx context.Context, req *tfprotov6.UpgradeResourceStateRequest,
) (*tfprotov6.UpgradeResourceStateResponse, error) {
	if resp := s.unchanged.upgrade(req); resp != nil {
		return resp, nil
	}
	return call(ctx, req, s.frameworkServer.UpgradeResourceState)
}

func (s server) UpgradeResourceIdentity(
	ctx context.Context, req *tfprotov6.UpgradeResourceIdentityRequest,
) (*tfprotov6.UpgradeResourceIdentityResponse, error) {
	return call(ctx, req, s.frameworkServer.UpgradeResourceIdentity)
}

func (s server) ReadResource(
	ctx context.Context, req *tfprotov6.ReadResourceRequest,
) (*tfprotov6.ReadResourceResponse, error) {
	resp, err := s.unchanged.read(req), error(nil)
	if resp == nil {
		resp, err = call(ctx, req, s.frameworkServer.ReadResource)
	}
	if resp != nil {
		resp.NewState = numbersAsText(resp.NewState)
	}
	return resp, err
}

func (s server) PlanResourceChange(
	ctx context.Context, req *tfprotov6.PlanResourceChangeRequest,
) (*tfprotov6.PlanResourceChangeResponse, error) {
	if resp := s.unchanged.plan(req); resp != nil {
		return resp, nil
	}
	if s.storesWriteOnly.Load() && s.unchanged.secretUnknown(req.Config) {
		return &tfprotov6.PlanResourceChangeResponse{Diagnostics: []*tfprotov6.Diagnostic{secretTooLate}}, nil
	}
	return call(ctx, req, s.frameworkServer.PlanResourceChange)
}

func (s server) ApplyResourceChange(
	ctx context.Context, req *tfprotov6.ApplyResourceChangeRequest,
) (*tfprotov6.ApplyResourceChangeResponse, error) {
	return call(ctx, req, s.frameworkServer.ApplyResourceChange)
}

func call[Request, Response any](
	ctx context.Context, req Request, serve func(context.Context, Request) (Response, error),
) (Response, error) {
	during := &callContext{}
	during.context.Store(&ctx)
	defer during.context.Store(&ended)
	return serve(during, req)
}

// callContext is a call's context for as long as the call takes. The framework
// keeps the context of every call until the process ends (registerContext in
// internal/proto6server), 0.1 MiB each with its loggers. It can go
// when the framework releases the context with the call.
type callContext struct {
	context atomic.Pointer[context.Context]
}

// ended is the context of every call that is over.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (c *callContext) Deadline() (time.Time, bool) { return (*c.context.Load()).Deadline() }
func (c *callContext) Done() <-chan struct{}       { return (*c.context.Load()).Done() }
func (c *callContext) Err() error                  { return (*c.context.Load()).Err() }
func (c *callContext) Value(key any) any           { return (*c.context.Load()).Value(key) }
