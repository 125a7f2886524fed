// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What a plan does in the table of the secret's life.
const (
	noChange = "no change"
	update   = "update"
	replace  = "replace"
	refused  = "refused"
)

// secretTable is the secret's life: what a plan does after an event in each of
// the states, and what the apply then leads to. What an event does not change
// in a state has no row.
var secretTable = []struct {
	state, event string
	action       string
	forcedBy     string // the attributes that force a replacement
	says         string // part of the one diagnostic, which is at the forcing attribute or at secret; "" is none
	writes       string // the requests that change something
	becomes      string // secret_status
}{
	{"known", "refresh", noChange, "", "", "", "known"},
	{"known", "status changes", update, "", "", "set-status", "known"},
	{"known", "name changes", replace, "name", "name changes", "delete create set-status", "known"},
	{"known", "policy becomes keep", update, "", "", "", "known"},
	{"known", "policy becomes error", update, "", "", "", "known"},
	{"known", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "known"},
	{"known", "age passes", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"known", "rotate_after is longer", update, "", "", "", "known"},
	{"known", "rotate_after is removed", update, "", "", "", "known"},
	{"known", "recipient is added", update, "", "", "", "encrypted"},
	{"known", "secret is set", noChange, "", "", "", "known"},
	{"known", "another secret is set", noChange, "", "", "", "known"},
	{"known", "another version is set", update, "", "", "", "known"},
	{"known", "version alone is set", update, "", "", "", "known"},

	{"lost", "refresh", noChange, "", "", "", "lost"},
	{"lost", "status changes", update, "", "", "set-status", "lost"},
	{"lost", "name changes", replace, "name", "name changes", "delete create set-status", "known"},
	{"lost", "policy becomes replace", replace, "secret", "lost: it will be replaced", "delete create set-status", "known"},
	{"lost", "policy becomes error", refused, "", "set secret_wo", "", ""},
	{"lost", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "known"},
	{"lost", "age passes", noChange, "", "", "", "lost"},
	{"lost", "rotate_after is longer", update, "", "", "", "lost"},
	{"lost", "rotate_after is removed", update, "", "", "", "lost"},
	{"lost", "recipient is added", update, "", "", "", "lost"},
	{"lost", "secret is set", update, "", "", "", "adopted"},
	{"lost", "another secret is set", update, "", "", "", "adopted"},
	{"lost", "another version is set", update, "", "", "", "adopted"},
	{"lost", "version alone is set", update, "", "", "", "lost"},

	{"lost, with a recipient", "refresh", noChange, "", "", "", "lost"},
	{"lost, with a recipient", "status changes", update, "", "", "set-status", "lost"},
	{"lost, with a recipient", "name changes", replace, "name", "name changes", "delete create set-status", "encrypted"},
	{"lost, with a recipient", "policy becomes replace", replace, "encrypted_secret", "lost: it will be replaced", "delete create set-status", "encrypted"},
	{"lost, with a recipient", "policy becomes error", refused, "", "set secret_wo", "", ""},
	{"lost, with a recipient", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "encrypted"},
	{"lost, with a recipient", "age passes", noChange, "", "", "", "lost"},
	{"lost, with a recipient", "rotate_after is longer", update, "", "", "", "lost"},
	{"lost, with a recipient", "rotate_after is removed", update, "", "", "", "lost"},
	{"lost, with a recipient", "recipient is added", update, "", "", "", "lost"},
	{"lost, with a recipient", "recipient is another", update, "", "", "", "lost"},
	{"lost, with a recipient", "recipients are removed", update, "", "", "", "lost"},
	{"lost, with a recipient", "secret is set", update, "", "", "", "encrypted"},
	{"lost, with a recipient", "another secret is set", update, "", "", "", "encrypted"},
	{"lost, with a recipient", "another version is set", update, "", "", "", "encrypted"},
	{"lost, with a recipient", "version alone is set", update, "", "", "", "lost"},

	{"adopted", "refresh", noChange, "", "", "", "adopted"},
	{"adopted", "status changes", update, "", "", "set-status", "adopted"},
	{"adopted", "name changes", replace, "name", "name changes", "delete create set-status", "known"},
	{"adopted", "policy becomes keep", update, "", "", "", "adopted"},
	{"adopted", "policy becomes error", update, "", "", "", "adopted"},
	{"adopted", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "known"},
	{"adopted", "age passes", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"adopted", "rotate_after is longer", update, "", "", "", "adopted"},
	{"adopted", "rotate_after is removed", update, "", "", "", "adopted"},
	{"adopted", "recipient is added", update, "", "", "", "encrypted"},
	{"adopted", "secret is unset", noChange, "", "", "", "adopted"},
	{"adopted", "another secret is set", noChange, "", "", "", "adopted"},
	{"adopted", "another version is set", update, "", "", "", "adopted"},
	{"adopted", "version alone is set", refused, "", "No secret to adopt", "", ""},

	{"adopted, no longer set", "refresh", noChange, "", "", "", "adopted"},
	{"adopted, no longer set", "status changes", update, "", "", "set-status", "adopted"},
	{"adopted, no longer set", "name changes", replace, "name", "name changes", "delete create set-status", "known"},
	{"adopted, no longer set", "policy becomes keep", update, "", "", "", "adopted"},
	{"adopted, no longer set", "policy becomes error", update, "", "", "", "adopted"},
	{"adopted, no longer set", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "known"},
	{"adopted, no longer set", "age passes", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"adopted, no longer set", "rotate_after is longer", update, "", "", "", "adopted"},
	{"adopted, no longer set", "rotate_after is removed", update, "", "", "", "adopted"},
	{"adopted, no longer set", "recipient is added", update, "", "", "", "encrypted"},
	{"adopted, no longer set", "secret is set", noChange, "", "", "", "adopted"},
	{"adopted, no longer set", "another secret is set", noChange, "", "", "", "adopted"},
	{"adopted, no longer set", "another version is set", update, "", "", "", "adopted"},
	{"adopted, no longer set", "version alone is set", refused, "", "No secret to adopt", "", ""},

	{"adopted, encrypted", "refresh", noChange, "", "", "", "encrypted"},
	{"adopted, encrypted", "name changes", replace, "name", "name changes", "delete create set-status", "encrypted"},
	{"adopted, encrypted", "recipient is added", replace, "secret_recipients", "secret_recipients changes", "delete create set-status", "encrypted"},
	{"adopted, encrypted", "secret is unset", noChange, "", "", "", "encrypted"},
	{"adopted, encrypted", "another secret is set", noChange, "", "", "", "encrypted"},
	{"adopted, encrypted", "another version is set", update, "", "", "", "encrypted"},
	{"adopted, encrypted", "version alone is set", refused, "", "No secret to adopt", "", ""},

	{"encrypted", "refresh", noChange, "", "", "", "encrypted"},
	{"encrypted", "status changes", update, "", "", "set-status", "encrypted"},
	{"encrypted", "name changes", replace, "name", "name changes", "delete create set-status", "encrypted"},
	{"encrypted", "policy becomes keep", update, "", "", "", "encrypted"},
	{"encrypted", "policy becomes error", update, "", "", "", "encrypted"},
	{"encrypted", "triggers change", replace, "rotation_triggers", "rotation_triggers changes", "delete create set-status", "encrypted"},
	{"encrypted", "age passes", replace, "secret_status", "rotate_after has passed", "delete create set-status", "encrypted"},
	{"encrypted", "rotate_after is longer", update, "", "", "", "encrypted"},
	{"encrypted", "rotate_after is removed", update, "", "", "", "encrypted"},
	{"encrypted", "recipient is added", replace, "secret_recipients", "secret_recipients changes", "delete create set-status", "encrypted"},
	{"encrypted", "recipient is another", replace, "secret_recipients", "secret_recipients changes", "delete create set-status", "encrypted"},
	{"encrypted", "recipients are removed", replace, "secret_recipients", "secret_recipients changes", "delete create set-status", "known"},
	{"encrypted", "secret is set", noChange, "", "", "", "encrypted"},
	{"encrypted", "another secret is set", noChange, "", "", "", "encrypted"},
	{"encrypted", "another version is set", update, "", "", "", "encrypted"},
	{"encrypted", "version alone is set", update, "", "", "", "encrypted"},

	{"expired", "refresh", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "status changes", replace, "secret_status", "rotate_after has passed", "delete create", "known"},
	{"expired", "name changes", replace, "name secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "policy becomes keep", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "policy becomes error", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "triggers change", replace, "rotation_triggers secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "age passes", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "rotate_after is longer", update, "", "", "", "known"},
	{"expired", "rotate_after is removed", update, "", "", "", "known"},
	{"expired", "recipient is added", replace, "secret_status", "rotate_after has passed", "delete create set-status", "encrypted"},
	{"expired", "secret is set", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "another secret is set", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "another version is set", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"expired", "version alone is set", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},

	{"adopted, then expired", "refresh", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"adopted, then expired", "rotate_after is longer", update, "", "", "", "adopted"},
	{"adopted, then expired", "rotate_after is removed", update, "", "", "", "adopted"},
	{"adopted, then expired", "version alone is set", replace, "secret_status", "rotate_after has passed", "delete create set-status", "known"},
	{"encrypted, then expired", "refresh", replace, "secret_status", "rotate_after has passed", "delete create set-status", "encrypted"},
	{"encrypted, then expired", "rotate_after is longer", update, "", "", "", "encrypted"},
	{"encrypted, then expired", "rotate_after is removed", update, "", "", "", "encrypted"},
	{"encrypted, then expired", "recipients are removed", replace, "secret_recipients secret_status", "rotate_after has passed", "delete create set-status", "known"},
}

