// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
)

// A CLI must say the same of the built provider as the dump does, as far as
// that CLI knows: what pages are generated from does not depend on where the
// schema came from.
func TestAccDump_sameAsCLI(t *testing.T) {
	t.Parallel()
	var dumped bytes.Buffer
	if err := write(t.Context(), &dumped, false, ""); err != nil {
		t.Fatal(err)
	}

	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := dumped.String()
	if knows, err := c.Can(t.Context(), cli.WriteOnly); err != nil {
		t.Fatal(err)
	} else if !knows {
		text = strings.ReplaceAll(text, `"write_only": true`, `"write_only": false`)
	}
	ours, theirs := decode(t, []byte(text)), decode(t, cliSchema(t, c))
	for kind := range theirs {
		if diff := cmp.Diff(theirs[kind], ours[kind]); diff != "" {
			t.Errorf("%s (-CLI +dump):\n%s", kind, diff)
		}
	}
	for _, kind := range []string{"provider", "resource_schemas", "data_source_schemas"} {
		if theirs[kind] == nil {
			t.Errorf("the CLI says nothing of %s", kind)
		}
	}
}

// cliSchema asks the CLI under test for the schema of the built provider.
func cliSchema(t *testing.T, c *cli.CLI) []byte {
	t.Helper()
	dir := t.TempDir()
	config := "terraform {\n  required_providers {\n    titanx = { source = \"titanx-io/titanx\" }\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := c.In(dir, t.Output())
	out, err := folder.Read(t.Context(), "providers", "schema", "-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, folder.Printed)
	}
	return out
}

// decode reads what tfplugindocs would of the only provider in a dump: it knows
// the schema as terraform-json does.
func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var dump tfjson.ProviderSchemas
	if err := json.Unmarshal(text, &dump); err != nil {
		t.Fatal(err)
	}
	if len(dump.Schemas) != 1 {
		t.Fatalf("got %d providers, want 1", len(dump.Schemas))
	}
	decoded := map[string]any{}
	for _, schema := range dump.Schemas {
		encoded, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatal(err)
		}
	}
	return decoded
}
