// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Deliveries during a rotation.

package provider

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestAccRotation_overlap fires an event every 50 ms while the secret is
// rotated, at a receiver that holds both secrets. With create_before_destroy it
// gets every event; without it, it cannot.
func TestAccRotation_overlap(t *testing.T) {
	t.Parallel()
	for order, createFirst := range map[string]bool{"create before destroy": true, "destroy before create": false} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			receiver := &receiver{}
			s := simulate(t, titanxsim.Config{DeliveryTransport: receiver})
			c := newCLI(t, s, webhookHCL(fmt.Sprintf(`
  rotation_triggers = { generation = var.generation }
  lifecycle {
    create_before_destroy = %t
  }`, createFirst))+`
variable "generation" { default = "1" }`)
			c.must("apply", "-auto-approve")
			oldSecret := s.only().Secret
			// Whatever comes second waits, so that several events fall between
			// the two.
			second := titanxsim.CallCreate
			if createFirst {
				second = titanxsim.CallDelete
			}
			s.Inject(titanxsim.Fault{Call: second, Kind: titanxsim.FaultDelay, Delay: 500 * time.Millisecond})

			stop := make(chan struct{})
			var firing sync.WaitGroup
			var fired []string
			firing.Go(func() { fired = s.fireUntil(stop) })
			c.must("apply", "-auto-approve", "-var=generation=2")
			close(stop)
			firing.Wait()
			if err := s.WaitForDeliveries(t.Context()); err != nil {
				t.Fatal(err)
			}

			newSecret := s.only().Secret
			var byOld, byNew, byBoth, missed int
			for _, event := range fired {
				old, fresh := receiver.verifies(oldSecret, event), receiver.verifies(newSecret, event)
				switch {
				case old && fresh:
					byBoth++
				case old:
					byOld++
				case fresh:
					byNew++
				default:
					missed++
				}
			}
			t.Logf("%d events: %d by the old webhook alone, %d by both, %d by the new one alone, %d missed", len(fired), byOld, byBoth, byNew, missed)
			if oldSecret == newSecret || byOld == 0 || byNew == 0 {
				t.Error("the secret was not rotated while events were fired")
			}
			if createFirst != (missed == 0) || createFirst != (byBoth > 0) {
				t.Error("the two webhooks overlap exactly if the new one is created first")
			}
		})
	}
}

// fireUntil fires an event every 50 ms, the last one after stop is closed, and
// returns their ids.
func (s *simulation) fireUntil(stop <-chan struct{}) []string {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var fired []string
	fire := func() {
		fired = append(fired, s.Fire(simUser, "job.contact.scored", map[string]string{"firstName": "Ada"}))
	}
	for {
		fire()
		select {
		case <-ticker.C:
		case <-stop:
			fire()
			return fired
		}
	}
}
