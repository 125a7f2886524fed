// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Fault is how matching requests fail. Faults come after the rate limits and
// before authentication.
type Fault struct {
	// Call is the call to fail; empty is any.
	Call Call
	// Times is how often; 0 is until ClearFaults.
	Times int
	// After lets this many matching requests through first.
	After int
	// Kind is what goes wrong.
	Kind FaultKind
	// Commit lets the request take effect all the same. Without it nothing
	// changes on the server.
	Commit bool
	// CommitAfter lets the request take effect that long after the fault shows,
	// when the caller has gone. It needs a Kind that sends no true answer.
	CommitAfter time.Duration
	// Delay passes before the fault shows. With FaultSlowBody it passes before
	// each byte (default: a second).
	Delay time.Duration
	// Status is the code of kinds that answer. The default is 500 for
	// FaultStatus, 307 for FaultRedirect, else 200.
	Status int
	// Header is added to the answer.
	Header http.Header
	// Body is that of FaultStatus.
	Body []byte
	// Location is where FaultRedirect points; the default is on another host.
	Location string
}

// FaultKind is a way to fail.
type FaultKind string

// The kinds of fault. Where a part of the true answer is sent and Commit is
// false, it is the answer that would have been.
const (
	FaultStatus FaultKind = "status" // answers Status, Header, Body
	FaultReset  FaultKind = "reset"  // resets the connection, no answer
	FaultCut    FaultKind = "cut"    // closes the connection in the middle of the answer
	// FaultDelay answers after Delay. It takes effect before it with Commit,
	// and else after it, if the caller is still there.
	FaultDelay      FaultKind = "delay"
	FaultHuge       FaultKind = "huge"        // streams 20 MiB of JSON
	FaultGzipBomb   FaultKind = "gzip-bomb"   // the same, compressed
	FaultEmpty      FaultKind = "empty"       // no body
	FaultHTML       FaultKind = "html"        // a page of the web app
	FaultTruncated  FaultKind = "truncated"   // a complete answer with half of the JSON
	FaultOtherShape FaultKind = "other-shape" // JSON of no known shape
	FaultRedirect   FaultKind = "redirect"    // redirects to Location
	FaultSlowBody   FaultKind = "slow-body"   // the true answer, a byte at a time
)

// FaultKinds returns every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{
		FaultStatus, FaultReset, FaultCut, FaultDelay, FaultHuge, FaultGzipBomb, FaultEmpty, FaultHTML, FaultTruncated,
		FaultOtherShape, FaultRedirect, FaultSlowBody,
	}
}

// Inject adds a fault. Of several that match a request, the first injected
// shows. It panics on a value that cannot be.
func (s *Server) Inject(f Fault) {
	if err := f.validate(); err != nil {
		panic("titanxsim: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, f)
}

// ClearFaults removes every fault.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (f Fault) validate() error {
	if !slices.Contains(FaultKinds(), f.Kind) {
		return fmt.Errorf("inject fault: no kind %q", f.Kind)
	}
	calls := []Call{"", CallCreate, CallList, CallGet, CallSetStatus, CallDelete, CallOther}
	if !slices.Contains(calls, f.Call) {
		return fmt.Errorf("inject fault: no call %q", f.Call)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("inject fault: no status %d", f.Status)
	}
	if f.Times < 0 || f.After < 0 || f.Delay < 0 || f.CommitAfter < 0 {
		return errors.New("inject fault: times, after and delay are not negative")
	}
	return nil
}

func (s *Server) nextFault(call Call) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := &s.faults[i]
		if f.Call != "" && f.Call != call {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		found := *f
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return found, true
	}
	return Fault{}, false
}

