// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Receiver accepts TitanX deliveries on POST /titanx. It serves plain HTTP: run
// it behind a proxy that terminates TLS. A delivery is verified in deliver,
// written to the disk in accept, answered, and handled in work.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode/utf8"
)

const (
	maxBody    = 1 << 20            // bytes
	maxLevels  = 100                // of nested JSON
	maxWaiting = 1000               // events
	window     = 4 * 24 * time.Hour // how old a timestamp may be; TitanX repeats a delivery for three days
)

// handle does the work of an event. It may take longer than the 10 seconds in
// which TitanX expects an answer. The event is done when handle returns without
// an error: the result and the mark go into the events file in one write. After
// an error or a panic the event is forgotten, and another copy is accepted.
func handle(e event) (result any, err error) {
	fmt.Println("handled", e.Type, e.ID)
	return nil, nil
}

// An event is what a delivery's body says.
type event struct {
	ID, Type  string
	Timestamp float64 // Unix milliseconds
	Payload   json.RawMessage
	body      string
}

var name = regexp.MustCompile(`^[\x21-\x7e]{1,200}$`)

// parse returns the event of a body, which must be a JSON object with an id, an
// eventType and a timestamp.
func parse(body []byte) (e event, ok bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	var fields map[string]json.RawMessage // exact names: a struct would also take ID for id
	if !utf8.Valid(body) || json.Unmarshal(body, &fields) != nil || levels(body) > maxLevels {
		return event{}, false
	}
	var id, eventType *string
	var timestamp *float64
	for field, value := range map[string]any{"id": &id, "eventType": &eventType, "timestamp": &timestamp} {
		if json.Unmarshal(fields[field], value) != nil {
			return event{}, false
		}
	}
	if id == nil || eventType == nil || timestamp == nil || !name.MatchString(*id) || !name.MatchString(*eventType) {
		return event{}, false
	}
	return event{*id, *eventType, *timestamp, fields["payload"], string(body)}, true
}

// levels returns how deep a JSON text is nested.
func levels(text []byte) (deepest int) {
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	for level := 0; ; {
		token, err := tokens.Token()
		switch {
		case err != nil:
			return deepest
		case token == json.Delim('{') || token == json.Delim('['):
			level++
			deepest = max(deepest, level)
		case token == json.Delim('}') || token == json.Delim(']'):
			level--
		}
	}
}

// parseSecrets returns the keys of a secrets file, which has one secret a line.
// A line that cannot be a secret spoils the whole file. An error never quotes
// it.
func parseSecrets(text []byte, reading string) (keys [][]byte, err error) {
	switch {
	case bytes.HasPrefix(text, []byte("\ufeff")):
		return nil, errors.New("it begins with a byte order mark: save it without one")
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")),
		bytes.IndexByte(text, 0) >= 0:
		return nil, errors.New("it is UTF-16: save it as ASCII")
	}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.Trim(line, " \t\r")
		if line == "" {
			continue
		}
		key, problem := parseSecret(line, reading)
		if problem != "" {
			return nil, fmt.Errorf("line %d %s", i+1, problem)
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, errors.New("it has no secret")
	}
	return keys, nil
}

// parseSecret returns the key of a secret, or why it cannot be one. What of the
// secret is the key is not documented: all of it ("whole"), what follows its
// prefix ("after-prefix"), or the bytes that this encodes in base64
// ("decoded").
func parseSecret(line, reading string) (key []byte, problem string) {
	switch {
	case line[0] == '#':
		return nil, "begins with #"
	case line[0] == '"' || line[0] == '\'':
		return nil, "begins with a quote"
	case strings.ContainsAny(line, " \t\r"):
		return nil, "has white space inside"
	case strings.ContainsFunc(line, func(c rune) bool { return c < '!' || c > '~' }):
		return nil, "has a character that is not printable ASCII"
	}
	key = []byte(line)
	if reading != "whole" {
		rest, ok := strings.CutPrefix(line, "whsec_")
		if !ok {
			rest, ok = strings.CutPrefix(line, "wh_sk_")
		}
		if key = []byte(rest); !ok {
			return nil, "has no prefix whsec_ or wh_sk_"
		}
	}
	if reading == "decoded" {
		var err error
		if key, err = base64.StdEncoding.Strict().DecodeString(string(key)); err != nil {
			return nil, "has no base64 after its prefix"
		}
	}
	if len(key) < 16 {
		return nil, "is shorter than 16 bytes"
	}
	return key, ""
}

// verified reports whether signature is that of body under one of the keys:
// Base64(HMAC-SHA256(key, body)). It compares in constant time.
func verified(keys [][]byte, body []byte, signature string) bool {
	ok := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		ok = hmac.Equal([]byte(want), []byte(signature)) || ok
	}
	return ok
}