// holds returns the secret that the state has after a row.
func (s *simulation) holds(state, event, action string) string {
	if secretStates[state].imported && action == update && strings.HasPrefix(event, "another") {
		return anotherSecret
	}
	return s.only().Secret
}

// secretStates tell how a webhook gets into a state: by import or by the first
// configuration, then by applying each of the others, and at last by age. Every
// configuration has what secretBase has.
var secretStates = map[string]struct {
	imported bool
	configs  []object
	expired  bool
	begins   string // secret_status
}{
	"known":                   {false, []object{{}}, false, "known"},
	"lost":                    {true, []object{{"on_lost_secret": "keep"}}, false, "lost"},
	"lost, with a recipient":  {true, []object{{"on_lost_secret": "keep", "secret_recipients": []string{keyA.recipient}}}, false, "lost"},
	"adopted":                 {true, []object{{"secret_wo": heldSecret, "secret_wo_version": 1}}, false, "adopted"},
	"adopted, no longer set":  {true, []object{{"secret_wo": heldSecret, "secret_wo_version": 1}, {}}, false, "adopted"},
	"adopted, encrypted":      {true, []object{{"secret_wo": heldSecret, "secret_wo_version": 1, "secret_recipients": []string{keyA.recipient}}}, false, "encrypted"},
	"adopted, then expired":   {true, []object{{"secret_wo": heldSecret, "secret_wo_version": 1}, {}}, true, "expired"},
	"encrypted":               {false, []object{{"secret_recipients": []string{keyA.recipient}}}, false, "encrypted"},
	"encrypted, then expired": {false, []object{{"secret_recipients": []string{keyA.recipient}}}, true, "expired"},
	"expired":                 {false, []object{{}}, true, "expired"},
}

