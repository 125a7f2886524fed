// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

//go:build unix

// Meter runs in place of a provider: it runs the program of its own name in the
// directory "metered" beside it and, when that has ended, appends what it used
// to the file that BENCH_METER names.
package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

func main() {
	signal.Ignore(os.Interrupt) // a provider outlives it, too
	dir, name := filepath.Split(os.Args[0])
	//nolint:gosec,noctx // nothing but the provider itself ends it
	provider := exec.Command(filepath.Join(dir, "metered", name), os.Args[1:]...)
	provider.Stdin, provider.Stdout, provider.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := provider.Run()
	if provider.ProcessState == nil {
		log.Fatal(err)
	}
	if err := record(provider.ProcessState); err != nil {
		log.Fatal(err)
	}
	os.Exit(provider.ProcessState.ExitCode())
}

func record(ended *os.ProcessState) error {
	used, _ := ended.SysUsage().(*syscall.Rusage)
	peak := int64(used.Maxrss) //nolint:unconvert // narrower on 32-bit machines
	if runtime.GOOS != "darwin" {
		peak <<= 10 // KiB elsewhere
	}
	line, err := json.Marshal(struct {
		CPU  time.Duration
		Peak int64
	}{ended.UserTime() + ended.SystemTime(), peak})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(os.Getenv("BENCH_METER"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		return err
	}
	return file.Close()
}
