// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// serverForms are the values of formsKey, by attribute.
type serverForms map[string]serverForm

// serverForm is a value as it was asked for and as TitanX answered it. Answered
// is nil until TitanX returns the value.
type serverForm struct {
	Asked    []string `json:"asked"`
	Answered []string `json:"answered,omitempty"`
}

// formRule is how one attribute is compared. A single string is a slice of one.
type formRule struct {
	attribute string
	value     func(webhookResourceModel) attr.Value
	of        func(titanx.Webhook) []string
	set       func(*titanx.Webhook, []string)
	same      func(asked, answered []string) bool // needs no memory
	form      func(asked, stored []string) bool   // a service may store one as the other
	describe  func(asked, stored []string) string
}

var (
	nameForm = formRule{
		attribute: "name",
		value:     func(m webhookResourceModel) attr.Value { return m.Name },
		of:        func(w titanx.Webhook) []string { return single(w.Name) },
		set:       func(w *titanx.Webhook, v []string) { w.Name = v[0] },
		same:      slices.Equal[[]string],
		form:      func(asked, stored []string) bool { return titanx.IsNameForm(asked[0], stored[0]) },
		describe:  func(asked, stored []string) string { return fmt.Sprintf("name %q as %q", asked[0], stored[0]) },
	}
	urlForm = formRule{
		attribute: "url",
		value:     func(m webhookResourceModel) attr.Value { return m.URL },
		of:        func(w titanx.Webhook) []string { return single(w.URL) },
		set:       func(w *titanx.Webhook, v []string) { w.URL = v[0] },
		same:      func(asked, answered []string) bool { return titanx.SameURL(asked[0], answered[0]) },
		form:      func(asked, stored []string) bool { return titanx.IsURLForm(asked[0], stored[0]) },
		describe: func(asked, stored []string) string {
			return fmt.Sprintf("url at %s with another %s", hostOf(asked[0]), differentPart(asked[0], stored[0]))
		},
	}
	eventsForm = formRule{
		attribute: "event_types",
		value:     func(m webhookResourceModel) attr.Value { return m.EventTypes },
		of:        func(w titanx.Webhook) []string { return slices.Sorted(slices.Values(w.EventTypes)) },
		set:       func(w *titanx.Webhook, v []string) { w.EventTypes = v },
		same:      slices.Equal[[]string],
		form:      titanx.IsEventsForm,
		describe: func(asked, stored []string) string {
			return fmt.Sprintf("event_types %s as %s", strings.Join(asked, ", "), strings.Join(stored, ", "))
		},
	}
	formRules = []formRule{nameForm, urlForm, eventsForm}
)

func single(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// newServerForms compares what was asked for with the response to the create.
func newServerForms(asked titanx.CreateRequest, answered titanx.Webhook) serverForms {
	forms := serverForms{}
	wanted := titanx.Webhook{Name: asked.Name, URL: asked.URL, EventTypes: asked.EventTypes}
	for _, rule := range formRules {
		want, got := rule.of(wanted), rule.of(answered)
		if len(got) == 0 || !rule.same(want, got) {
			forms[rule.attribute] = serverForm{Asked: want, Answered: got}
		}
	}
	return forms
}

func serverFormsOf(ctx context.Context, private privateGetter, diags *diag.Diagnostics) serverForms {
	return decodeForms(privateValue(ctx, private, formsKey, diags))
}

func decodeForms(stored []byte) serverForms {
	var forms serverForms
	if stored != nil && json.Unmarshal(stored, &forms) != nil {
		return nil
	}
	return forms
}

// encode returns the forms as JSON, nil if there are none.
func (f serverForms) encode() []byte {
	if len(f) == 0 {
		return nil
	}
	encoded, _ := json.Marshal(f) // strings alone
	return encoded
}

// warn reports, once, what TitanX stores in its own form.
func (f serverForms) warn(name string, diags *diag.Diagnostics) {
	var stored []string
	for _, rule := range formRules {
		if form := f[rule.attribute]; form.Answered != nil {
			stored = append(stored, rule.describe(form.Asked, form.Answered))
		}
	}
	if len(stored) > 0 {
		diags.AddWarning(fmt.Sprintf("TitanX stores webhook %q in its own form", name),
			"TitanX stores the "+strings.Join(stored, ", and the ")+
				". Plans treat this as no change, so there is nothing to do. "+
				"If you change the configuration to TitanX's form, the webhook keeps its secret.")
	}
}

// undo returns a listed webhook with the spelling that was asked for where
// TitanX lists a form of its own. It reports whether it has learned a form: one
// that the create did not return, and that a service may have made of what was
// asked for. Anything else in the list is a change.
func (f serverForms) undo(w titanx.Webhook) (_ titanx.Webhook, learned bool) {
	for _, rule := range formRules {
		form, ok := f[rule.attribute]
		listed := rule.of(w)
		if !ok || len(listed) == 0 || rule.same(form.Asked, listed) {
			continue
		}
		if form.Answered == nil && rule.form(form.Asked, listed) {
			form.Answered, learned = listed, true
			f[rule.attribute] = form
		}
		if form.Answered != nil && rule.same(form.Answered, listed) {
			rule.set(&w, form.Asked)
		}
	}
	return w, learned
}

// takes reports whether a plan only changes a value to TitanX's form of it,
// which TitanX has already.
func (f serverForms) takes(rule formRule, state, plan webhookResourceModel) bool {
	form, wanted := f[rule.attribute], rule.of(plan.webhook())
	return form.Answered != nil && len(wanted) > 0 &&
		rule.same(form.Asked, rule.of(state.webhook())) && rule.same(form.Answered, wanted)
}

// forget removes the forms that a change has taken into the configuration.
func (f serverForms) forget(now webhookResourceModel) {
	for _, rule := range formRules {
		if form := f[rule.attribute]; form.Answered != nil && rule.same(form.Answered, rule.of(now.webhook())) {
			delete(f, rule.attribute)
		}
	}
}

// advice is what the warning of a replacement adds where the state may only
// have TitanX's form of what the configuration asks for, as after an import.
func (rule formRule) advice(state, plan webhookResourceModel) string {
	asked, stored := rule.of(plan.webhook()), rule.of(state.webhook())
	if len(asked) == 0 || len(stored) == 0 || !rule.form(asked, stored) {
		return ""
	}
	return fmt.Sprintf(" (TitanX may store the %s: to keep the webhook, write %s as TitanX has it)",
		rule.describe(asked, stored), rule.attribute)
}

// webhook returns the values that TitanX stores, without those that are not
// known yet.
func (m webhookResourceModel) webhook() titanx.Webhook {
	req := m.createRequest(nil)
	if len(req.EventTypes) < len(m.EventTypes.Elements()) {
		req.EventTypes = nil
	}
	return titanx.Webhook{Name: req.Name, URL: req.URL, EventTypes: req.EventTypes}
}

// differentPart names the first part in which two urls differ. The parts
// themselves may hold a token.
func differentPart(a, b string) string {
	x, errX := url.Parse(titanx.URLKey(a))
	y, errY := url.Parse(titanx.URLKey(b))
	switch {
	case errX != nil || errY != nil:
		return "spelling"
	case x.Host != y.Host:
		return "spelling of the host"
	case x.EscapedPath() != y.EscapedPath():
		return "spelling of the path"
	case x.RawQuery != y.RawQuery:
		return "query"
	}
	return "spelling"
}
