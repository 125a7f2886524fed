// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Plant shows that the tests find faults. It plants one bug after the other, in
// a copy of a file that only the compiler sees, and prints after how many
// random histories each was found, or that the tables of the plan rules found
// it. It fails if one was not found.
//
// Usage:
//
//	go run ./internal/cmd/plant [-checks n] [name ...]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	checks := flag.Int("checks", 20000, "histories in which a bug must be found")
	flag.Parse()
	// Tables that fail anyway find nothing.
	if out, err := exec.CommandContext(context.Background(), "go", "test", "-run", tables,
		"./internal/provider").CombinedOutput(); err != nil {
		fmt.Printf("without a bug: %s", out)
		os.Exit(1)
	}
	failed := false
	for _, b := range slices.Concat(bugs, tableBugs) {
		if flag.NArg() > 0 && !slices.Contains(flag.Args(), b.name) {
			continue
		}
		took, err := b.hunt(context.Background(), *checks)
		if err != nil {
			failed = true
			fmt.Printf("%-20s %v\n", b.name, err)
			continue
		}
		fmt.Printf("%-20s %-16s %s\n", b.name, took, b.what)
	}
	if failed {
		os.Exit(1)
	}
}

// bug is a change of one place in one file.
type bug struct {
	name, what string
	file       string
	old, new   string
}

var found = regexp.MustCompile(`(?:failed|flaky test).* after (\d+) tests?`)

// tables are the tests of the plan rules that need neither a CLI nor minutes.
const tables = "^TestSecret|^TestUnchanged"

// hunt runs histories of the provider with the bug until one fails.
func (b bug) hunt(ctx context.Context, checks int) (took string, err error) {
	dir, err := os.MkdirTemp("", "plant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	overlay, err := b.plant(dir)
	if err != nil {
		return "", err
	}
	test := filepath.Join(dir, "provider.test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", overlay, "-o", test,
		"./internal/provider").CombinedOutput(); err != nil {
		return "", fmt.Errorf("the bug does not compile: %s", out)
	}
	if slices.Contains(tableBugs, b) {
		if exec.CommandContext(ctx, test, "-test.run", tables).Run() == nil {
			return "", errors.New("not found by the tables")
		}
		return "by the tables", nil
	}
	out, err := exec.CommandContext(ctx, test, "-test.run", "^TestHistories_protocol$/^0$", "-rapid.checks",
		fmt.Sprint(checks), "-rapid.shrinktime", "1ns", "-rapid.nofailfile").CombinedOutput()
	if err == nil {
		return "", fmt.Errorf("not found in %d histories", checks)
	}
	match := found.FindSubmatch(out)
	if match == nil {
		return "", fmt.Errorf("the histories did not run: %s", out)
	}
	passed, _ := strconv.Atoi(string(match[1]))
	return fmt.Sprintf("%5d histories", passed+1), nil
}

// plant writes the file with the bug, and an overlay that names it.
func (b bug) plant(dir string) (string, error) {
	file, err := filepath.Abs(b.file)
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		return "", fmt.Errorf("%s has %q %d times, want once", b.file, b.old, n)
	}
	planted := filepath.Join(dir, filepath.Base(file))
	if err := os.WriteFile(planted, []byte(strings.Replace(string(source), b.old, b.new, 1)), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: planted}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