// A record is a line of the events file. An id is waiting, done or failed.
type record struct {
	State     string          `json:"state"`
	ID        string          `json:"id"`
	Timestamp float64         `json:"timestamp"`
	Body      string          `json:"body,omitempty"`   // of waiting
	Result    json.RawMessage `json:"result,omitempty"` // of done
}

type receiver struct {
	secretsFile, reading string
	stopping             atomic.Bool

	mu       sync.Mutex
	changed  *sync.Cond // an event waits, or none does
	file     *os.File
	torn     bool // the last write failed, perhaps in the middle of a line
	waiting  []event
	done     map[string]float64 // id to timestamp
	pruned   time.Time
	secrets  string // of the last delivery
	proven   bool   // a delivery has verified with these secrets
	refused  int    // deliveries that have not
	reported map[string]time.Time
}

// open reads the events file and replaces it by one of what still matters.
func open(secretsFile, eventsFile, reading string) (*receiver, error) {
	r := &receiver{
		secretsFile: secretsFile,
		reading:     reading,
		done:        map[string]float64{},
		reported:    map[string]time.Time{},
	}
	r.changed = sync.NewCond(&r.mu)
	var keep []record
	previous, err := os.Open(eventsFile)
	if err == nil {
		defer previous.Close()
	}
	for lines, number := bufio.NewReader(previous), 1; err == nil; number++ {
		var line []byte
		var rec record
		if line, err = lines.ReadBytes('\n'); len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		whole := json.Unmarshal(line, &rec) == nil
		e, ok := parse([]byte(rec.Body))
		same := func(e event) bool { return e.ID == rec.ID }
		switch i := slices.IndexFunc(r.waiting, same); {
		case whole && rec.State == "waiting" && ok:
			r.waiting = append(r.waiting, e)
		case whole && rec.State == "done":
			r.waiting = slices.DeleteFunc(r.waiting, same)
			if r.done[rec.ID] = rec.Timestamp; !old(rec.Timestamp) {
				keep = append(keep, rec)
			}
		case whole && rec.State == "failed" && i >= 0:
			r.waiting = slices.Delete(r.waiting, i, i+1)
		default:
			fmt.Fprintf(os.Stderr, "events file: line %d is not whole, and is dropped\n", number)
		}
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range r.waiting {
		keep = append(keep, waits(e))
	}
	if err := replace(eventsFile, keep); err != nil {
		return nil, err
	}
	r.file, err = os.OpenFile(eventsFile, os.O_APPEND|os.O_WRONLY, 0o600)
	return r, err
}

func waits(e event) record {
	return record{State: "waiting", ID: e.ID, Timestamp: e.Timestamp, Body: e.body}
}

// replace writes a new file and puts it in the place of another.
func replace(name string, records []record) error {
	file, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	lines := json.NewEncoder(file)
	for _, rec := range records {
		err = errors.Join(err, lines.Encode(rec))
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if folder, err := os.Open(filepath.Dir(name)); err == nil {
		_ = folder.Sync() // the name, too, where the system can
		folder.Close()
	}
	return nil
}

// write reports whether it could append a record to the events file.
func (r *receiver) write(rec record, flush bool) bool {
	line, err := json.Marshal(rec)
	if r.torn {
		line = append([]byte("\n"), line...)
	}
	if err == nil {
		_, err = r.file.Write(append(line, '\n'))
	}
	if err == nil && flush {
		err = r.file.Sync()
	}
	if r.torn = err != nil; r.torn {
		r.report("write", "events file: "+err.Error())
	}
	return !r.torn
}

// old reports whether a delivery of this timestamp is a replay.
func old(timestamp float64) bool {
	return float64(time.Now().UnixMilli())-timestamp > float64(window.Milliseconds())
}

// deliver returns the status to answer a delivery with. TitanX repeats it after
// a 503, and never after a 4xx.
func (r *receiver) deliver(body []byte, signature string) int {
	text, err := os.ReadFile(r.secretsFile) // for each delivery, so that a rotation needs no restart
	var keys [][]byte
	if err == nil {
		keys, err = parseSecrets(text, r.reading)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.report(err.Error(), "secrets file: "+err.Error())
		return http.StatusServiceUnavailable
	}
	if string(text) != r.secrets {
		r.secrets, r.proven, r.refused = string(text), false, 0
	}
	if !verified(keys, body, signature) {
		if r.refused++; !r.proven {
			r.report("refused",
				fmt.Sprintf("%d refused: no delivery has verified with the present secrets file", r.refused))
		}
		return http.StatusUnauthorized
	}
	r.proven = true
	e, ok := parse(body)
	switch {
	case !ok:
		return http.StatusBadRequest
	case old(e.Timestamp): // or the clock of this machine is wrong
		r.report("old", "a delivery is more than four days old: it is a replay, or the clock of this machine is wrong")
		return http.StatusServiceUnavailable
	}
	return r.accept(e)
}

// accept writes an event to the disk, and lets it wait for its turn.
func (r *receiver) accept(e event) int {
	if now := time.Now(); now.Sub(r.pruned) > time.Hour {
		maps.DeleteFunc(r.done, func(_ string, timestamp float64) bool { return old(timestamp) })
		r.pruned = now
	}
	if _, ok := r.done[e.ID]; ok {
		return http.StatusNoContent
	}
	if len(r.waiting) >= maxWaiting {
		r.report("full", fmt.Sprintf("%d events wait: no more is accepted", maxWaiting))
		return http.StatusServiceUnavailable
	}
	if !r.write(waits(e), true) {
		return http.StatusServiceUnavailable
	}
	r.waiting = append(r.waiting, e)
	r.changed.Broadcast()
	return http.StatusNoContent
}

// report logs a message, of each kind at most one a minute.
func (r *receiver) report(kind, message string) {
	if now := time.Now(); now.Sub(r.reported[kind]) > time.Minute {
		r.reported[kind] = now
		fmt.Fprintln(os.Stderr, message)
	}
}

// work handles the waiting events, one after another. Copies of an event wait,
// too, so that one is left if another fails.
func (r *receiver) work() {
	r.mu.Lock()
	for {
		for len(r.waiting) == 0 {
			r.changed.Wait()
		}
		e := r.waiting[0]
		if _, ok := r.done[e.ID]; !ok {
			r.mu.Unlock()
			mark := attempt(e)
			r.mu.Lock()
			for !r.write(mark, false) && !r.stopping.Load() {
				r.mu.Unlock()
				<-time.After(time.Second)
				r.mu.Lock()
			}
			if mark.State == "done" {
				r.done[e.ID] = e.Timestamp
			}
		}
		r.waiting = r.waiting[1:]
		r.changed.Broadcast()
	}
}

// attempt handles an event and returns the mark that it gets.
func attempt(e event) (mark record) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(os.Stderr, "handle %s: panic: %v\n", e.ID, p)
			mark = record{State: "failed", ID: e.ID, Timestamp: e.Timestamp}
		}
	}()
	result, err := handle(e)
	var text []byte
	if err == nil && result != nil {
		text, err = json.Marshal(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "handle %s: %v\n", e.ID, err)
		return record{State: "failed", ID: e.ID, Timestamp: e.Timestamp}
	}
	return record{State: "done", ID: e.ID, Timestamp: e.Timestamp, Result: text}
}

