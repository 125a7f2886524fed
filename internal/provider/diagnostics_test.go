// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// A server that is always slower than request_timeout fails every run: both the
// read and the create name the argument.
func TestAdvice_timeout(t *testing.T) {
	t.Parallel()
	for cause, slow := range map[error]bool{titanx.ErrTimeout: true, titanx.ErrNoAnswer: false} {
		err := fmt.Errorf("list webhooks: %w", cause)
		var read, created diag.Diagnostics
		addAPIError(&read, "read webhook", err)
		addUncertainError(&created, nil, "crm", &titanx.UncertainError{Err: err})
		for _, diags := range []diag.Diagnostics{read, created} {
			if strings.Contains(diags[0].Detail(), "request_timeout") != slow {
				t.Errorf("%v: %s", err, diags[0].Detail())
			}
		}
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "", "a": "A.", "it failed": "It failed.", "it failed.": "It failed.", "it failed...": "It failed.", "is it there?": "Is it there?",
	} {
		if got := sentence(text); got != want {
			t.Errorf("sentence(%q) = %q, want %q", text, got, want)
		}
	}
}
