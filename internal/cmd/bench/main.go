// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Bench measures the provider with the CLI that TF_ACC_TERRAFORM_PATH names, against the simulator in its own process, side by
// side with terraform_data (no provider process) and with a minimal provider on the same framework (no API). It prints Markdown.
//
//	go run ./internal/cmd/bench -rows cost -n 1,100 -runs 3
//
// A row is the median of the runs; a ratio is the median of the ratios of runs made one after the other, so that a machine
// which gets slower meanwhile does not show. CPU and peak memory are those of the provider's processes alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// group is a part of the table that can be asked for by name.
type group struct {
	name string
	run  func(*bench, context.Context, io.Writer) error
}

var groups = []group{
	{"start", (*bench).start},
	{"cost", (*bench).cost},
	{"list", (*bench).list},
	{"limits", (*bench).limits},
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := flags.String("rows", "start,cost,list,limits", "which `groups` of rows")
	sizes := flags.String("n", "1,100,1000", "how many webhooks, in the group cost")
	runs := flags.Int("runs", 3, "how often each row is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b := &bench{runs: *runs, cli: os.Getenv("TF_ACC_TERRAFORM_PATH")}
	if b.cli == "" {
		return errors.New("TF_ACC_TERRAFORM_PATH names no CLI")
	}
	for text := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("parse -n: %q is no number of webhooks", text)
		}
		b.sizes = append(b.sizes, n)
	}
	wanted := strings.Split(*rows, ",")
	for _, name := range wanted {
		if !slices.ContainsFunc(groups, func(g group) bool { return g.name == name }) {
			return fmt.Errorf("parse -rows: there is no group %q", name)
		}
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "titanx-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if err := b.build(ctx); err != nil {
		return err
	}
	for _, g := range groups {
		if !slices.Contains(wanted, g.name) {
			continue
		}
		if err := g.run(b, ctx, out); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	return nil
}
