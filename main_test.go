// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestBinary_withoutSimulator(t *testing.T) {
	t.Parallel()
	const module = "github.com/titanx-io/terraform-provider-titanx/"

	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("list dependencies: %v", err)
	}

	var own []string
	for dep := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(dep), module+"internal/"); ok {
			own = append(own, name)
		}
	}
	if len(own) == 0 {
		t.Fatal("found none of the module's packages in the binary")
	}
	for _, name := range own {
		if name == "titanxsim" || strings.HasPrefix(name, "cmd/") {
			t.Errorf("the binary contains internal/%s, want only what serves the provider", name)
		}
	}
}
