// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package examples_test applies every example to the simulator, with a real
// CLI.
package examples_test

import (
	"crypto/rand"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

const user = "alice"

// existing is the webhook that the examples import and look up.
var existing = titanxsim.Webhook{
	ID:         "0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11",
	Name:       "scored contacts",
	URL:        "https://hooks.example.com/titanx/contacts",
	EventTypes: []string{"job.contact.scored"},
	Secret:     "CANARY-of-the-existing-webhook",
}

var (
	actions     = regexp.MustCompile(`(?m)^action "`)
	localModule = regexp.MustCompile(`(?m)^ +source += "(\.[^"]*)"`)
	importBlock = regexp.MustCompile(`(?m)^import \{`)
	readmeBlock = regexp.MustCompile("(?s)```(?:hcl|terraform)\n(.+?)```")
)

func TestAccExamples(t *testing.T) {
	t.Parallel()
	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders(t) {
		switch folder {
		case "demo": // the demo applies it
		case "module": // is not applied by itself
			t.Run(folder, func(t *testing.T) {
				t.Parallel()
				e := newExample(t, c, folder)
				e.run(0, "test", "-no-color")
			})
		default:
			t.Run(folder, func(t *testing.T) {
				t.Parallel()
				newExample(t, c, folder).live()
			})
		}
	}
	t.Run("import.sh", func(t *testing.T) {
		t.Parallel()
		e := newExample(t, c, "resources/titanx_webhook")
		e.run(0, append([]string{"import", "-no-color", "-input=false"}, importArguments(t)...)...)
	})
	t.Run("README.md", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile("../README.md")
		if err != nil {
			t.Fatal(err)
		}
		block := readmeBlock.FindSubmatch(text)
		if block == nil {
			t.Fatal("README.md has no HCL")
		}
		newExampleOf(t, c, map[string]string{"main.tf": string(block[1])}, ".").live()
	})
}

// folders are those with a configuration, without the modules' tests.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	for name := range sources(t) {
		if dir := filepath.ToSlash(filepath.Dir(name)); filepath.Base(dir) != "tests" && !slices.Contains(found, dir) {
			found = append(found, dir)
		}
	}
	if len(found) < 5 {
		t.Fatalf("only %d example folders found: %q", len(found), found)
	}
	slices.Sort(found)
	return found
}

