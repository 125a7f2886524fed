// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Contract asks a live TitanX what its documentation leaves open, and tells whether the provider handles the answers.
//
//	TITANX_API_KEY=… go run ./internal/cmd/contract
//
// It makes a few inactive webhooks with names of its own, switches one of them on and off again, and deletes them all, also when
// it is interrupted. What an earlier run could not delete, a later one offers to delete. TITANX_BASE_URL names another API.
//
// The exit code is 0 if the provider handles all that was seen, 1 if not, and 2 if the check could not be finished, was not
// confirmed, or left something behind.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mattn/go-isatty"
)

const (
	defaultURL = "https://titanx-contract-check.example/"
	userAgent  = "titanx-contract-check"
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
	yes := flags.Bool("yes", false, "do not ask before starting, nor before deleting what earlier runs have left")
	asJSON := flags.Bool("json", false, "print JSON in place of the table")
	target := flags.String("url", defaultURL, "https `url` that the webhooks subscribe")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitCovered
	case err != nil:
		return exitTrouble
	case p.apiKey == "":
		return p.fail(errors.New("set TITANX_API_KEY to the key of a TitanX user"))
	}
	c, err := newCheck(p.apiKey, p.baseURL, *target, p.transport)
	if err != nil {
		return p.fail(err)
	}
	if !*yes && !p.terminal {
		return p.fail(errors.New("there is no terminal to ask on: give -yes to start without asking"))
	}
	answers := bufio.NewReader(p.stdin)
	c.confirm = func(ctx context.Context, question string) bool { return *yes || p.ask(ctx, answers, question) }
	fmt.Fprintf(p.stderr, `This makes up to 5 webhooks named %s%s… under your key at %s
and deletes them again. They subscribe %s, inactive but for one, which is
active for a second or two. It sends at most %d requests, in about %d seconds; a few more if an answer is lost.
`, namePrefix, c.token, c.baseURL, c.url, maxRequests, maxRequests/4+1)
	if !c.confirm(ctx, "Start?") {
		return p.fail(errors.New("not confirmed, nothing was sent"))
	}
	return p.finish(ctx, c, c.run(ctx), *asJSON)
}

// finish cleans up and reports.
func (p program) finish(ctx context.Context, c *check, err error, asJSON bool) int {
	if ctx.Err() != nil {
		fmt.Fprintf(p.stderr, "interrupted: deleting the webhooks named %s%s…\n", namePrefix, c.token)
	}
	c.report.LeftBehind = c.cleanUp(ctx)
	c.foundRates(context.WithoutCancel(ctx))
	c.report.Requests = c.wire.count()
	if err != nil && !errors.Is(err, errStop) {
		c.report.Trouble = err.Error()
	}
	if err := c.report.write(p.stdout, asJSON); err != nil {
		return p.fail(err)
	}
	switch {
	case c.report.Trouble != "" || len(c.report.LeftBehind) > 0:
		return exitTrouble
	case !c.report.allCovered():
		return exitNotCovered
	}
	return exitCovered
}

func (p program) fail(err error) int {
	fmt.Fprintln(p.stderr, "contract:", err)
	return exitTrouble
}

// ask puts a question to the terminal. Anything but a yes is a no, and so is an interrupt.
func (p program) ask(ctx context.Context, answers *bufio.Reader, question string) bool {
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := answers.ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		return line == "y" || line == "yes"
	case <-ctx.Done():
		return false
	}
}
