// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Command schemadump prints the provider's schema as `terraform providers schema -json` would, without a CLI.
// A CLI leaves out what it is too old to know, such as list resources, and the documentation would lose those pages.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/provider"
)

func main() {
	if err := dump(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "schemadump:", err)
		os.Exit(1)
	}
}

// dump writes the schema of the provider that it serves in process.
func dump(ctx context.Context, w io.Writer) error {
	server := providerserver.NewProtocol6(provider.New("schemadump")())()
	schema, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return fmt.Errorf("get provider schema: %w", err)
	}
	if err := firstError(schema.Diagnostics); err != nil {
		return fmt.Errorf("get provider schema: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return fmt.Errorf("get resource identity schemas: %w", err)
	}
	if err := firstError(identities.Diagnostics); err != nil {
		return fmt.Errorf("get resource identity schemas: %w", err)
	}

	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(newProviderSchemas(schema, identities))
}

func firstError(diagnostics []*tfprotov6.Diagnostic) error {
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			return fmt.Errorf("%s: %s", d.Summary, d.Detail)
		}
	}
	return nil
}