// sources reads the configuration of every example; what a CLI has left in a
// folder stays there.
func sources(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == ".terraform" {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".tf") && !strings.HasSuffix(name, ".hcl") || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		text, err := os.ReadFile(name)
		texts[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// importArguments are those of the command in import.sh.
func importArguments(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("resources/titanx_webhook/import.sh")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if arguments, ok := strings.CutPrefix(line, "terraform import "); ok {
			return strings.Fields(arguments)
		}
	}
	t.Fatal("import.sh has no terraform import")
	return nil
}

// example is a copy of a folder, and a TitanX of its own.
type example struct {
	*cli.Folder
	t        *testing.T
	sim      *titanxsim.Server
	text     string // its configuration
	queries  bool   // it is for terraform query
	received atomic.Int32
}

func newExample(t *testing.T, c *cli.CLI, folder string) *example {
	t.Helper()
	return newExampleOf(t, c, sources(t), folder)
}

// newExampleOf copies all folders, because an example may use the module, and
// skips what the CLI cannot do.
func newExampleOf(t *testing.T, c *cli.CLI, texts map[string]string, folder string) *example {
	t.Helper()
	e := &example{t: t}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	root, key := t.TempDir(), "CANARY-key-"+rand.Text()
	for name, text := range texts {
		write(t, filepath.Join(root, name), text)
		dir := filepath.ToSlash(filepath.Dir(name))
		if dir == folder || dir == folder+"/tests" {
			e.text += text
			e.queries = e.queries || strings.HasSuffix(name, ".tfquery.hcl")
		}
	}
	needed := e.text
	for _, source := range localModule.FindAllStringSubmatch(e.text, -1) {
		for name, text := range texts {
			if filepath.ToSlash(filepath.Dir(name)) == path.Join(folder, source[1]) {
				needed += text
			}
		}
	}
	e.needs(c, needed)
	if !strings.Contains(e.text, "required_providers") {
		write(t, filepath.Join(root, folder, "versions.tf"), "terraform {\n  required_providers {\n    titanx = {\n      source = \"titanx-io/titanx\"\n    }\n  }\n}\n")
	}
	e.sim = titanxsim.New(titanxsim.Config{Keys: map[string]string{key: user}})
	t.Cleanup(e.sim.Close)
	e.sim.Put(user, existing)
	server := httptest.NewServer(e.sim)
	t.Cleanup(server.Close)
	receiver, certificate := e.receiver(root)
	e.Folder = c.In(filepath.Join(root, folder), t.Output(), "TITANX_API_KEY="+key, "TITANX_BASE_URL="+server.URL+titanxsim.BasePath,
		"TF_VAR_age_identity="+identity.String(), `TF_VAR_recipients=["`+identity.Recipient().String()+`"]`, "TF_VAR_receiver_url="+receiver, "SSL_CERT_FILE="+certificate)
	e.run(0, "get", "-no-color")
	return e
}

// receiver takes what is signed with the secret of a webhook at TitanX.
func (e *example) receiver(dir string) (url, certificateFile string) {
	e.t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		valid := slices.ContainsFunc(e.sim.Webhooks(user), func(hook titanxsim.Webhook) bool {
			return signature.Verify(hook.Secret, body, r.Header.Get(signature.Header))
		})
		if err != nil || !valid {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		e.received.Add(1)
	}))
	e.t.Cleanup(server.Close)
	certificateFile = filepath.Join(dir, "receiver.pem")
	write(e.t, certificateFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	return server.URL, certificateFile
}

// needs skips an example that the CLI is too old for, and says so.
func (e *example) needs(c *cli.CLI, configuration string) {
	e.t.Helper()
	if feature, err := c.Lacks(e.t.Context(), configuration); err != nil {
		e.t.Fatal(err)
	} else if feature != "" {
		e.t.Skipf("%s has no %s", c.Version, feature)
	}
	if actions.MatchString(e.text) && runtime.GOOS != "linux" {
		e.t.Skip("SSL_CERT_FILE, with which the provider trusts the receiver, has no effect on " + runtime.GOOS)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (e *example) run(exit int, args ...string) {
	e.t.Helper()
	if err := e.Run(e.t.Context(), exit, args...); err != nil {
		e.t.Fatal(err)
	}
}

// live applies an example, finds nothing left to change, and destroys it.
func (e *example) live() {
	e.t.Helper()
	if e.queries {
		e.run(0, "query", "-no-color")
		if !strings.Contains(string(e.Printed), existing.ID) {
			e.t.Error("the query does not find the existing webhook")
		}
		return
	}
	e.run(0, "apply", "-auto-approve", "-input=false", "-no-color")
	if want := len(actions.FindAllString(e.text, -1)); int(e.received.Load()) != want {
		e.t.Errorf("%d test deliveries, want %d", e.received.Load(), want)
	}
	e.run(0, "plan", "-detailed-exitcode", "-input=false", "-no-color")
	imports := importBlock.MatchString(e.text)
	if kept := e.has(existing); !kept {
		e.t.Error("the existing webhook was changed or replaced")
	}
	e.run(0, "destroy", "-auto-approve", "-input=false", "-no-color")
	want := 1
	if imports {
		want = 0
	}
	if left := e.sim.Webhooks(user); len(left) != want {
		e.t.Errorf("%d webhooks left at TitanX, want %d", len(left), want)
	}
}

func (e *example) has(webhook titanxsim.Webhook) bool {
	return slices.ContainsFunc(e.sim.Webhooks(user), func(w titanxsim.Webhook) bool {
		return w.ID == webhook.ID && w.Secret == webhook.Secret
	})
}
