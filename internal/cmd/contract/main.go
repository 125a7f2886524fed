// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Contract asks a live TitanX what its documentation leaves open, and reports
// whether the provider handles the responses.
//
//	TITANX_API_KEY=… go run ./internal/cmd/contract
//
// It creates a few inactive webhooks, activates one of them for a second or
// two, and deletes them all, also after an interrupt. What it cannot delete,
// make sweep deletes. TITANX_BASE_URL names another API.
//
// The exit code is 0 if the provider handles all that was seen, 1 if it does
// not, and 2 if the check was not confirmed or not finished, or left something.
package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// Exit codes.
const (
	exitCovered = iota
	exitNotCovered
	exitTrouble
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := program{
		apiKey: os.Getenv("TITANX_API_KEY"), baseURL: os.Getenv("TITANX_BASE_URL"), transport: http.DefaultTransport,
		stdin: os.Stdin, terminal: isatty.IsTerminal(os.Stdin.Fd()), stdout: os.Stdout, stderr: os.Stderr,
	}.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// program is what a run takes from its surroundings.
type program struct {
	apiKey, baseURL string
	transport       http.RoundTripper
	stdin           io.Reader
	terminal        bool // stdin has somebody to ask
	stdout, stderr  io.Writer
}

func (p program) run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("contract", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	yes := flags.Bool("yes", false, "do not ask before starting")
	asJSON := flags.Bool("json", false, "print JSON instead of the table")
	target := flags.String("url", "https://titanx-contract-check.example/", "https `url` that the webhooks subscribe")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitCovered
	case err != nil:
		return exitTrouble
	}
	u, err := url.Parse(*target)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return p.fail(fmt.Errorf("the url %q is not an absolute https URL", *target))
	}
	c, err := newCheck(titanx.Config{
		APIKey:    p.apiKey,
		BaseURL:   cmp.Or(p.baseURL, titanx.DefaultBaseURL),
		Transport: p.transport,
	}, u)
	switch {
	case p.apiKey == "":
		return p.fail(errors.New("set TITANX_API_KEY to the key of a TitanX user"))
	case err != nil:
		return p.fail(err)
	case !*yes && !p.terminal:
		return p.fail(errors.New("there is no terminal to ask on: use -yes to start without asking"))
	}
	fmt.Fprintf(p.stderr, `This creates up to 6 webhooks named %s… under your key at %s and deletes them.
They subscribe %s and are inactive, but for one, which is active for a second or two.
It sends about 25 requests, and at most %d. Cleaning up after a lost response can take more.
`, c.prefix, c.config.BaseURL, c.url, maxRequests)
	if !*yes && !p.confirmed(ctx) {
		return p.fail(errors.New("not confirmed, nothing was sent"))
	}
	c.run(ctx)
	c.report.write(p.stdout, *asJSON, c.secrets)
	return c.report.exitCode()
}

func (p program) fail(err error) int {
	fmt.Fprintln(p.stderr, "contract:", err)
	return exitTrouble
}

// confirmed reports whether somebody at the terminal says yes. An interrupt is
// a no.
func (p program) confirmed(ctx context.Context) bool {
	fmt.Fprint(p.stderr, "Start? [y/N] ")
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(p.stdin).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		return line == "y" || line == "yes"
	case <-ctx.Done():
		return false
	}
}
