// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Receiver takes TitanX deliveries on POST /titanx, behind a proxy that terminates TLS.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxBody     = 1 << 20            // bytes
	maxWaiting  = 1000               // events
	rememberFor = 4 * 24 * time.Hour // TitanX sends again for up to 3 days
)

// event is the body of a delivery.
type event struct {
	ID      string          `json:"id"`
	Type    string          `json:"eventType"`
	Payload json.RawMessage `json:"payload"`
}

// handle does the work of an event. It may take longer than the 10 seconds in which TitanX wants an answer.
func handle(e event) {
	fmt.Println("handled", e.Type, e.ID)
}

type receiver struct {
	secretsFile string
	waiting     chan event

	mu   sync.Mutex
	seen map[string]bool
	ages []age // of what is seen, oldest first
}

type age struct {
	id string
	at time.Time
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.WriteHeader(r.receive(w, req))
}

func (r *receiver) receive(w http.ResponseWriter, req *http.Request) int {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge
	} else if err != nil {
		return http.StatusBadRequest
	}
	secrets, err := readSecrets(r.secretsFile)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return http.StatusServiceUnavailable
	}
	if !verified(secrets, body, req.Header.Get("X-TitanX-Signature")) {
		return http.StatusUnauthorized
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" || e.Type == "" {
		return http.StatusBadRequest
	}
	if !r.accept(e, time.Now()) {
		return http.StatusServiceUnavailable
	}
	return http.StatusNoContent
}

// readSecrets reads the file anew, so that a rotation needs no restart.
func readSecrets(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	secrets := strings.Fields(string(text))
	if len(secrets) == 0 {
		return nil, fmt.Errorf("read secrets: %s is empty", file)
	}
	return secrets, nil
}

// verified compares with every secret in constant time: Base64(HMAC-SHA256(secret, raw body)).
func verified(secrets []string, body []byte, signature string) bool {
	ok := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		want := base64.StdEncoding.EncodeToString(mac.Sum(nil))
		ok = hmac.Equal([]byte(want), []byte(signature)) || ok
	}
	return ok
}

// accept lets an event wait for its turn, once for each id. It reports false when too many wait: TitanX sends it again.
func (r *receiver) accept(e event, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ages) > 0 && now.Sub(r.ages[0].at) > rememberFor {
		delete(r.seen, r.ages[0].id)
		r.ages = r.ages[1:]
	}
	if r.seen[e.ID] {
		return true
	}
	select {
	case r.waiting <- e:
	default:
		return false
	}
	r.seen[e.ID] = true
	r.ages = append(r.ages, age{e.ID, now})
	return true
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
	r := &receiver{secretsFile: os.Getenv("TITANX_SECRETS_FILE"), waiting: make(chan event, maxWaiting), seen: map[string]bool{}}
	if _, err := readSecrets(r.secretsFile); err != nil {
		return fmt.Errorf("TITANX_SECRETS_FILE: %w", err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(variable("HOST", "127.0.0.1"), variable("PORT", "8000")))
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())

	mux := http.NewServeMux()
	mux.Handle("POST /titanx", r)
	server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
		close(r.waiting)
	}()
	failed := make(chan error, 1)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
			stop()
		}
	}()
	for e := range r.waiting {
		handle(e)
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func variable(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
