// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestAccDemo(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"-v"}, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	ticks := regexp.MustCompile("(?m)^✓ .+$").FindAllString(stdout.String(), -1)
	if len(ticks) != 7 {
		t.Errorf("%d steps with a tick, want 7:\n%s", len(ticks), stdout.String())
	}
	if diff := cmp.Diff(inReadme(t), normal(strings.Join(ticks, "\n"))); diff != "" {
		t.Errorf("README.md shows another output (-README +demo):\n%s", diff)
	}
	for paragraph := range strings.SplitSeq(readmeBlock(t, "  # titanx_webhook.contacts must be replaced\n"), "\n\n") {
		if !strings.Contains(flat(stdout.String()), flat(paragraph)) {
			t.Errorf("README.md shows what the plan does not say:\n%s", paragraph)
		}
	}
	if secret := regexp.MustCompile("whsec_[0-9A-Za-z]+|wh_sk_[0-9A-Za-z]+").FindString(stdout.String() + stderr.String()); secret != "" {
		t.Error("the demo prints a signing secret")
	}
	scratch := regexp.MustCompile(`in (\S+)\n`).FindStringSubmatch(stdout.String())
	if scratch == nil {
		t.Fatalf("no scratch directory named:\n%s", stdout.String())
	}
	if _, err := os.Stat(scratch[1]); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch directory is left: %v", err)
	}
}

// readmeBlock returns what follows a line of README.md, to the end of its
// block.
func readmeBlock(t *testing.T, line string) string {
	t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), line)
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatalf("README.md has no block with %q", line)
	}
	return text
}

// inReadme returns the demo's steps as README.md shows them.
func inReadme(t *testing.T) string {
	t.Helper()
	return normal(strings.Join(regexp.MustCompile("(?m)^✓ .+$").FindAllString(readmeBlock(t, "$ make demo\n"), -1), "\n"))
}

// flat leaves out line breaks and what differs from run to run and from CLI to
// CLI: OpenTofu shows a write-only argument that does not change, and an old
// Terraform does not count it.
func flat(text string) string {
	text = regexp.MustCompile(`(?m)^ +~ \w+ += \(write-only attribute\)\n`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`\d+ unchanged attributes`).ReplaceAllString(text, "N unchanged attributes")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(normal(text), "TIME")
	return strings.Join(strings.Fields(strings.Trim(text, "╷│╵")), " ")
}

// normal leaves out what differs from run to run.
func normal(steps string) string {
	steps = regexp.MustCompile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").ReplaceAllString(steps, "ID")
	return regexp.MustCompile(`\b(terraform|tofu)\b`).ReplaceAllString(steps, "CLI")
}

// Every surprise ends the demo with an error that shows what the CLI printed.
func TestAccDemo_surprise(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		surprise func(*demo)
		ticks    int
		want     []string
	}{
		"a refused create": {
			surprise: func(d *demo) {
				d.sim.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultStatus, Status: http.StatusForbidden})
			},
			want: []string{"apply: exit code 1 instead of 0", "Unable to create webhook"},
		},
		"a receiver that has another secret": {
			surprise: func(d *demo) { d.receiver.server.Config.Handler = http.NotFoundHandler() },
			ticks:    1,
			want:     []string{"the receiver answered 404 instead of 204"},
		},
		"a delete that does nothing": {
			surprise: func(d *demo) {
				d.sim.Inject(titanxsim.Fault{Call: titanxsim.CallDelete, Kind: titanxsim.FaultStatus, Status: http.StatusNoContent})
			},
			ticks: 5,
			want:  []string{"TitanX has 2 webhooks instead of 1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := newDemo(t.Context(), t.TempDir(), &bytes.Buffer{})
			if err != nil {
				t.Fatal(err)
			}
			defer d.close()
			test.surprise(d)
			var out bytes.Buffer
			err = d.show(t.Context(), &out)
			if err == nil {
				t.Fatalf("no error:\n%s", out.String())
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q: %v", want, err)
				}
			}
			if got := strings.Count(out.String(), "✓"); got != test.ticks {
				t.Errorf("%d steps passed, want %d:\n%s", got, test.ticks, out.String())
			}
		})
	}
}

func TestAccDemo_interrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	scratch := t.TempDir()
	d, err := newDemo(ctx, scratch, writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("Modifying...")) {
			cancel(errors.New("interrupt signal received"))
		}
		return len(p), nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if err := d.show(ctx, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "interrupt signal received") {
		t.Errorf("error %v, want the interrupt", err)
	}
	if _, err := os.Stat(filepath.Join(scratch, "demo", ".terraform.tfstate.lock.info")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the CLI was killed with its lock held: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
