// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Command terraform-provider-titanx serves the TitanX provider to Terraform and
// OpenTofu.
package main

import (
	"flag"
	"log"

	"github.com/titanx-io/terraform-provider-titanx/internal/provider"
)

// version is set by the linker when a release is built.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "run so that a debugger can attach to the provider")
	flag.Parse()

	if err := provider.Serve(version, *debug); err != nil {
		log.Fatal(err)
	}
}
