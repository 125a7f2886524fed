// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"testing"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestForm_unreturned_protocol creates a webhook whose response has no name: a
// list then teaches the form, once, and only if a service uses such forms.
func TestForm_unreturned_protocol(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		listed  string
		learned bool
	}{
		"as asked":  {"CRM, scored contacts ", false},
		"trimmed":   {"CRM, scored contacts", true},
		"lower":     {"crm, scored contacts ", true},
		"escaped":   {"CRM,  scored contacts ", true},
		"another":   {"hubspot", false},
		"a part":    {"CRM", false},
		"and more":  {"CRM, scored contacts 2", false},
		"not there": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simulate(t, titanxsim.Config{Dialect: titanxsim.Dialect{NameOut: "absent-on-create"}})
			config := testWebhook(object{"name": "CRM, scored contacts "})
			made := s.protocol(nil).create(config)
			s.change(func(w *titanxsim.Webhook) { w.Name = tc.listed })
			read, diags := s.protocol(nil).read(made)
			same := tc.learned || tc.listed == "CRM, scored contacts " || tc.listed == ""
			if c := s.protocol(nil).plan(read, config); len(diags) != 0 || c.noChange() != same {
				t.Errorf("no change %t, replaced for %v, %v", c.noChange(), c.replace, summaries(diags))
			}
			if wrote := !bytes.Equal(read.private, made.private); wrote != tc.learned {
				t.Errorf("private state was written: %t", wrote)
			}
			again, _ := s.protocol(nil).read(read)
			if !bytes.Equal(again.private, read.private) {
				t.Error("private state is written again")
			}
			if tc.learned {
				s.change(func(w *titanxsim.Webhook) { w.Name = "Crm, Scored Contacts" })
				if drifted, _ := s.protocol(nil).read(again); drifted.text(t, "name") != "Crm, Scored Contacts" {
					t.Error("another form is taken for no change, too")
				}
			}
		})
	}
}

// TestForm_private_protocol: where every answer equals what was asked, private
// state has the mark of the key and nothing else.
func TestForm_private_protocol(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{})
	made := s.protocol(nil).create(testWebhook(object{"url": "HTTPS://Hooks.example.com:443/titanx"}))
	values := privateValues(made.private)
	if _, ok := values[seenByKey]; !ok || len(values) != 1 {
		t.Errorf("private state: %s", made.private)
	}
	s.SetDialect(titanxsim.Dialect{NameForm: "upper"})
	other := s.protocol(nil).create(testWebhook(object{"url": "https://hooks.example.com/2"}))
	if values := privateValues(other.private); len(values) != 2 || values[formsKey] == nil {
		t.Errorf("private state: %s", other.private)
	}
}
