// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The cost of single calls to the provider.

package provider

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// BenchmarkUnchanged is what the calls cost that Terraform sends for each
// webhook of a plan which changes nothing: answered from the bytes that it
// sends, and by the framework.
func BenchmarkUnchanged(b *testing.B) {
	s := simulate(b, titanxsim.Config{})
	p := s.protocol(nil)
	config := testWebhook(nil)
	webhook := p.create(config)
	webhook, _ = p.read(webhook)
	schema := p.webhookSchema()
	state := p.encode(schema, webhook.value)
	upgrade := &tfprotov6.UpgradeResourceStateRequest{TypeName: webhookType, RawState: &tfprotov6.RawState{JSON: []byte(`{"id": "1", "name": "test"}`)}}
	read := &tfprotov6.ReadResourceRequest{TypeName: webhookType, CurrentState: state, Private: webhook.private, CurrentIdentity: webhook.identity}
	plan := &tfprotov6.PlanResourceChangeRequest{
		TypeName: webhookType, PriorState: state, ProposedNewState: state, Config: p.dynamic(schema, config), PriorPrivate: webhook.private, PriorIdentity: webhook.identity,
	}
	for _, way := range []struct {
		name   string
		server tfprotov6.ResourceServer
	}{{"bytes", p.server}, {"framework", p.frameworkServer}} {
		for _, call := range []struct {
			name string
			make func(context.Context) error
		}{
			{"upgrade", func(ctx context.Context) error { _, err := way.server.UpgradeResourceState(ctx, upgrade); return err }},
			{"read", func(ctx context.Context) error { _, err := way.server.ReadResource(ctx, read); return err }},
			{"plan", func(ctx context.Context) error { _, err := way.server.PlanResourceChange(ctx, plan); return err }},
		} {
			b.Run(call.name+"/"+way.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := call.make(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPlanCreate is what it costs to plan a new webhook, without the list.
func BenchmarkPlanCreate(b *testing.B) {
	p := simulate(b, titanxsim.Config{}).protocol(object{"api_key": unknown})
	schema := p.webhookSchema()
	config := p.dynamic(schema, testWebhook(nil))
	plan := &tfprotov6.PlanResourceChangeRequest{TypeName: webhookType, PriorState: p.dynamic(schema, nil), ProposedNewState: config, Config: config}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.server.PlanResourceChange(b.Context(), plan); err != nil {
			b.Fatal(err)
		}
	}
}
