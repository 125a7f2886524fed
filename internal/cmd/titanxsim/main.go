// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Titanxsim is a place to try the provider and a receiver without a TitanX
// account.
//
//	titanxsim
//	titanxsim fire [-user NAME] [-payload JSON] [EVENT]
//
// The first serves, on this machine: TitanX's API for the users ada and bob,
// and a front that receives their deliveries over TLS and forwards them to a
// receiver on a plain port. It shows each request and each delivery. The second
// fires an event, by default job.contact.scored, and reports who received it.
//
// The front has a certificate of its own, which the simulator trusts. It is
// written to a file for other programs that deliver to the front.
package main

import (
	"context"
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

const defaultAddr = "127.0.0.1:8080"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "titanxsim:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == "fire" {
		return fire(ctx, args[1:], stdout, stderr)
	}
	return serve(ctx, args, stdout, stderr)
}

// serve serves until ctx is done.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("titanxsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", defaultAddr, "`address` of the API")
	frontAddr := flags.String("front", "127.0.0.1:8443", "`address` of the front that receives deliveries over TLS")
	receiver := flags.String("receiver", "http://127.0.0.1:8000",
		"`address` of the receiver, to which the front forwards")
	caFile := flags.String("ca", "titanxsim-ca.pem", "`file` for the certificate of the front")
	trust := flags.String("receiver-ca", "", "PEM `file` of another authority to trust when delivering")
	latency := flags.Duration("latency", 0, "time before each response, such as 50ms")
	var limits titanxsim.Limits
	flags.Func("limits", "rate limits, such as `second=5,minute=100,day=10000` (default none)",
		func(s string) (err error) {
			limits, err = parseLimits(s)
			return err
		})
	var dialect titanxsim.Dialect
	flags.Func("dialect", "`switches` for what TitanX leaves undocumented, such as envelope=data,get=absent-html",
		func(s string) (err error) {
			dialect, err = titanxsim.ParseDialect(s)
			return err
		})
	flags.Usage = func() {
		fmt.Fprint(stderr, "Usage: titanxsim [flags]\n"+
			"       titanxsim fire [-user NAME] [-payload JSON] [EVENT]\n\nFlags:\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nSwitches of -dialect, the default first:\n\n", titanxsim.DialectUsage())
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected args: %s", strings.Join(flags.Args(), " "))
	}
	to, err := url.Parse(*receiver)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" || to.Path != "" {
		return fmt.Errorf("parse receiver %q: want an address such as http://127.0.0.1:8000", *receiver)
	}
	cert, transport, err := certify(*caFile, *trust)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer listener.Close()
	frontListener, err := new(net.ListenConfig).Listen(ctx, "tcp", *frontAddr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer frontListener.Close()
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: brief}))
	sim := titanxsim.New(titanxsim.Config{
		Keys:              map[string]string{"ada-key": "ada", "bob-key": "bob"},
		Dialect:           dialect,
		Limits:            limits,
		Latency:           *latency,
		DeliveryTransport: transport,
		Logger:            logger,
	})
	defer sim.Close()
	fmt.Fprintf(stdout, `Deliveries to https://%s/ reach the receiver on %s/.
The certificate of this address is in %s.

export TITANX_BASE_URL=http://%s%s
export TITANX_API_KEY=ada-key    # another user: bob-key

`, frontListener.Addr(), to, *caFile, listener.Addr(), titanxsim.BasePath)
	api := &http.Server{Handler: control(sim), ReadHeaderTimeout: 10 * time.Second}
	front := &http.Server{Handler: forward(to, logger), ReadHeaderTimeout: 10 * time.Second, TLSConfig: cert}
	served := make(chan error, 2)
	go func() { served <- api.Serve(listener) }()
	go func() { served <- front.ServeTLS(frontListener, "", "") }()
	select {
	case err = <-served:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	sim.Close() // ends delayed responses, for which Shutdown would wait
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(err, api.Shutdown(ctx), front.Shutdown(ctx))
}

// brief leaves out of a log line what nobody at a terminal needs.
func brief(_ []string, a slog.Attr) slog.Attr {
	switch {
	case a.Key == slog.LevelKey, a.Value.String() == "":
		return slog.Attr{}
	case a.Key == slog.TimeKey:
		return slog.String(a.Key, a.Value.Time().Format(time.TimeOnly))
	}
	return a
}

// parseLimits parses "second=5,minute=100,day=10000". A window that is not
// named is absent.
func parseLimits(s string) (titanxsim.Limits, error) {
	var l titanxsim.Limits
	windows := map[string]*int{"second": &l.Second, "minute": &l.Minute, "day": &l.Day}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		window, known := windows[name]
		n, err := strconv.Atoi(value)
		if !known || err != nil || n < 0 {
			return l, fmt.Errorf("parse %q: want second=N, minute=N or day=N", part)
		}
		*window = n
	}
	return l, nil
}
