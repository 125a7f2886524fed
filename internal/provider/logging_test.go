// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
)

// TestConnection_masked logs the key and a secret, in a message and in a field,
// and finds neither in the log.
func TestConnection_masked(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := &connection{key: "CANARY-key"}
	ctx := c.masked(tflogtest.RootLogger(t.Context(), &log), "CANARY-secret", "")
	newLogger().With("of", "CANARY-secret").WarnContext(ctx, "CANARY-key and CANARY-secret", "field", "CANARY-key")
	if text := log.String(); !strings.Contains(text, " and ") || strings.Contains(text, "CANARY") {
		t.Errorf("the log is not masked: %s", text)
	}
}
