// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The configurations in the pages, in the README and in docs/.

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
)

var (
	hclFence   = regexp.MustCompile("(?s)```(?:hcl|terraform)\n(.*?\n)```\n")
	typed      = regexp.MustCompile(`(?m)^ *(resource|data|ephemeral|list|action) "([^"]+)" "([^"]+)"`)
	named      = regexp.MustCompile(`(?m)^(variable|module|output) "([^"]+)"`)
	locals     = regexp.MustCompile(`(?s)locals \{\n(.*?\n)\}`)
	local      = regexp.MustCompile(`(?m)^ {2}(\w+) += `)
	aliases    = regexp.MustCompile(`(?m)^ {2}alias += "([^"]+)"`)
	moduleCall = regexp.MustCompile(`(?m)^module "`)
	listBlock  = regexp.MustCompile(`(?m)^list "`)
	testBlock  = regexp.MustCompile(`(?m)^(run|mock_provider) "`)
	importTo   = regexp.MustCompile(`(?m)^ +to += .*$`)
)

const requiredProviders = "terraform {\n  required_providers {\n    titanx = {\n      source = \"titanx-io/titanx\"\n    }\n  }\n}\n"

// TestAccDocs_hcl formats every HCL block of the pages, and validates those
// that need no other provider than this one. What a block refers to is taken
// from the other blocks of its page.
func TestAccDocs_hcl(t *testing.T) {
	t.Parallel()
	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	functions, err := c.Can(t.Context(), cli.Functions)
	if err != nil {
		t.Fatal(err)
	}
	formatted := t.TempDir()
	validated := 0
	for page, text := range pages(t) {
		if strings.HasPrefix(page, "templates/") {
			continue // the pages that are made from them have the same blocks
		}
		var blocks []string
		for _, match := range hclFence.FindAllStringSubmatch(text, -1) {
			blocks = append(blocks, match[1])
		}
		for i, block := range blocks {
			name := fmt.Sprintf("%s_%d", strings.ReplaceAll(strings.TrimSuffix(page, ".md"), "/", "_"), i+1)
			// The name of a provider's function is a syntax error to an old
			// CLI.
			if functions || !strings.Contains(block, "provider::") {
				write(t, filepath.Join(formatted, name+".tf"), block)
			}
			configuration := withNeeded(blocks, i)
			if !selfContained(configuration) {
				t.Logf("%s: only formatted: it needs a module or another provider", name)
				continue
			}
			validated++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if feature, err := c.Lacks(t.Context(), configuration); err != nil {
					t.Fatal(err)
				} else if feature != "" {
					t.Skipf("only formatted: %s has no %s", c.Version, feature)
				}
				validate(t, c, configuration)
			})
		}
	}
	if err := c.In(formatted, t.Output()).Run(t.Context(), 0, "fmt", "-check", "-diff", "-no-color"); err != nil {
		t.Error(err)
	}
	if validated < 15 {
		t.Errorf("only %d blocks validated", validated)
	}
}

// selfContained reports whether a configuration needs nothing beyond this
// provider and what is built into every CLI.
func selfContained(configuration string) bool {
	return !moduleCall.MatchString(configuration) && !slices.ContainsFunc(typed.FindAllStringSubmatch(configuration, -1), func(match []string) bool {
		return !strings.HasPrefix(match[2], "titanx_") && match[2] != "terraform_data"
	})
}

func validate(t *testing.T, c *cli.CLI, configuration string) {
	t.Helper()
	dir := t.TempDir()
	file, args := "main.tf", []string{"validate", "-no-color"}
	switch {
	case listBlock.MatchString(configuration):
		file, args = "main.tfquery.hcl", append(args, "-query")
	case testBlock.MatchString(configuration):
		file = "main.tftest.hcl"
	}
	write(t, filepath.Join(dir, file), configuration)
	if !strings.Contains(configuration, "required_providers") {
		write(t, filepath.Join(dir, "versions.tf"), requiredProviders)
	}
	if err := c.In(dir, t.Output()).Run(t.Context(), 0, args...); err != nil {
		t.Error(err)
	}
}

// withNeeded is a block of a page with those of the others that declare what it
// refers to, the nearest before it first. The target of an import may be
// declared nowhere: Terraform then generates it.
func withNeeded(blocks []string, i int) string {
	configuration := blocks[i]
	others := slices.Clone(blocks[:i])
	slices.Reverse(others)
	others = append(others, blocks[i+1:]...)
	for added := true; added; {
		added = false
		have, refers := declared(configuration), importTo.ReplaceAllString(configuration, "")
		for _, other := range others {
			gives := declared(other)
			if slices.ContainsFunc(gives, func(address string) bool { return slices.Contains(have, address) }) {
				continue
			}
			if slices.ContainsFunc(gives, func(address string) bool { return strings.Contains(refers, address) }) {
				configuration += "\n" + other
				added = true
				break
			}
		}
	}
	return configuration
}

// declared are the addresses by which other blocks can refer to what a block
// declares.
func declared(block string) []string {
	var addresses []string
	for _, match := range typed.FindAllStringSubmatch(block, -1) {
		address := match[2] + "." + match[3]
		if match[1] != "resource" {
			address = match[1] + "." + address
		}
		addresses = append(addresses, address)
	}
	for _, match := range named.FindAllStringSubmatch(block, -1) {
		addresses = append(addresses, map[string]string{"variable": "var.", "module": "module.", "output": "output."}[match[1]]+match[2])
	}
	for _, all := range locals.FindAllStringSubmatch(block, -1) {
		for _, match := range local.FindAllStringSubmatch(all[1], -1) {
			addresses = append(addresses, "local."+match[1])
		}
	}
	for _, match := range aliases.FindAllStringSubmatch(block, -1) {
		addresses = append(addresses, "titanx."+match[1])
	}
	return addresses
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
