// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Goroutines that tests of the client leave behind.

package titanx

import (
	"testing"

	"go.uber.org/goleak"
)

// No test of the client leaves a goroutine behind, over whatever server.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
