// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"net/http"
	"slices"
	"time"
)

// journalSize bounds the requests and the deliveries that are remembered; the
// oldest are forgotten first.
const journalSize = 100_000

// Call names what a request asks for.
type Call string

// The calls of the API. CallOther is any other method or path.
const (
	CallCreate    Call = "create"
	CallList      Call = "list"
	CallGet       Call = "get"
	CallSetStatus Call = "set-status"
	CallDelete    Call = "delete"
	CallOther     Call = "other"
)

// Request is one API request as it was seen. Header and Body are shared: do not
// change them.
type Request struct {
	Time       time.Time
	Call       Call
	Method     string
	Path       string
	Query      string
	Header     http.Header // Authorization is redacted
	Body       []byte
	Status     int    // 0 when the answer was cut or is not sent yet
	User       string // empty for an unknown key
	RemoteAddr string // distinguishes connections
}

// Requests returns the requests so far in order of arrival: all, or only those
// of the given calls.
func (s *Server) Requests(calls ...Call) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, r := range s.requests {
		if len(calls) == 0 || slices.Contains(calls, r.Call) {
			out = append(out, *r)
		}
	}
	return out
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// record enters a request at its arrival.
func (s *Server) record(r *http.Request, call Call, user string, body []byte) *Request {
	header := r.Header.Clone()
	if header.Get("Authorization") != "" {
		header.Set("Authorization", "Bearer (redacted)")
	}
	e := &Request{
		Time: s.cfg.Now(), Call: call, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Header: header, Body: body, User: user, RemoteAddr: r.RemoteAddr,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = appendBounded(s.requests, e)
	return e
}

// note enters the status of the answer that is about to be sent; 0 for one that
// will be cut.
func (x *exchange) note(status int) {
	x.s.cfg.Logger.Debug("request", "method", x.r.Method, "path", x.r.URL.Path, "user", x.user, "status", status)
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	x.entry.Status = status
}

func appendBounded[T any](list []T, v T) []T {
	if len(list) >= journalSize {
		list = slices.Delete(list, 0, journalSize/10)
	}
	return append(list, v)
}
