// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The number of requests and connections of plans and creates.

package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	parallelism = 10 // of Terraform, unless told otherwise
	pageSize    = 100
)

// connections are those over which requests came.
func connections(requests []titanxsim.Request) int {
	seen := map[string]bool{}
	for _, r := range requests {
		seen[r.RemoteAddr] = true
	}
	return len(seen)
}

// asInState is a webhook as the state has it after its create.
func asInState(w titanxsim.Webhook) object {
	return object{
		"id": w.ID, "name": w.Name, "url": w.URL, "event_types": w.EventTypes, "status": w.Status, "on_lost_secret": onLostReplace,
		"secret": w.Secret, "secret_status": secretKnown, "secret_version": w.CreatedAt.Unix(),
		"created_at": w.CreatedAt.Format(time.RFC3339Nano),
	}
}

// atOnce sends n calls, as many at a time as Terraform does.
func atOnce(n int, do func(i int) error) error {
	var all sync.WaitGroup
	errs, next := make([]error, n), make(chan int)
	for range parallelism {
		all.Go(func() {
			for i := range next {
				errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
	return errors.Join(errs...)
}

// TestCost_noChange_protocol counts what a plan that changes nothing asks of
// TitanX: each page of the list once.
func TestCost_noChange_protocol(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 100, 1000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "cursor", PageSize: pageSize}})
			p := s.protocol(nil)
			schema := p.webhookSchema()
			var states, configs []*tfprotov6.DynamicValue
			for i := range n {
				w := s.Put(simUser, titanxsim.Webhook{Name: fmt.Sprint(i), URL: fmt.Sprintf("https://hooks.example.com/%d", i), EventTypes: []string{"job.completed"}, Secret: "CANARY"})
				states = append(states, p.dynamic(schema, asInState(w)))
				configs = append(configs, p.dynamic(schema, object{"name": w.Name, "url": w.URL, "event_types": w.EventTypes}))
			}
			err := atOnce(n, func(i int) error { return p.unchanged(states[i], configs[i]) })
			if err != nil {
				t.Fatal(err)
			}
			lists, all := s.Requests(titanxsim.CallList), s.Requests()
			if want := (n + pageSize - 1) / pageSize; len(lists) != want || len(all) != want {
				t.Errorf("%d requests, %d of them lists; want %d lists and nothing else", len(all), len(lists), want)
			}
			if got := connections(all); got > parallelism {
				t.Errorf("%d connections, want at most %d", got, parallelism)
			}
		})
	}
}

// unchanged reads and plans a webhook as a plan of Terraform does, and fails
// unless both leave it as it is.
func (p *protocolServer) unchanged(state, config *tfprotov6.DynamicValue) error {
	ctx := context.Background()
	read, err := p.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: webhookType, CurrentState: state})
	if err != nil {
		return err
	}
	planned, err := p.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: webhookType, PriorState: read.NewState, ProposedNewState: read.NewState, Config: config, PriorPrivate: read.Private, PriorIdentity: read.NewIdentity,
	})
	if err != nil {
		return err
	}
	typ := p.webhookSchema().ValueType()
	before, err := state.Unmarshal(typ)
	if err != nil {
		return err
	}
	after, err := planned.PlannedState.Unmarshal(typ)
	if err != nil {
		return err
	}
	if len(read.Diagnostics)+len(planned.Diagnostics)+len(planned.RequiresReplace) > 0 || !after.Equal(before) {
		return fmt.Errorf("not the same after read and plan: %s, before: %s, diagnostics: %v %v", after, before, summaries(read.Diagnostics), summaries(planned.Diagnostics))
	}
	return nil
}

// TestCost_creates_protocol counts connections: as many as there are calls at
// once, however many webhooks are made.
func TestCost_creates_protocol(t *testing.T) {
	t.Parallel()
	const n = 50
	s := simulate(t, titanxsim.Config{})
	p := s.protocol(nil)
	err := atOnce(n, func(i int) error {
		_, diags := p.apply(p.plan(instance{}, testWebhook(object{"url": fmt.Sprintf("https://hooks.example.com/%d", i)})))
		if len(diags) > 0 {
			return fmt.Errorf("%v", summaries(diags))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Requests(titanxsim.CallCreate)); got != n {
		t.Errorf("%d creates, want %d", got, n)
	}
	if got := connections(s.Requests()); got > parallelism {
		t.Errorf("%d connections, want at most %d", got, parallelism)
	}
}
