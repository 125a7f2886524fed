// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// duplicateWarnings are the summaries by which a plan warns of duplicates.
var duplicateWarnings = []string{"already exists", "the same webhook more than once"}

// warnings counts the warnings of duplicates that a CLI printed.
func warnings(out string) map[string]int {
	found := map[string]int{}
	for _, summary := range duplicateWarnings {
		if n := strings.Count(unwrapped(out), summary); n > 0 {
			found[summary] = n
		}
	}
	return found
}

func setHCL(names string) string {
	return `resource "titanx_webhook" "each" {
  for_each    = toset(` + names + `)
  name        = "each"
  url         = "https://hooks.example.com/${substr(each.key, 0, 1)}"
  event_types = ["job.contact.scored"]
}
`
}

// TestAccWebhook_duplicate looks at what the reader sees: which plans warn, and
// that they do so however core orders its calls.
func TestAccWebhook_duplicate(t *testing.T) {
	t.Parallel()
	const listed, twice = "already exists", "the same webhook more than once"
	for name, tc := range map[string]struct {
		before, after string
		args          []string
		want          map[string]int
	}{
		"unchanged":            {webhookHCL(""), webhookHCL(""), nil, nil},
		"copied block":         {webhookHCL(""), webhookHCL("") + strings.Replace(webhookHCL(""), `"titanx_webhook" "test"`, `"titanx_webhook" "copy"`, 1), nil, map[string]int{listed: 1}},
		"two equal new blocks": {"", webhookHCL("") + strings.Replace(webhookHCL(""), `"titanx_webhook" "test"`, `"titanx_webhook" "copy"`, 1), nil, map[string]int{twice: 1}},
		"renamed block":        {webhookHCL(""), strings.Replace(webhookHCL(""), `"titanx_webhook" "test"`, `"titanx_webhook" "renamed"`, 1), nil, map[string]int{listed: 1}},
		"moved block":          {webhookHCL(""), strings.Replace(webhookHCL(""), `"titanx_webhook" "test"`, `"titanx_webhook" "renamed"`, 1) + "moved {\n  from = titanx_webhook.test\n  to   = titanx_webhook.renamed\n}\n", nil, nil},
		"renamed keys":         {setHCL(`["a1", "b1", "c1", "d1"]`), setHCL(`["a2", "b2", "c1", "d2"]`), nil, map[string]int{listed: 3}},
		"-replace":             {webhookHCL(""), webhookHCL(""), []string{"-replace=" + testAddress}, nil},
		"-replace, create first": {webhookHCL("lifecycle {\n    create_before_destroy = true\n  }"), webhookHCL("lifecycle {\n    create_before_destroy = true\n  }"),
			[]string{"-replace=" + testAddress}, nil},
		"rotated": {webhookHCL(""), webhookHCL(`rotation_triggers = { on = "2" }`), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(tc.after, "moved {") {
				needs(t, cli.MovedBlocks)
			}
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, tc.before)
			c.must("apply", "-auto-approve")
			c.write("main.tf", strings.Replace(c.read("main.tf"), "provider \"titanx\" {}\n"+tc.before, "provider \"titanx\" {}\n"+tc.after, 1))
			for _, parallelism := range []string{"1", "2", "10"} {
				for range runsOfAPlan {
					out := c.must(append([]string{"plan", "-parallelism=" + parallelism}, tc.args...)...)
					if got := warnings(out); !maps.Equal(got, tc.want) {
						t.Fatalf("-parallelism %s: %v, want %v\n%s", parallelism, got, tc.want, out)
					}
				}
			}
		})
	}
}

// runsOfAPlan is how often each plan is made under each parallelism.
const runsOfAPlan = 3