// fail answers a request as the fault says.
func (x *exchange) fail(f Fault) {
	if f.Kind == FaultDelay && !f.Commit {
		if x.s.sleep(x.r.Context(), f.Delay) {
			x.send(x.handle(true))
		}
		return
	}
	if f.CommitAfter > 0 {
		x.s.tasks.Go(func() {
			if x.s.sleep(x.s.ctx, f.CommitAfter) {
				x.handle(true)
			}
		})
	}
	a := x.handle(f.Commit)
	if f.Kind != FaultSlowBody && !x.s.sleep(x.r.Context(), f.Delay) {
		return
	}
	switch f.Kind {
	case FaultReset:
		x.reset()
	case FaultCut:
		x.cut(withBody(a))
	case FaultDelay:
		x.send(a)
	case FaultHuge:
		x.huge(f.answer(a))
	case FaultSlowBody:
		x.drip(withBody(a), f.Delay)
	default:
		x.send(f.answer(a))
	}
}

// answer is the faulty answer in place of the true one.
func (f Fault) answer(truth answer) answer {
	a := jsonAnswer(http.StatusOK, nil)
	switch f.Kind {
	case FaultStatus:
		a.status, a.body = http.StatusInternalServerError, f.Body
	case FaultGzipBomb:
		a.body = gzipBomb()
		a.header.Set("Content-Encoding", "gzip")
	case FaultEmpty:
		a.body = nil
	case FaultHTML:
		a = htmlAnswer(http.StatusOK)
	case FaultTruncated:
		truth = withBody(truth)
		a.body = truth.body[:len(truth.body)/2]
	case FaultOtherShape:
		a.body = []byte(`{"payload":[["unexpected",{"id":7}]],"data":"unexpected","id":{}}`)
	case FaultRedirect:
		a = answer{
			status: http.StatusTemporaryRedirect,
			header: http.Header{"Location": {"https://redirected.example/"}},
		}
		if f.Location != "" {
			a.header.Set("Location", f.Location)
		}
	}
	if f.Status != 0 {
		a.status = f.Status
	}
	maps.Copy(a.header, f.Header)
	return a
}

// withBody returns an answer without a body one that can be cut.
func withBody(a answer) answer {
	if len(a.body) > 1 {
		return a
	}
	return jsonAnswer(http.StatusOK, map[string]any{"payload": map[string]any{}})
}

// reset closes the connection so that the caller sees ECONNRESET. HTTP/2 only
// resets the stream.
func (x *exchange) reset() {
	x.note(0)
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	raw := conn
	if t, ok := conn.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if t, ok := raw.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	raw.Close()
}

// cut announces the whole answer, sends half and aborts.
func (x *exchange) cut(a answer) {
	x.note(0)
	x.writeHead(a, len(a.body))
	x.w.Write(a.body[:len(a.body)/2])
	http.NewResponseController(x.w).Flush()
	panic(http.ErrAbortHandler)
}

func (x *exchange) drip(a answer, pause time.Duration) {
	if pause == 0 {
		pause = time.Second
	}
	x.note(a.status)
	x.writeHead(a, len(a.body))
	for i := range a.body {
		if http.NewResponseController(x.w).Flush() != nil || !x.s.sleep(x.r.Context(), pause) {
			panic(http.ErrAbortHandler)
		}
		x.w.Write(a.body[i : i+1])
	}
}

const (
	hugeHead = `{"payload":{"id":"`
	hugeTail = `"}}`
	hugeFill = 20 << 20 // bytes
)

func (x *exchange) huge(a answer) {
	x.note(a.status)
	x.writeHead(a, len(hugeHead)+hugeFill+len(hugeTail))
	x.w.Write([]byte(hugeHead))
	fill := bytes.Repeat([]byte("x"), 1<<16)
	for range hugeFill / len(fill) {
		if _, err := x.w.Write(fill); err != nil {
			return
		}
	}
	x.w.Write([]byte(hugeTail))
}

// gzipBomb is made of compressed parts: gzip streams one after the other are
// one stream.
var gzipBomb = sync.OnceValue(func() []byte {
	fill := compress(strings.Repeat("x", 1<<20))
	return slices.Concat(compress(hugeHead), bytes.Repeat(fill, hugeFill>>20), compress(hugeTail))
})

func compress(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.Bytes()
}
