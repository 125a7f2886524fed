// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package cli

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A CLI must have every feature that docs/index.md promises for its version:
// a probe that is wrong would silently skip the tests of a feature.
func TestAccFeatures(t *testing.T) {
	t.Parallel()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run with TF_ACC=1, as make test sets it")
	}
	c, err := New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/index.md")
	if err != nil {
		t.Fatal(err)
	}
	cell := map[string]string{"Terraform": "$1", "OpenTofu": "$2"}[c.Product]
	for feature, row := range map[Feature]string{
		Actions:            "list resource .*",
		EphemeralResources: "ephemeral resource .*",
		Functions:          "functions .*",
		ImportByIdentity:   "import by resource identity",
		ListResources:      "list resource .*",
		WriteOnly:          "argument `secret_wo`",
	} {
		promised := regexp.MustCompile(`(?m)^\| ` + row + ` \| ([0-9.]*) *\| ([0-9.]*) *\|$`)
		match := promised.FindSubmatchIndex(page)
		if match == nil {
			t.Errorf("docs/index.md has no row for %s", feature)
			continue
		}
		checkFeature(t, c, feature, string(promised.Expand(nil, []byte(cell), page, match)))
	}
	for feature, since := range map[Feature]map[string]string{
		CheckBlocks:     {"Terraform": "1.5", "OpenTofu": "1.6"},
		CloudBlocks:     {"Terraform": "1.1", "OpenTofu": "1.6"},
		ImportBlocks:    {"Terraform": "1.5", "OpenTofu": "1.6"},
		ImportGenerated: {"Terraform": "1.5", "OpenTofu": "1.6"},
		Mocks:           {"Terraform": "1.7", "OpenTofu": "1.8"},
		MovedBlocks:     {"Terraform": "1.1", "OpenTofu": "1.6"},
		RemovedBlocks:   {"Terraform": "1.7", "OpenTofu": "1.10"},
		StateEncryption: {"Terraform": "", "OpenTofu": "1.7"},
		TerraformData:   {"Terraform": "1.4", "OpenTofu": "1.6"},
	} {
		if feature == ImportGenerated && c.Product == "Terraform" && c.Minor >= 16 {
			continue // broken there for now, as the probe's comment says
		}
		checkFeature(t, c, feature, since[c.Product])
	}
}

// checkFeature compares what a CLI can do with the version since which it is
// promised, "" for none.
func checkFeature(t *testing.T, c *CLI, feature Feature, since string) {
	t.Helper()
	minor := -1
	if since != "" {
		if _, err := fmt.Sscanf(strings.TrimSpace(since), "1.%d", &minor); err != nil {
			t.Fatalf("read version %q of %s: %v", since, feature, err)
		}
	}
	can, err := c.Can(t.Context(), feature)
	switch promised := minor >= 0 && c.Minor >= minor; {
	case err != nil:
		t.Errorf("%s: %v", feature, err)
	case promised && !can:
		t.Errorf("%s has no %s, which are promised since 1.%d", c.Version, feature, minor)
	case !promised && can:
		t.Logf("%s has %s, which are not promised", c.Version, feature)
	}
}
