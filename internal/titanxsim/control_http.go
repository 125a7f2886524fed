// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
)

// controlHandler is the back door over HTTP, for callers on this machine. The query's "user" names the user; the default
// is the first by name. No answer holds a secret.
func (s *Server) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /_sim/events", s.controlFire)
	mux.HandleFunc("GET /_sim/webhooks", func(w http.ResponseWriter, r *http.Request) {
		out := []controlWebhook{}
		for _, h := range s.Webhooks(s.controlUser(r)) {
			out = append(out, controlWebhook{h.ID, h.Name, h.URL, h.EventTypes, h.Status, h.CreatedAt, h.UpdatedAt})
		}
		reply(w, http.StatusOK, out)
	})
	mux.HandleFunc("GET /_sim/deliveries", func(w http.ResponseWriter, _ *http.Request) {
		out := []controlDelivery{}
		for _, d := range s.Deliveries() {
			out = append(out, controlDelivery(d))
		}
		reply(w, http.StatusOK, out)
	})
	mux.HandleFunc("GET /_sim/requests", func(w http.ResponseWriter, _ *http.Request) {
		out := []controlRequest{}
		for _, r := range s.Requests() {
			out = append(out, controlRequest{r.Time, r.Call, r.Method, r.Path, r.Query, r.Header, string(r.Body), r.Status, r.User})
		}
		reply(w, http.StatusOK, out)
	})
	mux.HandleFunc("POST /_sim/faults", s.controlInject)
	mux.HandleFunc("DELETE /_sim/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if !net.ParseIP(host).IsLoopback() {
			replyError(w, http.StatusForbidden, errors.New("the control path answers only callers on this machine"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	})
}

func (s *Server) controlUser(r *http.Request) string {
	if user := r.URL.Query().Get("user"); user != "" || len(s.users) == 0 {
		return user
	}
	return s.users[0]
}

// controlFire answers once each subscriber was tried.
func (s *Server) controlFire(w http.ResponseWriter, r *http.Request) {
	var in struct {
		EventType string          `json:"eventType"`
		Payload   json.RawMessage `json:"payload"`
	}
	if err := decodeControl(r, &in); err != nil {
		replyError(w, http.StatusBadRequest, err)
		return
	}
	eventType := cmp.Or(in.EventType, delivery.ContactScored)
	if in.Payload == nil {
		in.Payload = delivery.SamplePayload(eventType)
	}
	id, first := s.fire(s.controlUser(r), eventType, in.Payload)
	first.Wait()
	deliveries := []controlDelivery{}
	for _, d := range s.Deliveries() {
		if d.EventID == id {
			deliveries = append(deliveries, controlDelivery(d))
		}
	}
	reply(w, http.StatusAccepted, map[string]any{"id": id, "deliveries": deliveries})
}

func (s *Server) controlInject(w http.ResponseWriter, r *http.Request) {
	var in controlFault
	if err := decodeControl(r, &in); err != nil {
		replyError(w, http.StatusBadRequest, err)
		return
	}
	f := Fault{
		Call: in.Call, Times: in.Times, After: in.After, Kind: in.Kind, Commit: in.Commit, Status: in.Status,
		Header: in.Header, Body: []byte(in.Body), Location: in.Location,
	}
	var err error
	if in.Delay != "" {
		f.Delay, err = time.ParseDuration(in.Delay)
	}
	if err = cmp.Or(err, f.validate()); err != nil {
		replyError(w, http.StatusBadRequest, err)
		return
	}
	s.Inject(f)
	w.WriteHeader(http.StatusNoContent)
}

type controlWebhook struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	URL        string    `json:"url"`
	EventTypes []string  `json:"eventTypes"`
	Status     string    `json:"status"`
	CreatedAt  time.Time `json:"createdAt"`
	UpdatedAt  time.Time `json:"updatedAt"`
}

type controlDelivery struct {
	WebhookID string    `json:"webhookId"`
	URL       string    `json:"url"`
	EventID   string    `json:"eventId"`
	EventType string    `json:"eventType"`
	Attempt   int       `json:"attempt"`
	Status    int       `json:"status"`
	Err       string    `json:"error,omitempty"`
	Verdict   string    `json:"verdict"`
	Signature string    `json:"signature"`
	Body      string    `json:"body"`
	Time      time.Time `json:"time"`
}

type controlRequest struct {
	Time   time.Time   `json:"time"`
	Call   Call        `json:"call"`
	Method string      `json:"method"`
	Path   string      `json:"path"`
	Query  string      `json:"query,omitempty"`
	Header http.Header `json:"header"`
	Body   string      `json:"body,omitempty"`
	Status int         `json:"status"`
	User   string      `json:"user"`
}

type controlFault struct {
	Call     Call        `json:"call"`
	Times    int         `json:"times"`
	After    int         `json:"after"`
	Kind     FaultKind   `json:"kind"`
	Commit   bool        `json:"commit"`
	Delay    string      `json:"delay"` // such as "2s"
	Status   int         `json:"status"`
	Header   http.Header `json:"header"`
	Body     string      `json:"body"`
	Location string      `json:"location"`
}

// decodeControl reads a JSON body strictly. No body is an empty object.
func decodeControl(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

func replyError(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(mustJSON(v), '\n'))
}
