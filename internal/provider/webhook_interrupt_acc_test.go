// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

//go:build linux

// Runs that a signal interrupts or kills.

package provider

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// running is a CLI at work, in a process group of its own, as under a terminal.
type running struct {
	*folder
	s    *simulation
	pid  int
	done chan struct{}
}

// start runs the CLI until the webhook is made at the server, and the provider
// waits for the answer.
func (c *folder) start(s *simulation, args ...string) *running {
	c.t.Helper()
	out, err := os.Create(filepath.Join(c.dir, "out.txt"))
	if err != nil {
		c.t.Fatal(err)
	}
	cmd, _ := c.command(args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	r := &running{folder: c, s: s, pid: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer out.Close()
		_ = cmd.Wait() // how it ends is in what it prints
	}()
	c.t.Cleanup(func() {
		_ = syscall.Kill(-r.pid, syscall.SIGKILL)
		<-r.done
	})
	r.until("the webhook is made", func() bool { return len(s.Webhooks(simUser)) > 0 })
	return r
}

// until waits for a condition.
func (r *running) until(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("waited without success until %s:\n%s", what, r.read("out.txt"))
		}
	}
}

// interrupt does what Ctrl-C does: it reaches the CLI and the provider.
func (r *running) interrupt() {
	r.t.Helper()
	if err := syscall.Kill(-r.pid, syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	r.until("the interrupt is noticed", func() bool { return strings.Contains(r.read("out.txt"), "nterrupt received") })
}

// killProvider kills the provider's process, which is known by the address of
// this test's simulator.
func (r *running) killProvider() {
	r.t.Helper()
	environments, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		r.t.Fatal(err)
	}
	killed := 0
	for _, path := range environments {
		environment, err := os.ReadFile(path)
		program, linkErr := os.Readlink(filepath.Join(filepath.Dir(path), "exe"))
		if err != nil || linkErr != nil || filepath.Base(program) != "terraform-provider-titanx" || !strings.Contains(string(environment), baseURLVariable+"="+r.s.baseURL) {
			continue // ended by now, another's, or another program
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			r.t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			r.t.Fatal(err)
		}
		killed++
	}
	if killed != 1 {
		r.t.Fatalf("%d providers killed, want 1", killed)
	}
}

// ended waits for the CLI's end, and returns what it has printed.
func (r *running) ended() string {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		r.t.Fatalf("no end:\n%s", r.read("out.txt"))
	}
	return r.read("out.txt")
}

// slow lets the answer to a create come late, or never.
func slow(kind titanxsim.FaultKind, delay time.Duration) titanxsim.Fault {
	return titanxsim.Fault{Call: titanxsim.CallCreate, Kind: kind, Commit: true, Delay: delay, Times: 1}
}

// TestAccInterrupt_once: a create that is under way is finished, and known to
// the state.
func TestAccInterrupt_once(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(""))
	s.Inject(slow(titanxsim.FaultDelay, 3*time.Second))
	r := c.start(s, apply...)
	r.interrupt()
	r.ended()
	if held := c.instances(); len(held) != 1 || held[0].Status != "" {
		t.Errorf("the state after it: %+v", held)
	}
	c.must(apply...)
	c.mustAgree(s)
	if creates := len(s.Requests(titanxsim.CallCreate)); creates != 1 {
		t.Errorf("%d creates, want 1", creates)
	}
}

// TestAccInterrupt_lostResponse: the response to an interrupted create is lost,
// and what it made is removed all the same.
func TestAccInterrupt_lostResponse(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(""))
	s.Inject(slow(titanxsim.FaultReset, 3*time.Second))
	r := c.start(s, apply...)
	r.interrupt()
	c.mustSay(r.ended(), "what it left was deleted", "The run was interrupted")
	if left := s.Webhooks(simUser); len(left) != 0 {
		t.Errorf("%d webhooks are left on the server", len(left))
	}
	c.must(apply...)
	c.mustAgree(s)
}

// TestAccInterrupt_gone: where the provider ends between commit and answer,
// nobody knows of the webhook. The next plan finds it.
func TestAccInterrupt_gone(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*running){
		"killed":            (*running).killProvider,
		"interrupted twice": func(r *running) { r.interrupt(); _ = syscall.Kill(-r.pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, webhookHCL(""))
			s.Inject(slow(titanxsim.FaultDelay, time.Minute))
			r := c.start(s, apply...)
			end(r)
			r.ended()
			orphan := s.only().ID
			c.mustSay(c.must("plan"), "already exists", orphan, "If a run that was killed left it behind, delete it at TitanX")
			c.mustSay(c.must(apply...), "already exists", orphan)
			s.Remove(simUser, orphan) // as the warning advises
			s.only()
			c.mustAgree(s)
		})
	}
}
