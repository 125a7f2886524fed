// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import "testing"

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