var secretBase = object{"on_lost_secret": "replace", "rotate_after": "1h", "rotation_triggers": map[string]string{"generation": "1"}}

// longerThanRotateAfter is an age that secretBase's rotate_after does not
// allow, and the longer one of the events does.
const longerThanRotateAfter = 2 * time.Hour

// secretEvents change a configuration.
var secretEvents = map[string]func(object){
	"refresh":                 func(object) {},
	"status changes":          func(o object) { o["status"] = "inactive" },
	"name changes":            func(o object) { o["name"] = "renamed" },
	"policy becomes keep":     func(o object) { o["on_lost_secret"] = "keep" },
	"policy becomes replace":  func(o object) { o["on_lost_secret"] = "replace" },
	"policy becomes error":    func(o object) { o["on_lost_secret"] = "error" },
	"triggers change":         func(o object) { o["rotation_triggers"] = map[string]string{"generation": "2"} },
	"age passes":              func(object) {},
	"rotate_after is longer":  func(o object) { o["rotate_after"] = "24h" },
	"rotate_after is removed": func(o object) { delete(o, "rotate_after") },
	"recipient is added": func(o object) {
		o["secret_recipients"] = append(recipientsOf(o), keyB.recipient)
	},
	"recipient is another": func(o object) {
		if recipientsOf(o) != nil {
			o["secret_recipients"] = []string{keyB.recipient}
		}
	},
	"recipients are removed": func(o object) { delete(o, "secret_recipients") },
	"secret is set":          func(o object) { o["secret_wo"] = heldSecret },
	"secret is unset": func(o object) {
		delete(o, "secret_wo")
		delete(o, "secret_wo_version")
	},
	"another secret is set":  func(o object) { o["secret_wo"] = anotherSecret },
	"another version is set": func(o object) { o["secret_wo"], o["secret_wo_version"] = anotherSecret, 2 },
	"version alone is set": func(o object) {
		delete(o, "secret_wo")
		o["secret_wo_version"] = 2
	},
}

