// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Demo shows a webhook from create to destroy: it builds the provider, serves
// the simulator and a receiver on loopback, and runs a real CLI on
// examples/demo. Run it by make demo, which finds the CLI. Any surprise stops
// it, with what the CLI printed.
//
//	go run ./internal/cmd/demo [-v]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run shows every step. The scratch directory does not outlive it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	verbose := flags.Bool("v", false, "show what the CLI prints")
	if err := flags.Parse(args); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "titanx-demo-")
	if err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	log := io.Discard
	if *verbose {
		log = stdout
	}
	d, err := newDemo(ctx, scratch, log)
	if err != nil {
		return err
	}
	defer d.close()
	fmt.Fprintf(stdout, "%s, the provider, a simulated TitanX, and a receiver, in %s\n\n", d.folder.Version, scratch)
	return d.show(ctx, stdout)
}
