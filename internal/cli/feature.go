// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Feature is something that not every supported CLI can do.
type Feature string

// The features that tests depend on.
const (
	Actions            Feature = "actions"
	CheckBlocks        Feature = "check blocks"
	CloudBlocks        Feature = "cloud blocks"
	EphemeralResources Feature = "ephemeral resources"
	Functions          Feature = "functions"
	ImportBlocks       Feature = "import blocks"
	ImportByIdentity   Feature = "import by identity"
	ImportGenerated    Feature = "import blocks for resources to generate"
	ListResources      Feature = "list resources"
	Mocks              Feature = "mocks in tests"
	MovedBlocks        Feature = "moved blocks"
	RemovedBlocks      Feature = "removed blocks that keep what they remove"
	StateEncryption    Feature = "state encryption"
	TerraformData      Feature = "terraform_data"
	WriteOnly          Feature = "write-only arguments"
)

// probes are configurations that are only valid for a CLI with the feature,
// and how to see that another configuration uses it: see uses.
var probes = map[Feature]struct {
	used             *regexp.Regexp
	file, text, flag string
	wrong            string // only a CLI that reads the file refuses it
}{
	Actions: {
		used: regexp.MustCompile(`(?m)^action "`),
		text: "action \"titanx_test_delivery\" \"probe\" {\n  config {\n" +
			"    url    = \"https://hooks.example.com\"\n    secret = \"CANARY\"\n  }\n}\n",
	},
	CheckBlocks: {
		used: regexp.MustCompile(`(?m)^check "`),
		text: webhook + "check \"probe\" {\n  assert {\n    condition     = titanx_webhook.probe.id != \"\"\n" +
			"    error_message = \"Never.\"\n  }\n}\n",
	},
	CloudBlocks: {
		used: regexp.MustCompile(`(?m)^ +cloud \{`),
		text: "terraform {\n  cloud {\n    organization = \"probe\"\n    workspaces {\n" +
			"      name = \"probe\"\n    }\n  }\n}\n",
	},
	EphemeralResources: {
		used: regexp.MustCompile(`(?m)^ephemeral "|^ +ephemeral += true`),
		text: "variable \"probe\" {\n  ephemeral = true\n}\n",
	},
	Functions: {
		used: regexp.MustCompile(`provider::titanx::`),
		text: "output \"probe\" {\n  value = provider::titanx::sign_payload(\"CANARY\", \"body\")\n}\n",
	},
	ImportBlocks: {
		used: regexp.MustCompile(`(?m)^import \{`),
		text: webhook + "import {\n  to = titanx_webhook.probe\n  id = \"probe\"\n}\n",
	},
	ImportByIdentity: {
		used: regexp.MustCompile(`(?m)^ +identity = \{`),
		text: webhook + "import {\n  to = titanx_webhook.probe\n  identity = {\n    id = \"probe\"\n  }\n}\n",
	},
	// Terraform 1.16 looks for the provider of a resource that is not declared
	// under hashicorp/: https://github.com/hashicorp/terraform/issues/39144
	ImportGenerated: {
		text: "import {\n  to = titanx_webhook.probe\n  id = \"probe\"\n}\n",
	},
	ListResources: {
		used: regexp.MustCompile(`(?m)^list "`),
		text: "list \"titanx_webhook\" \"probe\" {\n  provider = titanx\n}\n",
		file: "probe.tfquery.hcl",
		flag: "-query",
	},
	Mocks: {
		used: regexp.MustCompile(`(?m)^mock_provider "`),
		text: "mock_provider \"titanx\" {}\nrun \"probe\" {\n  command = plan\n}\n",
		file: "probe.tftest.hcl",
		// An old CLI does not read the file.
		wrong: "mock_provider \"titanx\" {\n  probe = true\n}\n",
	},
	MovedBlocks: {
		used: regexp.MustCompile(`(?m)^moved \{`),
		text: webhook + "moved {\n  from = titanx_webhook.old\n  to   = titanx_webhook.probe\n}\n",
	},
	RemovedBlocks: {
		used: regexp.MustCompile(`(?m)^removed \{`),
		text: "removed {\n  from = titanx_webhook.probe\n  lifecycle {\n    destroy = false\n  }\n}\n",
	},
	StateEncryption: {
		used: regexp.MustCompile(`(?m)^ +encryption \{`),
		text: "terraform {\n  encryption {}\n}\n",
	},
	TerraformData: {
		used: regexp.MustCompile(`"terraform_data"`),
		text: "resource \"terraform_data\" \"probe\" {}\n",
	},
	WriteOnly: {
		used: regexp.MustCompile(`(?m)^ +secret_wo +=`),
		text: strings.Replace(webhook, "}", "  secret_wo   = \"CANARY\"\n}", 1),
	},
}

const webhook = `resource "titanx_webhook" "probe" {
  name        = "probe"
  url         = "https://hooks.example.com"
  event_types = ["job.completed"]
}
`

// Can reports whether the CLI has a feature. It asks the CLI once whether a
// configuration that uses the feature is valid.
func (c *CLI) Can(ctx context.Context, feature Feature) (bool, error) {
	found, _ := c.can.LoadOrStore(feature, sync.OnceValues(func() (bool, error) { return c.probe(ctx, feature) }))
	return found.(func() (bool, error))()
}

func (c *CLI) probe(ctx context.Context, feature Feature) (bool, error) {
	probe := probes[feature]
	accepts, err := c.accepts(ctx, cmp.Or(probe.file, "probe.tf"), probe.text, probe.flag)
	if err == nil && accepts && probe.wrong != "" {
		wrong, err := c.accepts(ctx, probe.file, probe.wrong, probe.flag)
		return !wrong, err
	}
	return accepts, err
}

// accepts reports whether the CLI takes a file of a configuration for valid.
func (c *CLI) accepts(ctx context.Context, file, text, flag string) (bool, error) {
	dir, err := os.MkdirTemp(c.scratch, "probe")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"versions.tf": "terraform {\n  required_providers {\n    titanx = { source = \"titanx-io/titanx\" }\n  }\n}\n",
		file:          text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return false, err
		}
	}
	args := []string{"validate", "-no-color"}
	if flag != "" {
		args = append(args, flag)
	}
	err = c.In(dir, nil).Command(ctx, args...).Run()
	return err == nil, ctx.Err()
}

// Lacks returns a feature that a configuration uses and this CLI does not
// have. It is "" if the CLI can run all of the configuration.
func (c *CLI) Lacks(ctx context.Context, configuration string) (Feature, error) {
	for feature := range probes {
		if !uses(configuration, feature) {
			continue
		}
		if can, err := c.Can(ctx, feature); err != nil || !can {
			return feature, err
		}
	}
	return "", nil
}

var importTarget = regexp.MustCompile(`(?m)^ +to += (\w+)\.(\w+)`)

// uses reports whether a configuration uses a feature.
func uses(configuration string, feature Feature) bool {
	if feature != ImportGenerated {
		return probes[feature].used.MatchString(configuration)
	}
	return slices.ContainsFunc(importTarget.FindAllStringSubmatch(configuration, -1), func(target []string) bool {
		return !strings.Contains(configuration, fmt.Sprintf("resource %q %q", target[1], target[2]))
	})
}
