// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const (
	user    = "demo"
	webhook = "titanx_webhook.contacts" // in examples/demo
)

// webhookWarning finds the summary of a warning about the webhook in what a
// plan prints.
var webhookWarning = regexp.MustCompile(`Warning: (.+)\n\n  with ` + regexp.QuoteMeta(webhook))

// demo is one run: a simulated TitanX, a receiver, and a folder in which a CLI
// works between them.
type demo struct {
	folder   *cli.Folder
	sim      *titanxsim.Server
	api      *httptest.Server
	receiver *receiver
	surprise error // the first one; the CLI runs no more after it
}

func newDemo(ctx context.Context, scratch string, log io.Writer) (*demo, error) {
	dir := filepath.Join(scratch, "demo")
	if err := copyExample(ctx, dir); err != nil {
		return nil, err
	}
	c, err := cli.New(ctx, scratch)
	if err != nil {
		return nil, err
	}
	key := rand.Text()
	d := &demo{receiver: newReceiver()}
	d.sim = titanxsim.New(titanxsim.Config{
		Keys:              map[string]string{key: user},
		DeliveryTransport: d.receiver.server.Client().Transport,
		Backoff:           func(int) time.Duration { return -1 }, // what is refused once is a result
	})
	d.api = httptest.NewServer(d.sim)
	d.folder = c.In(dir, log,
		"TITANX_API_KEY="+key, "TITANX_BASE_URL="+d.api.URL+titanxsim.BasePath,
		"TF_VAR_receiver_url="+d.receiver.server.URL+"/titanx")
	return d, nil
}

// copyExample copies the configuration alone: a state that someone made in the
// folder by hand stays there.
func copyExample(ctx context.Context, dir string) error {
	root, err := cli.Root(ctx)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(root, "examples", "demo", "main.tf"))
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "main.tf"), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("copy example: %w", err)
	}
	return nil
}

func (d *demo) close() {
	d.sim.Close()
	d.api.Close()
	d.receiver.server.Close()
}

// show takes every step, and stops at the first surprise with what the CLI
// printed last.
func (d *demo) show(ctx context.Context, w io.Writer) error {
	steps := []func(context.Context) string{
		d.create, d.deliver, d.planNothing, d.switchStatus, d.loseSecret, d.replace, d.destroy,
	}
	for _, step := range steps {
		line := step(ctx)
		if d.surprise != nil {
			return fmt.Errorf("%w\n%s", d.surprise, d.folder.Printed)
		}
		fmt.Fprintln(w, "✓", line)
	}
	return nil
}

func (d *demo) create(ctx context.Context) string {
	d.run(ctx, 0, "apply", "-auto-approve", "-input=false", "-no-color")
	made := d.only()
	return fmt.Sprintf("%s apply: webhook %s created, %s", d.folder.Name, made.ID, made.Status)
}

func (d *demo) deliver(ctx context.Context) string {
	d.verify(ctx)
	return fmt.Sprintf("a contact is scored: the receiver verifies its signature with the secret from %s output",
		d.folder.Name)
}

func (d *demo) planNothing(ctx context.Context) string {
	d.run(ctx, 0, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	return d.folder.Name + " plan: no changes"
}

func (d *demo) switchStatus(ctx context.Context) string {
	id := d.only().ID
	d.setStatus(ctx, id, "inactive")
	d.score(nothing)
	d.setStatus(ctx, id, "active")
	d.score(http.StatusNoContent)
	return `status = "inactive": changed in place, and nothing is delivered; then "active" again`
}

func (d *demo) loseSecret(ctx context.Context) string {
	id := d.only().ID
	d.run(ctx, 0, "state", "rm", webhook)
	d.run(ctx, 0, "import", "-input=false", "-no-color", webhook, id)
	d.run(ctx, 2, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-out=plan")
	warning := append(webhookWarning.FindStringSubmatch(string(d.folder.Printed)), "", "")[1]
	d.want(warning != "", "the plan does not warn about the webhook")
	return fmt.Sprintf("%s import, plan: %s", d.folder.Name, warning)
}

func (d *demo) replace(ctx context.Context) string {
	id := d.only().ID
	d.run(ctx, 0, "apply", "-input=false", "-no-color", "plan")
	d.want(d.only().ID != id, "webhook %s was not replaced", id)
	d.score(http.StatusUnauthorized)
	d.verify(ctx)
	return d.folder.Name + " apply: a new webhook; the receiver refuses its signature until it gets the new secret"
}

func (d *demo) destroy(ctx context.Context) string {
	d.run(ctx, 0, "destroy", "-auto-approve", "-input=false", "-no-color")
	left := len(d.sim.Webhooks(user))
	d.want(left == 0, "TitanX still has %d webhooks", left)
	return d.folder.Name + " destroy: nothing left at TitanX"
}

// run runs the CLI, which must end with the wanted exit code.
func (d *demo) run(ctx context.Context, exit int, args ...string) {
	if d.surprise == nil {
		d.surprise = d.folder.Run(ctx, exit, args...)
	}
}

// want notes a surprise where all is not well. Only the first one counts.
func (d *demo) want(well bool, format string, args ...any) {
	if d.surprise == nil && !well {
		d.surprise = fmt.Errorf(format, args...)
	}
}

// only returns the one webhook that TitanX has.
func (d *demo) only() titanxsim.Webhook {
	webhooks := d.sim.Webhooks(user)
	d.want(len(webhooks) == 1, "TitanX has %d webhooks instead of 1", len(webhooks))
	return append(webhooks, titanxsim.Webhook{})[0]
}

// verify passes the secret from the CLI's output on to the receiver, and has it
// verify a delivery.
func (d *demo) verify(ctx context.Context) {
	if d.surprise != nil {
		return
	}
	var secret []byte
	secret, d.surprise = d.folder.Read(ctx, "output", "-no-color", "-raw", "secret")
	d.receiver.secret.Store(string(secret))
	d.score(http.StatusNoContent)
}

// nothing is the status of a delivery that is not sent.
const nothing = 0

// score has a contact scored, and wants the receiver to answer the delivery
// with a status.
func (d *demo) score(want int) {
	got := nothing
	for _, delivery := range d.sim.FireAndWait(user, "job.contact.scored", map[string]string{"firstName": "Ada"}) {
		got = delivery.Status
	}
	d.want(got == want, "deliver a scored contact: the receiver answered %d instead of %d", got, want)
}

func (d *demo) setStatus(ctx context.Context, id, status string) {
	d.run(ctx, 0, "apply", "-auto-approve", "-input=false", "-no-color", "-var", "status="+status)
	now := d.only()
	d.want(now.ID == id && now.Status == status, "webhook is %s, %s instead of %s, %s", now.ID, now.Status, id, status)
}
