// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The module of examples/module: its grace period, and its own repository.

package examples_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// rotation writes the secret to a file when it has changed, as to a store.
const rotation = `
variable "url" { type = string }
variable "generation" { type = number }
variable "grace_period" {
  type    = number
  default = null
}

module "webhook" {
  source            = "./module"
  name              = "crm"
  url               = var.url
  rotation_triggers = { generation = var.generation }
  grace_period      = var.grace_period
}

resource "terraform_data" "store" {
  triggers_replace = module.webhook.secret_version

  provisioner "local-exec" {
    command     = "printf %s \"$SECRET\" >secrets"
    environment = { SECRET = module.webhook.secret }
  }
}
`

// lateReceiver verifies with the secret of a file, and with the previous one.
// It reads the file again only after it has refused some deliveries, and so
// learns a new secret late.
type lateReceiver struct {
	file  string
	since <-chan struct{} // it counts what it refuses from when this is closed on

	mu             sync.Mutex
	secret, before string
	refused        int
}

func (r *lateReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	const late = 10
	if r.secret == "" || r.refused >= late {
		secret, _ := os.ReadFile(r.file)
		r.secret, r.before, r.refused = string(secret), r.secret, 0
	}
	signed := req.Header.Get(signature.Header)
	if err != nil || !signature.Verify(r.secret, body, signed) && !(r.before != "" && signature.Verify(r.before, body, signed)) {
		select {
		case <-r.since:
			r.refused++
		default:
		}
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// TestAccModule_gracePeriod fires events while the module rotates the secret. A
// receiver that reloads late misses some without a grace period, and none with
// one.
func TestAccModule_gracePeriod(t *testing.T) {
	t.Parallel()
	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if able, err := c.Can(t.Context(), cli.TerraformData); err != nil {
		t.Fatal(err)
	} else if !able {
		t.Skipf("%s has no %s", c.Version, cli.TerraformData)
	}
	for grace, misses := range map[string]bool{"": true, "TF_VAR_grace_period=10": false} {
		t.Run(grace, func(t *testing.T) {
			t.Parallel()
			dir, key := t.TempDir(), "CANARY-key"
			for name, text := range sources(t) {
				if strings.HasPrefix(filepath.ToSlash(name), "module/") {
					write(t, filepath.Join(dir, name), text)
				}
			}
			write(t, filepath.Join(dir, "main.tf"), rotation)
			applied, begun := make(chan struct{}), make(chan struct{})
			close(begun)
			late := &lateReceiver{file: filepath.Join(dir, "secrets"), since: begun}
			if misses {
				late.since = applied
			}
			receiver := httptest.NewTLSServer(late)
			t.Cleanup(receiver.Close)
			sim := titanxsim.New(titanxsim.Config{
				Keys: map[string]string{key: user}, DeliveryTransport: receiver.Client().Transport, Backoff: func(int) time.Duration { return -1 },
			})
			t.Cleanup(sim.Close)
			api := httptest.NewServer(sim)
			t.Cleanup(api.Close)
			folder := c.In(dir, t.Output(), "TITANX_API_KEY="+key, "TITANX_BASE_URL="+api.URL+titanxsim.BasePath, "TF_VAR_url="+receiver.URL, grace)
			apply := func(generation string) {
				if err := folder.Run(t.Context(), 0, "apply", "-auto-approve", "-no-color", "-var=generation="+generation); err != nil {
					t.Error(err)
				}
			}
			if err := folder.Run(t.Context(), 0, "get", "-no-color"); err != nil {
				t.Fatal(err)
			}
			apply("1")

			fired := make(chan map[string]bool)
			go func() {
				accepted := map[string]bool{}
				for more := 50; more > 0; { // some after the apply, too
					select {
					case <-applied:
						more--
					case <-time.After(20 * time.Millisecond):
					}
					for _, d := range sim.FireAndWait(user, "job.completed", map[string]string{}) {
						accepted[d.EventID] = accepted[d.EventID] || d.Status == http.StatusOK
					}
				}
				fired <- accepted
			}()
			apply("2")
			close(applied)
			missed, accepted := 0, <-fired
			for _, ok := range accepted {
				if !ok {
					missed++
				}
			}
			t.Logf("%d events, %d missed", len(accepted), missed)
			if (missed > 0) != misses {
				t.Errorf("%d of %d events are missed", missed, len(accepted))
			}
			if len(sim.Webhooks(user)) != 1 {
				t.Errorf("%d webhooks are left", len(sim.Webhooks(user)))
			}
		})
	}
}

// TestAccModule_split tests the module in a repository of its own, and applies
// its example there.
func TestAccModule_split(t *testing.T) {
	t.Parallel()
	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "terraform-titanx-webhook")
	if out, err := exec.CommandContext(t.Context(), "../.ci/split-module", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{"LICENSE", "CHANGELOG.md", "README.md", "tests/webhook.tftest.hcl", ".git"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
	texts := map[string]string{}
	for _, pattern := range []string{"*.tf", "tests/*.hcl", "examples/basic/*.tf"} {
		files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, _ := filepath.Rel(dir, file)
			texts[filepath.ToSlash(name)] = string(text)
		}
	}
	newExampleOf(t, c, texts, "examples/basic").live()
	newExampleOf(t, c, texts, ".").run(0, "test", "-no-color")
}
