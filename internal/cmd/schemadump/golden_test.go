// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goldenFile = "../../provider/testdata/schema.golden"

// The file has what the schema promises, so that no change of it goes
// unnoticed.
func TestGolden(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	var current bytes.Buffer
	if err := write(t.Context(), &current, true, ""); err != nil {
		t.Fatal(err)
	}
	for _, difference := range compare(string(committed), current.String()) {
		t.Error(difference)
	}
	if diff := cmp.Diff(string(committed), current.String()); diff != "" {
		t.Errorf("the schema is not that of the golden file: read contributing/adding-an-attribute.md, then run make generate (-file +provider):\n%s", diff)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	const before = "resource r: version 0\nresource r a: string, optional\nresource r b: set(string), computed\nfunction f: returns bool\nfunction f parameter 1: string, required\n"
	for name, test := range map[string]struct{ old, new, want string }{
		"optional attribute":    {"resource r: version 0\n", "resource r: version 0\nresource r c: string, optional\n", "additive: resource r c is new"},
		"required attribute":    {"resource r: version 0\n", "resource r: version 0\nresource r c: string, required\n", "breaking: resource r c is new and required"},
		"nested attribute":      {"resource r: version 0\n", "resource r: version 0\nresource r c: nested list, optional\nresource r c.d: string, required\n", "additive: resource r c is new\nadditive: resource r c.d is new"},
		"resource":              {"", "resource s: version 0\n", "additive: resource s is new"},
		"required of a new one": {"", "resource s a: string, required\n", "additive: resource s a is new"},
		"removed":               {"resource r a: string, optional\n", "", "breaking: resource r a is removed"},
		"type":                  {"resource r b: set(string)", "resource r b: list(string)", `breaking: resource r b was "set(string), computed" and is "list(string), computed"`},
		"version":               {"resource r: version 0", "resource r: version 1", `breaking: resource r was "version 0" and is "version 1"`},
		"now required":          {"string, optional", "string, required", `breaking: resource r a was "string, optional" and is "string, required"`},
		"now sensitive":         {"string, optional", "string, optional, sensitive", `breaking: resource r a was "string, optional" and is "string, optional, sensitive"`},
		"now write-only":        {"string, optional", "string, optional, write-only", `breaking: resource r a was "string, optional" and is "string, optional, write-only"`},
		"now computed too":      {"string, optional", "string, optional, computed", `additive: resource r a was "string, optional" and is "string, optional, computed"`},
		"no longer settable":    {"string, optional", "string, computed", `breaking: resource r a was "string, optional" and is "string, computed"`},
		"now settable":          {"set(string), computed", "set(string), optional, computed", `additive: resource r b was "set(string), computed" and is "set(string), optional, computed"`},
		"no longer computed":    {"set(string), computed", "set(string), optional", `breaking: resource r b was "set(string), computed" and is "set(string), optional"`},
		"now deprecated":        {"string, optional", "string, optional, deprecated", `additive: resource r a was "string, optional" and is "string, optional, deprecated"`},
		"further parameter":     {"parameter 1: string, required\n", "parameter 1: string, required\nfunction f parameter 2: string, required\n", "breaking: function f parameter 2 is new and required"},
		"returned type":         {"returns bool", "returns string", `breaking: function f was "returns bool" and is "returns string"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := before + test.new
			if test.old != "" {
				after = string(bytes.Replace([]byte(before), []byte(test.old), []byte(test.new), 1))
			}
			if got := strings.Join(compare(before, after), "\n"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := compare(before, before); len(got) != 0 {
		t.Errorf("no change: got %q", got)
	}
}