// TestAccWebhook_duplicateApply applies under on_duplicate = "error": what the
// plan let pass must not be refused by the apply, where OpenTofu plans the new
// webhook again while the old one is live.
func TestAccWebhook_duplicateApply(t *testing.T) {
	t.Parallel()
	createFirst := webhookHCL("lifecycle {\n    create_before_destroy = true\n  }")
	for name, run := range map[string]func(c *folder){
		"-replace": func(c *folder) { c.must("apply", "-auto-approve", "-replace="+testAddress) },
		"rotated": func(c *folder) {
			c.write("main.tf", strings.Replace(c.read("main.tf"), "lifecycle", "rotation_triggers = { on = \"2\" }\n  lifecycle", 1))
			c.must("apply", "-auto-approve")
		},
		"tainted": func(c *folder) {
			c.must("taint", testAddress)
			c.must("apply", "-auto-approve")
		},
		"tainted, not refreshed": func(c *folder) {
			c.must("taint", testAddress)
			c.must("apply", "-auto-approve", "-refresh=false")
		},
		"saved": func(c *folder) {
			c.must("plan", "-out=saved.tfplan", "-replace="+testAddress)
			c.must("apply", "saved.tfplan")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{})
			c := newCLI(t, s, createFirst)
			c.write("main.tf", strings.Replace(c.read("main.tf"), `provider "titanx" {}`, "provider \"titanx\" {\n  on_duplicate = \"error\"\n}", 1))
			c.must("apply", "-auto-approve")
			first := s.only()
			run(c)
			if s.only().ID == first.ID {
				t.Error("the webhook was not replaced")
			}
			s.putDuplicate("left behind")
			c.write("main.tf", strings.Replace(c.read("main.tf"), `"titanx_webhook" "test"`, `"titanx_webhook" "another"`, 1))
			out, code := c.run("plan")
			// OpenTofu, and Terraform before 1.9, mark no apply: there an error
			// is a warning.
			if refused := code != 0; refused == (c.isOpenTofu() || c.Minor < 9) || !strings.Contains(unwrapped(out), "already exists") {
				t.Errorf("exit code %d where a webhook is left behind:\n%s", code, out)
			}
		})
	}
}

// TestAccWebhook_duplicateUnlisted checks what a plan says where the apply is
// going to fail.
func TestAccWebhook_duplicateUnlisted(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	var blocks strings.Builder
	for i := range 5 {
		blocks.WriteString(strings.NewReplacer(`"titanx_webhook" "test"`, fmt.Sprintf(`"titanx_webhook" "n%d"`, i), "/titanx", fmt.Sprintf("/%d", i)).Replace(webhookHCL("")))
	}
	c := newCLI(t, s, blocks.String())
	revoked := slices.Clone(c.env)
	c.env = append(c.env, apiKeyVariable+"=CANARY-revoked")
	if out := unwrapped(c.must("plan")); strings.Count(out, "Warning: The apply will fail") != 1 || !strings.Contains(out, "5 to add") {
		t.Errorf("under a revoked key:\n%s", out)
	}
	c.env = slices.Concat(revoked, []string{baseURLVariable + "=http://127.0.0.1:9/api/public/v2"})
	if out := unwrapped(c.must("plan")); strings.Count(out, "Could not look for duplicates:") != 1 {
		t.Errorf("with an API that cannot be reached:\n%s", out)
	}
}

// TestAccWebhook_duplicateOfGone creates a webhook again that somebody has
// deleted and created elsewhere: the plan warns as for any other create.
func TestAccWebhook_duplicateOfGone(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	c := newCLI(t, s, webhookHCL(""))
	c.must("apply", "-auto-approve")
	other := s.only()
	s.Remove(simUser, other.ID)
	other.ID = "elsewhere"
	s.Put(simUser, other)
	out := c.must("plan")
	c.mustSay(out, "1 to add, 0 to change, 0 to destroy")
	if got := warnings(out); !maps.Equal(got, map[string]int{"already exists": 1}) {
		t.Errorf("the plan warns %v:\n%s", got, out)
	}
}
