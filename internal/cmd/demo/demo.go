// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"crypto/rand"
	"errors"
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
	steps := []func(context.Context) (string, error){
		d.create, d.deliver, d.planNothing, d.switchStatus, d.loseSecret, d.replace, d.destroy,
	}
	for _, step := range steps {
		line, err := step(ctx)
		if err != nil {
			return fmt.Errorf("%w\n%s", err, d.folder.Printed)
		}
		fmt.Fprintln(w, "✓", line)
	}
	return nil
}

func (d *demo) create(ctx context.Context) (string, error) {
	if err := d.folder.Run(ctx, 0, "apply", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return "", err
	}
	made, err := d.only()
	return fmt.Sprintf("%s apply: webhook %s created, %s", d.folder.Name, made.ID, made.Status), err
}

func (d *demo) deliver(ctx context.Context) (string, error) {
	line := fmt.Sprintf("a contact is scored: the receiver verifies its signature with the secret from %s output",
		d.folder.Name)
	return line, d.verify(ctx)
}

func (d *demo) planNothing(ctx context.Context) (string, error) {
	return d.folder.Name + " plan: no changes",
		d.folder.Run(ctx, 0, "plan", "-detailed-exitcode", "-input=false", "-no-color")
}

func (d *demo) switchStatus(ctx context.Context) (string, error) {
	before, err := d.only()
	if err != nil {
		return "", err
	}
	if err := d.setStatus(ctx, before.ID, "inactive"); err != nil {
		return "", err
	}
	if err := d.score(nothing); err != nil {
		return "", err
	}
	if err := d.setStatus(ctx, before.ID, "active"); err != nil {
		return "", err
	}
	return `status = "inactive": changed in place, and nothing is delivered; then "active" again`,
		d.score(http.StatusNoContent)
}

func (d *demo) loseSecret(ctx context.Context) (string, error) {
	before, err := d.only()
	if err != nil {
		return "", err
	}
	if err := d.folder.Run(ctx, 0, "state", "rm", webhook); err != nil {
		return "", err
	}
	if err := d.folder.Run(ctx, 0, "import", "-input=false", "-no-color", webhook, before.ID); err != nil {
		return "", err
	}
	if err := d.folder.Run(ctx, 2, "plan", "-detailed-exitcode", "-input=false", "-no-color", "-out=plan"); err != nil {
		return "", err
	}
	warning := webhookWarning.FindSubmatch(d.folder.Printed)
	if warning == nil {
		return "", errors.New("the plan does not warn about the webhook")
	}
	return fmt.Sprintf("%s import, plan: %s", d.folder.Name, warning[1]), nil
}

func (d *demo) replace(ctx context.Context) (string, error) {
	before, err := d.only()
	if err != nil {
		return "", err
	}
	if err := d.folder.Run(ctx, 0, "apply", "-input=false", "-no-color", "plan"); err != nil {
		return "", err
	}
	made, err := d.only()
	if err != nil {
		return "", err
	}
	if made.ID == before.ID {
		return "", fmt.Errorf("webhook %s was not replaced", before.ID)
	}
	if err := d.score(http.StatusUnauthorized); err != nil {
		return "", fmt.Errorf("deliver under the old secret: %w", err)
	}
	return d.folder.Name + " apply: a new webhook; the receiver refuses its signature until it gets the new secret",
		d.verify(ctx)
}

func (d *demo) destroy(ctx context.Context) (string, error) {
	if err := d.folder.Run(ctx, 0, "destroy", "-auto-approve", "-input=false", "-no-color"); err != nil {
		return "", err
	}
	if left := d.sim.Webhooks(user); len(left) > 0 {
		return "", fmt.Errorf("TitanX still has %d webhooks", len(left))
	}
	return d.folder.Name + " destroy: nothing left at TitanX", nil
}

// only returns the one webhook that TitanX has.
func (d *demo) only() (titanxsim.Webhook, error) {
	webhooks := d.sim.Webhooks(user)
	if len(webhooks) != 1 {
		return titanxsim.Webhook{}, fmt.Errorf("TitanX has %d webhooks instead of 1", len(webhooks))
	}
	return webhooks[0], nil
}

// verify returns the receiver the secret from the CLI's output and has it
// verify a delivery.
func (d *demo) verify(ctx context.Context) error {
	secret, err := d.folder.Read(ctx, "output", "-no-color", "-raw", "secret")
	if err != nil {
		return err
	}
	d.receiver.secret.Store(string(secret))
	return d.score(http.StatusNoContent)
}

// nothing is the status of a delivery that is not sent.
const nothing = 0

// score has a contact scored, and wants the receiver to answer the delivery
// with a status.
func (d *demo) score(want int) error {
	got := nothing
	for _, delivery := range d.sim.FireAndWait(user, "job.contact.scored", map[string]string{"firstName": "Ada"}) {
		got = delivery.Status
	}
	if got != want {
		return fmt.Errorf("deliver a scored contact: the receiver answered %d instead of %d", got, want)
	}
	return nil
}

func (d *demo) setStatus(ctx context.Context, id, status string) error {
	if err := d.folder.Run(ctx, 0, "apply", "-auto-approve", "-input=false", "-no-color", "-var",
		"status="+status); err != nil {
		return err
	}
	now, err := d.only()
	if err == nil && (now.ID != id || now.Status != status) {
		err = fmt.Errorf("webhook is %s, %s instead of %s, %s", now.ID, now.Status, id, status)
	}
	return err
}
