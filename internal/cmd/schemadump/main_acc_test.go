// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

// A CLI must say the same of the built provider as the dump does, as far as that CLI knows: what pages are generated
// from does not depend on where the schema came from.
func TestAccDumpAgreesWithCLI(t *testing.T) {
	t.Parallel()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance test: TF_ACC is not set")
	}
	var dumped bytes.Buffer
	if err := dump(t.Context(), &dumped); err != nil {
		t.Fatal(err)
	}

	ours, theirs := decode(t, dumped.Bytes()), decode(t, cliSchema(t))
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

// cliSchema builds the provider and asks the CLI under test for its schema.
func cliSchema(t *testing.T) []byte {
	t.Helper()
	const source = "registry.terraform.io/titanx-io/titanx"
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "../../..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build provider: %v\n%s", err, out)
	}
	write := func(name, text string, args ...any) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, fmt.Appendf(nil, text, args...), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("main.tf", "terraform {\n  required_providers {\n    titanx = { source = %q }\n  }\n}\n", source)
	config := write("cli.tfrc", "provider_installation {\n  dev_overrides { %q = %q }\n  direct {}\n}\n", source, filepath.ToSlash(dir))

	cli := exec.CommandContext(t.Context(), os.Getenv("TF_ACC_TERRAFORM_PATH"), "providers", "schema", "-json")
	cli.Dir = dir
	cli.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+config, "CHECKPOINT_DISABLE=1")
	var stderr bytes.Buffer
	cli.Stderr = &stderr
	out, err := cli.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cli.Args, err, &stderr)
	}
	return out
}

// decode reads what tfplugindocs would of the only provider in a dump: it knows the schema as terraform-json does.
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