// drain waits until no event waits.
func (r *receiver) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.waiting) > 0 {
		r.changed.Wait()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	late := r.stopping.Load()
	// always: what is left of it would be the next request
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	status := r.answer(req, body, err, late)
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", http.MethodPost)
	}
	// chunks and a length, too, would look like this
	if err != nil || r.stopping.Load() || req.TransferEncoding != nil {
		w.Header().Set("Connection", "close")
	}
	w.WriteHeader(status)
}

func (r *receiver) answer(req *http.Request, body []byte, err error, late bool) int {
	path, _, _ := strings.Cut(req.RequestURI, "?")
	switch tooLarge := new(http.MaxBytesError); {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusRequestTimeout
	case late:
		return http.StatusServiceUnavailable
	case path != "/titanx":
		return http.StatusNotFound
	case req.Method != http.MethodPost:
		return http.StatusMethodNotAllowed
	}
	return r.deliver(body, strings.Join(req.Header.Values("X-TitanX-Signature"), ", "))
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	reading := variable("TITANX_SECRET_READING", "whole")
	if !slices.Contains([]string{"whole", "after-prefix", "decoded"}, reading) {
		return errors.New("TITANX_SECRET_READING must be whole, after-prefix or decoded")
	}
	secretsFile := os.Getenv("TITANX_SECRETS_FILE")
	text, err := os.ReadFile(secretsFile)
	if err == nil {
		_, err = parseSecrets(text, reading)
	}
	if err != nil {
		return fmt.Errorf("secrets file: %w", err)
	}
	// A second process on the same port fails here, before it touches the file.
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp",
		net.JoinHostPort(variable("HOST", "127.0.0.1"), variable("PORT", "8000")))
	if err != nil {
		return err
	}
	r, err := open(secretsFile, variable("TITANX_EVENTS_FILE", "titanx-events.jsonl"), reading)
	if err != nil {
		return fmt.Errorf("events file: %w", err)
	}
	go r.work()
	server := &http.Server{
		Handler:      r,
		ReadTimeout:  10 * time.Second,
		WriteTimeout: 20 * time.Second,
		IdleTimeout:  2 * time.Minute,
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("listening on http://%s\n", listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}

	stop()                 // a second signal ends the process
	r.stopping.Store(true) // requests that begin from now on are answered 503
	r.drain()
	soon, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if server.Shutdown(soon) != nil { // waits for those that began before
		server.Close()
	}
	r.drain()
	return nil
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
