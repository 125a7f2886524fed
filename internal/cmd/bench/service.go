// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const simulatedUser = "bench"

// service is a simulator on a port of its own.
type service struct {
	sim      *titanxsim.Server
	http     *http.Server
	url, key string
	open     openConnections
}

// openConnections counts connections, and the most that were open at once.
type openConnections struct {
	mu        sync.Mutex
	now, most int
}

func (c *openConnections) changed(_ net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.now++
		c.most = max(c.most, c.now)
	case http.StateClosed:
		c.now--
	}
}

// takeMost gives the most that were open at once since the last call.
func (c *openConnections) takeMost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := c.most
	c.most = c.now
	return most
}

func newService(ctx context.Context, cfg titanxsim.Config) (*service, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &service{key: "bench_" + rand.Text(), url: "http://" + listener.Addr().String() + titanxsim.BasePath}
	cfg.Keys = map[string]string{s.key: simulatedUser}
	s.sim = titanxsim.New(cfg)
	s.http = &http.Server{Handler: s.sim, ReadHeaderTimeout: 10 * time.Second, ConnState: s.open.changed}
	go s.http.Serve(listener) //nolint:errcheck // it ends with close
	return s, nil
}

func (s *service) close() {
	s.sim.Close()
	s.http.Close()
}

// traffic is what the service has seen during one command.
type traffic struct{ requests, refused, connections, atOnce int }

// takeTraffic gives what was seen since the last call.
func (s *service) takeTraffic() traffic {
	if s == nil {
		return traffic{}
	}
	var t traffic
	connections := map[string]bool{}
	for _, r := range s.sim.Requests() {
		t.requests++
		connections[r.RemoteAddr] = true
		if r.Status == http.StatusTooManyRequests {
			t.refused++
		}
	}
	t.connections, t.atOnce = len(connections), s.open.takeMost()
	s.sim.ResetRequests()
	return t
}
