// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The rules of the variables of examples/module.

package examples_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
)

// moduleArguments are arguments that the module and the resource have in
// common, and whether the provider accepts them.
var moduleArguments = map[string]struct {
	hcl      string
	accepted bool
}{
	"camel_event":       {`event_types = ["job.contactScored"]`, true},
	"hyphen_event":      {`event_types = ["job.contact-scored"]`, true},
	"malformed_event":   {`event_types = ["Job Completed"]`, false},
	"no_events":         {`event_types = []`, false},
	"fraction":          {`rotate_after = "1.5h"`, true},
	"hours":             {`rotate_after = "2160h"`, true},
	"parts":             {`rotate_after = "2159h59m60s"`, true},
	"no_age":            {`rotate_after = null`, true},
	"days":              {`rotate_after = "90d"`, false},
	"empty_age":         {`rotate_after = ""`, false},
	"upper_case":        {`url = "HTTPS://Hooks.Example.com/titanx"`, true},
	"at_in_path":        {`url = "https://hooks.example.com/@titanx?to=a@b"`, true},
	"plain_http":        {`url = "http://hooks.example.com/titanx"`, false},
	"no_host":           {`url = "https:///titanx"`, false},
	"user_info":         {`url = "https://user@hooks.example.com/titanx"`, false},
	"fragment":          {`url = "https://hooks.example.com/titanx#part"`, false},
	"no_recipients":     {`secret_recipients = []`, false},
	"null_recipients":   {`secret_recipients = null`, true},
	"not_a_recipient":   {`secret_recipients = ["age1"]`, false},
	"keep":              {`on_lost_secret = "keep"`, true},
	"unknown_policy":    {`on_lost_secret = "ignore"`, false},
	"empty_name":        {`name = ""`, false},
	"white_space_name":  {`name = " "`, true},
	"triggers":          {`rotation_triggers = { by = "hand" }`, true},
	"null_in_event_set": {`event_types = [null]`, false},
}

// TestAccModule_rules checks that the module accepts what the provider accepts.
func TestAccModule_rules(t *testing.T) {
	t.Parallel()
	c, err := cli.New(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]bool{}
	for name, arguments := range moduleArguments {
		accepted[name] = arguments.accepted
	}
	for kind, block := range map[string]string{
		"resource": `resource "titanx_webhook" %q`,
		"module":   `module %q`,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(accepted, planned(t, c, kind, block)); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
		})
	}
}

var (
	caseAddress  = regexp.MustCompile(`\b(?:module|titanx_webhook)\.case_(\w+)`)
	argumentName = regexp.MustCompile(`^\w+`)
)

// planned reports of every case whether a plan has no error at its address.
func planned(t *testing.T, c *cli.CLI, kind, block string) map[string]bool {
	t.Helper()
	var configuration bytes.Buffer
	accepted := map[string]bool{}
	for name, arguments := range moduleArguments {
		accepted[name] = true
		fmt.Fprintf(&configuration, block+" {\n", "case_"+name)
		if kind == "module" {
			fmt.Fprintf(&configuration, "  source = \"../module\"\n")
		}
		given := argumentName.FindString(arguments.hcl)
		for argument, value := range map[string]string{
			"name": `"orders"`, "url": fmt.Sprintf("%q", "https://hooks.example.com/"+name), "event_types": `["job.completed"]`,
		} {
			if argument != given {
				fmt.Fprintf(&configuration, "  %s = %s\n", argument, value)
			}
		}
		fmt.Fprintf(&configuration, "  %s\n}\n", arguments.hcl)
	}
	texts := maps.Clone(sources(t))
	texts[kind+"-rules/main.tf"] = configuration.String()
	e := newExampleOf(t, c, texts, kind+"-rules")
	e.run(1, "plan", "-input=false", "-json")
	refused := 0
	for line := range bytes.Lines(e.Printed) {
		var message struct {
			Diagnostic struct{ Severity, Summary, Address string }
		}
		if json.Unmarshal(line, &message) != nil || message.Diagnostic.Severity != "error" {
			continue
		}
		name := caseAddress.FindStringSubmatch(message.Diagnostic.Address)
		if name == nil {
			t.Fatalf("an error without a case: %+v", message.Diagnostic)
		}
		refused++
		accepted[name[1]] = false
	}
	if refused == 0 {
		t.Error("no error was printed")
	}
	return accepted
}