const (
	heldSecret    = "CANARY-held" // what the server signs with where a webhook is imported
	anotherSecret = "CANARY-another"
)

var keyA, keyB = newAgeKey(), newAgeKey()

func recipientsOf(o object) []string {
	recipients, _ := o["secret_recipients"].([]string)
	return recipients
}

// with returns a copy of an object in which the given ones have changed
// attributes.
func (o object) with(changes ...object) object {
	out := maps.Clone(o)
	for _, change := range changes {
		maps.Copy(out, change)
	}
	return out
}

// after returns the configuration of a state before an event, and the one after
// it.
func configsOf(state, event string) (before, after object) {
	configs := secretStates[state].configs
	before = testWebhook(secretBase).with(configs[len(configs)-1])
	after = before.with()
	secretEvents[event](after)
	return before, after
}

// TestSecret_tableComplete finds a row for every event that changes something
// in each of the states that secret_status names.
func TestSecret_tableComplete(t *testing.T) {
	t.Parallel()
	rows := map[[2]string]int{}
	for _, row := range secretTable {
		rows[[2]string{row.state, row.event}]++
	}
	for state, how := range secretStates {
		for event := range secretEvents {
			before, after := configsOf(state, event)
			matters := event == "refresh" || event == "age passes" || !reflect.DeepEqual(before, after)
			got := rows[[2]string{state, event}]
			if how.expired && state != "expired" || state == "adopted, encrypted" {
				matters = got > 0 // a variant, for what differs from the state it is a variant of
			}
			if matters != (got == 1) {
				t.Errorf("%s, %s: %d rows", state, event, got)
			}
		}
	}
}

// TestSecret_nullTriggers: a trigger that is null is one that is not there.
func TestSecret_nullTriggers(t *testing.T) {
	t.Parallel()
	triggers := func(values map[string]attr.Value) types.Map { return types.MapValueMust(types.StringType, values) }
	one, null := types.StringValue("1"), types.StringNull()
	for name, tc := range map[string]struct {
		a, b types.Map
		same bool
	}{
		"null beside one":  {triggers(map[string]attr.Value{"a": one, "b": null}), triggers(map[string]attr.Value{"a": one}), true},
		"only null":        {triggers(map[string]attr.Value{"a": null}), types.MapNull(types.StringType), true},
		"null, then a one": {triggers(map[string]attr.Value{"a": null}), triggers(map[string]attr.Value{"a": one}), false},
		"another key":      {triggers(map[string]attr.Value{"a": one}), triggers(map[string]attr.Value{"b": one}), false},
	} {
		if sameTriggers(tc.a, tc.b) != tc.same || sameTriggers(tc.b, tc.a) != tc.same {
			t.Errorf("%s: want %t both ways", name, tc.same)
		}
	}
}

// secretUnknown is a plan with values that are known only during apply.
// Whatever they turn out to be, core must find the same action and the same
// known values when it plans again.
type secretUnknown struct {
	state    string
	policy   string // on_lost_secret, where it is not the state's
	resolved object // the attributes that are unknown while planning
	action   string
	forcedBy string
	becomes  string
}

