// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Titanxsim serves a simulated TitanX, for writing a receiver or trying the provider without a TitanX account.
//
//	go run ./internal/cmd/titanxsim
//
// It prints the lines that point the provider at it. A webhook's url must be https, as with TitanX. For a receiver on this
// machine without TLS, -receiver names where to deliver; for one with TLS, -receiver-ca names its certificate authority.
// The key is random unless -key names one.
//
// Callers on this machine control it over HTTP. Every body is optional JSON:
//
//	POST   /_sim/events      fire {"eventType": "job.contact.scored", "payload": {...}}; by default a sample contact.
//	                         The answer has the first attempt for each webhook, and what TitanX does after it
//	GET    /_sim/webhooks    the webhooks, without their secrets
//	GET    /_sim/deliveries  every attempt to deliver: what was sent, the receiver's status, and what TitanX does after it
//	GET    /_sim/requests    the API requests, without the key
//	POST   /_sim/faults      fail {"call": "create", "kind": "reset", "times": 1, "commit": true}; the keys are those of
//	                         titanxsim.Fault in lower case, the delay a string such as "2s"
//	DELETE /_sim/faults      remove every fault
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "titanxsim:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("titanxsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:8080", "`address` to serve on")
	key := flags.String("key", "", "API `key` (default a random one)")
	latency := flags.Duration("latency", 0, "time before each answer, such as 50ms")
	receiver := flags.String("receiver", "", "deliver to this `address`, such as http://127.0.0.1:8000, in place of each webhook's host")
	receiverCA := flags.String("receiver-ca", "", "PEM `file` of a certificate authority to trust when delivering")
	var limits titanxsim.Limits
	flags.Func("limits", "rate limits, such as `second=5,minute=100,day=10000` (default none)", func(s string) (err error) {
		limits, err = parseLimits(s)
		return err
	})
	var dialect titanxsim.Dialect
	flags.Func("dialect", "`switches` for what TitanX leaves undocumented, such as envelope=data,get=absent-html", func(s string) (err error) {
		dialect, err = titanxsim.ParseDialect(s)
		return err
	})
	flags.Usage = func() {
		fmt.Fprint(stderr, "Titanxsim serves a simulated TitanX. Flags:\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nSwitches of -dialect, the default first:\n\n", titanxsim.DialectUsage())
		fmt.Fprint(stderr, "\nControl it from this machine: POST /_sim/events, GET /_sim/{webhooks,deliveries,requests},\n",
			"POST and DELETE /_sim/faults. See go doc ./internal/cmd/titanxsim.\n")
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected args: %s", strings.Join(flags.Args(), " "))
	}
	if *key == "" {
		*key = "sim_" + rand.Text()
	}
	client, err := deliveryClient(*receiver, *receiverCA)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	sim := titanxsim.New(titanxsim.Config{
		Keys:           map[string]string{*key: "simulated"},
		Dialect:        dialect,
		Limits:         limits,
		Latency:        *latency,
		DeliveryClient: client,
		Logger:         slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	defer sim.Close()
	printUsage(stdout, "http://"+listener.Addr().String(), *key)
	return serve(ctx, listener, sim)
}

func serve(ctx context.Context, listener net.Listener, sim *titanxsim.Server) error {
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	sim.Close() // ends delayed answers, for which Shutdown would wait
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shut down: %w", err)
	}
	return nil
}

func printUsage(w io.Writer, origin, key string) {
	fmt.Fprintf(w, `export TITANX_BASE_URL=%[1]s%[2]s
export TITANX_API_KEY=%[3]s
# create a webhook:
#   curl -H "Authorization: Bearer $TITANX_API_KEY" $TITANX_BASE_URL/webhooks \
#     -d '{"name": "demo", "url": "https://receiver.example/titanx", "events": ["job.contact.scored"]}'
# fire a scored contact:
#   curl -X POST %[1]s/_sim/events
`, origin, titanxsim.BasePath, key)
}

// parseLimits reads "second=5,minute=100,day=10000". A tier that is not named is absent.
func parseLimits(s string) (titanxsim.Limits, error) {
	var l titanxsim.Limits
	tiers := map[string]*int{"second": &l.Second, "minute": &l.Minute, "day": &l.Day}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		tier, known := tiers[name]
		n, err := strconv.Atoi(value)
		if !known || err != nil || n < 0 {
			return l, fmt.Errorf("parse %q: want second=N, minute=N or day=N", part)
		}
		*tier = n
	}
	return l, nil
}

// deliveryClient returns a client that delivers to the receiver in place of each
// url's host, and trusts the certificate authority in the file besides the
// system's. Each may be empty. If both are it returns nil, for the simulator's
// own default.
func deliveryClient(receiver, caFile string) (*http.Client, error) {
	if receiver == "" && caFile == "" {
		return nil, nil
	}
	transport := &http.Transport{}
	if caFile != "" {
		pool, err := trusted(caFile)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	if receiver == "" {
		return &http.Client{Transport: transport}, nil
	}
	to, err := url.Parse(receiver)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" || to.Path != "" {
		return nil, fmt.Errorf("parse receiver %q: want an origin such as http://127.0.0.1:8000", receiver)
	}
	return &http.Client{Transport: redirected{to, transport}}, nil
}

// redirected sends each request to one origin, as a proxy in front of a receiver
// does. The path and the Host header stay.
type redirected struct {
	to *url.URL
	by http.RoundTripper
}

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	host := req.URL.Host
	req = req.Clone(req.Context())
	req.Host, req.URL.Scheme, req.URL.Host = host, r.to.Scheme, r.to.Host
	return r.by.RoundTrip(req)
}

func trusted(caFile string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("read receiver CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read receiver CA: no certificate in %s", caFile)
	}
	return pool, nil
}
