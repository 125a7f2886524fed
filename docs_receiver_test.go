// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The commands of the guide "Writing and testing a receiver".

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// guideCommand is a block of commands, what it is for, and what it prints.
type guideCommand struct{ run, script, prints string }

var (
	guideShell = regexp.MustCompile("(?s)(?:<!-- run: ([a-z-]+) -->\n)?```shell\n(.*?)```\n(?:\n```text\n(.*?)```\n)?")
	goRun      = regexp.MustCompile(`go run (\./\S+)`)
)

// guideCommands returns the commands of the guide. Every block must be run.
func guideCommands(t *testing.T) []guideCommand {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the commands are for a POSIX shell")
	}
	text, err := os.ReadFile("templates/guides/writing-a-receiver.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []guideCommand
	for _, match := range guideShell.FindAllStringSubmatch(string(text), -1) {
		if match[1] == "" {
			t.Errorf("a block is not run:\n%s", match[2])
		}
		commands = append(commands, guideCommand{match[1], match[2], match[3]})
	}
	return commands
}

// shell runs commands in a directory, and returns what they print.
func shell(t *testing.T, dir, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	cmd.Dir, cmd.Stderr = dir, t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v", script, err)
	}
	return string(out)
}

// serve runs a command until the test ends. It returns once the port answers,
// with the file to which the command prints.
func serve(t *testing.T, dir, script, address string) (log string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-c", "exec env "+script)
	out, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", script, err)
		}
	})
	for {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
			return out.Name()
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("%s: ended: %v", script, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freeAddress returns an address on this machine that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// TestDocs_receiverCommands runs the guide from its first command to the last
// that prints something. It builds what the guide runs with go run, and uses
// ports that are free.
func TestDocs_receiverCommands(t *testing.T) {
	t.Parallel()
	dir, simulator, front, receiver := t.TempDir(), freeAddress(t), freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(receiver)
	place := strings.NewReplacer("127.0.0.1:8080", simulator, "127.0.0.1:8443", front, "127.0.0.1:8000", receiver, "PORT=8000", "PORT="+port)
	ran := map[string]int{}
	for _, command := range guideCommands(t) {
		script := goRun.ReplaceAllStringFunc(place.Replace(command.script), func(run string) string {
			binary := filepath.Join(t.TempDir(), "program")
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, goRun.FindStringSubmatch(run)[1]).CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			return binary
		})
		ran[command.run]++
		switch command.run {
		case "simulator":
			serve(t, dir, script, simulator)
		case "receiver":
			serve(t, dir, script, receiver)
		case "command":
			if got, want := shell(t, dir, script), place.Replace(command.prints); got != want {
				t.Errorf("%s printed %q, want %q", script, got, want)
			}
		}
	}
	if ran["simulator"] != 1 || ran["receiver"] != 1 || ran["command"] < 6 {
		t.Errorf("ran %v, want one simulator, one receiver and at least 6 commands", ran)
	}
}

// TestDocs_receiverSignatures runs each line of "The signature does not verify"
// on a delivery that is signed in the way that the line is about. No other line
// may print its signature.
func TestDocs_receiverSignatures(t *testing.T) {
	t.Parallel()
	lines := map[string]string{}
	for _, command := range guideCommands(t) {
		lines[command.run] = command.script
	}
	setup := lines["setup"]
	for _, other := range []string{"simulator", "receiver", "command", "setup"} {
		delete(lines, other)
	}
	deliveries := map[string]delivered{}
	for _, reading := range []string{"whole", "after-prefix", "decoded"} {
		deliveries[reading] = deliverWith(t, reading)
	}
	whole := deliveries["whole"]
	for name, signed := range map[string]string{
		"without-newline": strings.TrimRight(whole.body, "\n"),
		"with-newline":    whole.body + "\n",
		"stringify":       encode(t, whole.body, "node", "-p", "JSON.stringify(JSON.parse(fs.readFileSync(0)))"),
		"dumps":           encode(t, whole.body, "python3", "-c", "import json; print(json.dumps(json.loads(open(0).read())))"),
	} {
		deliveries[name] = delivered{whole.secret, whole.body, signature.Sign(whole.secret, []byte(signed))}
	}
	mac := hmac.New(sha256.New, []byte(whole.secret))
	mac.Write([]byte(whole.body))
	deliveries["hex"] = delivered{whole.secret, whole.body, hex.EncodeToString(mac.Sum(nil))}
	deliveries["url-safe"] = delivered{whole.secret, whole.body, base64.RawURLEncoding.EncodeToString(mac.Sum(nil))}

	for reading, d := range deliveries {
		t.Run(reading, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, filepath.Join(dir, "secrets"), d.secret+"\n")
			write(t, filepath.Join(dir, "body"), d.body)
			for name, line := range lines {
				if got := strings.TrimSuffix(shell(t, dir, setup+line), "\n"); (got == d.signature) != (name == reading) {
					t.Errorf("the line %s printed %q, the signature is %q", name, got, d.signature)
				}
			}
		})
	}
	if len(lines) != len(deliveries) {
		t.Errorf("%d lines, %d ways to sign", len(lines), len(deliveries))
	}
}

// delivered is a delivery as a receiver got it, and the secret of its webhook.
type delivered struct{ secret, body, signature string }

// deliverWith returns a delivery of a simulator that reads secrets in one way.
// Its signature has a character that url-safe base64 replaces.
func deliverWith(t *testing.T, reading string) delivered {
	t.Helper()
	got := delivered{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got.body, got.signature = string(body), r.Header.Get(signature.Header)
	}))
	defer receiver.Close()
	sim := titanxsim.New(titanxsim.Config{Dialect: titanxsim.Dialect{SecretReading: reading}})
	defer sim.Close()
	got.secret = sim.Put("alice", titanxsim.Webhook{URL: receiver.URL, EventTypes: []string{"job.completed"}}).Secret
	for !strings.ContainsAny(got.signature, "+/") {
		deliveries := sim.FireAndWait("alice", "job.completed", json.RawMessage(`{"jobName":"Zo\u00eb","ratio":1.0}`))
		if len(deliveries) != 1 || deliveries[0].Status != http.StatusOK {
			t.Fatalf("nothing was delivered: %+v", deliveries)
		}
	}
	return got
}

// encode runs a program on a body, and returns the line that it prints.
func encode(t *testing.T, body string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader([]byte(body)), t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(out), "\n")
}
