// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

// URLKey returns a text that two webhook urls share if they mean the same
// address, as SameURL compares them.
func URLKey(text string) string { return canonicalURL(text) }
