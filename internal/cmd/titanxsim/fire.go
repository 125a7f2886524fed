// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// firePath is where the running simulator is asked for an event.
const firePath = "/_sim/fire"

// order asks for an event.
type order struct {
	User, EventType string
	Payload         json.RawMessage `json:",omitempty"`
}

// control adds paths to the simulator for callers on this machine: firePath,
// which responds once each subscriber was tried, and all deliveries.
func control(sim *titanxsim.Server) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sim/deliveries", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(sim.Deliveries()) // the caller may have gone
	})
	mux.HandleFunc("POST "+firePath, func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if o.Payload == nil {
			o.Payload = delivery.SamplePayload(o.EventType)
		}
		_ = json.NewEncoder(w).Encode(sim.FireAndWait(o.User, o.EventType, o.Payload))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		switch {
		case !strings.HasPrefix(r.URL.Path, "/_sim/"):
			sim.ServeHTTP(w, r)
		case !net.ParseIP(host).IsLoopback():
			http.Error(w, "only callers on this machine can control the simulator", http.StatusForbidden)
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

// fire fires an event at the running simulator, and prints what each receiver
// answered.
func fire(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("titanxsim fire", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", defaultAddr, "`address` of the simulator's API")
	user := flags.String("user", "ada", "`name` of the user whose event it is")
	payload := flags.String("payload", "", "`JSON` of the payload (default a sample)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := order{User: *user, EventType: cmp.Or(flags.Arg(0), delivery.ContactScored), Payload: json.RawMessage(*payload)}
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+*addr+firePath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("fire (is titanxsim running?): %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("fire: %w", err)
	}
	var deliveries []titanxsim.Delivery
	if err := json.Unmarshal(answer, &deliveries); err != nil {
		return fmt.Errorf("fire: %s", bytes.TrimSpace(answer))
	}
	if len(deliveries) == 0 {
		return fmt.Errorf("no active webhook of %s subscribes to %s", o.User, o.EventType)
	}
	for _, d := range deliveries {
		fmt.Fprintf(stdout, "%s to %s: %s\n", d.EventType, d.URL, cmp.Or(d.Err, d.Verdict))
	}
	return nil
}