var secretUnknowns = map[string]secretUnknown{
	"name, the same":             {"known", "", object{"name": "test"}, replace, "name", "known"},
	"url, the same":              {"known", "", object{"url": "https://hooks.example.com/titanx"}, replace, "url", "known"},
	"url, another":               {"known", "", object{"url": "https://hooks.example.com/other"}, replace, "url", "known"},
	"triggers, the same":         {"known", "", object{"rotation_triggers": map[string]string{"generation": "1"}}, replace, "rotation_triggers", "known"},
	"status, another":            {"known", "", object{"status": "inactive"}, update, "", "known"},
	"status, the same":           {"known", "", object{"status": "active"}, update, "", "known"},
	"policy":                     {"known", "", object{"on_lost_secret": "keep"}, update, "", "known"},
	"policy of a lost one":       {"lost", "", object{"on_lost_secret": "keep"}, refused, "", ""},
	"rotate_after":               {"known", "", object{"rotate_after": "24h"}, update, "", "known"},
	"rotate_after, expired":      {"expired", "", object{"rotate_after": "1h"}, replace, "secret_status", "known"},
	"rotate_after, now longer":   {"expired", "", object{"rotate_after": "24h"}, replace, "secret_status", "known"},
	"recipients, some":           {"known", "", object{"secret_recipients": []string{keyA.recipient}}, update, "", "encrypted"},
	"recipients, none":           {"known", "", object{"secret_recipients": nil}, update, "", "known"},
	"recipients, adopted":        {"adopted, no longer set", "", object{"secret_recipients": nil}, update, "", "adopted"},
	"recipients, encrypted":      {"encrypted", "", object{"secret_recipients": []string{keyA.recipient}}, replace, "secret_recipients", "encrypted"},
	"recipients, then none":      {"encrypted", "", object{"secret_recipients": nil}, replace, "secret_recipients", "known"},
	"recipients, kept lost":      {"lost", "", object{"secret_recipients": []string{keyA.recipient}}, update, "", "lost"},
	"recipients, lost":           {"lost", "replace", object{"secret_recipients": []string{keyA.recipient}}, replace, "encrypted_secret", "encrypted"},
	"recipients, lost, and none": {"lost", "replace", object{"secret_recipients": nil}, replace, "encrypted_secret", "known"},
	"recipients and a secret":    {"adopted", "", object{"secret_recipients": nil}, update, "", "adopted"},
	"secret of a lost one":       {"lost", "replace", object{"secret_wo": heldSecret}, update, "", "adopted"},
	"secret of a kept one":       {"lost", "keep", object{"secret_wo": heldSecret}, update, "", "adopted"},
	"secret and recipients":      {"lost", "replace", object{"secret_wo": heldSecret, "secret_recipients": []string{keyA.recipient}}, update, "", "encrypted"},
	"secret and no recipients":   {"lost", "replace", object{"secret_wo": heldSecret, "secret_recipients": nil}, update, "", "adopted"},
	"secret, the known one":      {"known", "", object{"secret_wo": heldSecret}, noChange, "", "known"},
	"secret, none":               {"known", "", object{"secret_wo": nil}, noChange, "", "known"},
	"secret of an encrypted one": {"encrypted", "", object{"secret_wo": heldSecret}, noChange, "", "encrypted"},
	"version":                    {"adopted", "", object{"secret_wo_version": 2}, update, "", "adopted"},
	"version, the same":          {"adopted", "", object{"secret_wo_version": 1}, update, "", "adopted"},
	"everything": {"known", "", object{"name": "renamed", "url": "https://hooks.example.com/other", "secret_recipients": []string{keyA.recipient},
		"rotate_after": "24h", "on_lost_secret": "keep", "status": "inactive"}, replace, "name url", "encrypted"},
}

// config is what is known while planning, and what the unknown values take the
// place of.
func (u secretUnknown) config() object {
	config, _ := configsOf(u.state, "refresh")
	if u.policy != "" {
		config["on_lost_secret"] = u.policy
	}
	return config
}
