// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Command schemadump prints the provider's schema.
//
//	schemadump              as `terraform providers schema -json` would
//	schemadump -golden      what it promises, a line for each promise
//	schemadump -since FILE  how it differs from an earlier golden file
//
// It needs no CLI. A CLI leaves out what it is too old to know, such as list
// resources, and the documentation would lose those pages.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/provider"
)

func main() {
	promised := flag.Bool("golden", false, "print what the schema promises")
	since := flag.String("since", "", "compare with an earlier golden `file`")
	flag.Parse()
	if err := write(context.Background(), os.Stdout, *promised, *since); err != nil {
		fmt.Fprintln(os.Stderr, "schemadump:", err)
		os.Exit(1)
	}
}

// write writes the schema as a CLI would, or what it promises, or how that
// differs from an earlier golden file.
func write(ctx context.Context, w io.Writer, promised bool, since string) error {
	schema, identities, err := schemas(ctx)
	if err != nil {
		return err
	}
	switch {
	case since != "":
		before, err := os.ReadFile(since)
		if err != nil {
			return err
		}
		for _, line := range compare(string(before), golden(schema, identities)) {
			fmt.Fprintln(w, line)
		}
		return nil
	case promised:
		_, err = io.WriteString(w, golden(schema, identities))
		return err
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(newProviderSchemas(schema, identities))
}

// schemas returns the schemas of the provider, which it serves in process.
func schemas(
	ctx context.Context,
) (*tfprotov6.GetProviderSchemaResponse, *tfprotov6.GetResourceIdentitySchemasResponse, error) {
	server := providerserver.NewProtocol6(provider.New("schemadump")())()
	schema, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err == nil {
		err = firstError(schema.Diagnostics)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("get provider schema: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err == nil {
		err = firstError(identities.Diagnostics)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("get resource identity schemas: %w", err)
	}
	return schema, identities, nil
}

func firstError(diagnostics []*tfprotov6.Diagnostic) error {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
	return nil
}
