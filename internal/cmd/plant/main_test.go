// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"slices"
	"testing"
)

// TestBug_plant keeps the bugs in step with the code: each has one place to be
// planted in.
func TestBug_plant(t *testing.T) {
	t.Chdir("../../..")
	for _, b := range slices.Concat(bugs, tableBugs) {
		if _, err := b.plant(t.TempDir()); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
}
