// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// What must hold after a random history (history_protocol_test.go).

package provider

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// maxRecovery is how many applies without faults a history may need. Between
// them the user does what the provider says.
const maxRecovery = 6

// recover ends all faults, waits for what is still under way, and applies until
// nothing is left to do. Where lists lag behind by their number, it looks once
// more.
func (w *world) recover() {
	w.ClearFaults()
	w.net.clearDetours()
	time.Sleep(25 * time.Minute)
	w.tracef("recovery")
	for n := range maxRecovery {
		done := n > 0 || !strings.Contains(w.history.Dialect, "list-lag")
		for _, ws := range w.spaces {
			well, nothing := ws.run(run{Space: ws.number, What: "apply"})
			done = done && well && nothing
			w.obey(ws)
		}
		time.Sleep(2 * time.Minute) // more than any list lags
		if done {
			return
		}
	}
	for _, ws := range w.spaces {
		if well, _ := ws.run(run{Space: ws.number, What: "plan"}); !well {
			w.violate(fmt.Sprintf("workspace %d does not recover: %v", ws.number, summaries(ws.said)))
		}
	}
}

// obey does what diagnostics ask a user to do: it deletes what they name and
// nobody uses, and forgets what cannot be told apart from what others use.
func (w *world) obey(ws *workspace) {
	for _, there := range w.Webhooks(simUser) {
		if !w.used(there.ID) && strings.Contains(diagnosticText(ws), there.ID) {
			w.tracef("person: delete %s, as told", there.ID)
			w.Remove(simUser, there.ID)
			return // one at a time: they may be right about the others
		}
	}
	for _, s := range ws.slots {
		pending := isPendingID(s.id(w.t)) || slices.ContainsFunc(s.deposed, func(i instance) bool { return isPendingID(i.text(w.t, "id")) })
		if pending && has(ws.said, isError, "", "remove this resource from the state") {
			w.tracef("person: state rm %d.%d", ws.number, s.number)
			if s.state.exists() {
				w.personal[s.id(w.t)] = true // to import; here it stays as it is
			}
			s.state, s.tainted, s.deposed = instance{}, false, nil
		}
	}
}

func diagnosticText(ws *workspace) string {
	var b strings.Builder
	for _, d := range ws.said {
		b.WriteString(d.Summary + "\n" + d.Detail + "\n")
	}
	return b.String()
}

// used reports whether a state has a webhook or a person uses it.
func (w *world) used(id string) bool {
	if w.personal[id] {
		return true
	}
	for _, ws := range w.spaces {
		for _, s := range ws.slots {
			if s.id(w.t) == id || slices.ContainsFunc(s.deposed, func(i instance) bool { return i.text(w.t, "id") == id }) {
				return true
			}
		}
	}
	return false
}

// check asserts what must hold after every history.
func (w *world) check() {
	there := map[string]titanxsim.Webhook{}
	for _, webhook := range w.Webhooks(simUser) {
		there[webhook.ID] = webhook
	}
	for _, ws := range w.spaces {
		for _, s := range ws.slots {
			w.checkSlot(ws, s, there)
		}
	}
	for id, webhook := range there {
		if !w.used(id) && !strings.Contains(w.said.String(), id) && !w.nextPlanNames(webhook) {
			w.violate("nobody named " + id)
		}
	}
	w.checkDeleted()
	w.checkLeaks()
}

// checkSlot asserts that a resource is what its configuration says.
func (w *world) checkSlot(ws *workspace, s *slot, there map[string]titanxsim.Webhook) {
	at := fmt.Sprintf("resource %d.%d", ws.number, s.number)
	id := s.id(w.t)
	webhook, exists := there[id]
	switch {
	case s.config == nil && id != "":
		w.violate(at + " was not destroyed")
		return
	case s.config == nil:
		return
	case !exists:
		w.violate(at + " does not exist at TitanX")
		return
	case s.tainted, len(s.deposed) > 0:
		w.violate(at + " is tainted, or has a deposed object")
	}
	status, _ := s.config["status"].(string)
	if status == "" {
		status = "active"
	}
	dialect, _ := titanxsim.ParseDialect(w.history.Dialect)
	asked := titanxsim.Webhook{Name: s.config["name"].(string), URL: s.config["url"].(string), EventTypes: s.config["event_types"].([]string)}
	if form := dialect.Form(asked); webhook.Status != status || webhook.Name != asked.Name && webhook.Name != form.Name ||
		!titanx.SameURL(webhook.URL, asked.URL) && !titanx.SameURL(webhook.URL, form.URL) && dialect.ListForm == "" ||
		!sameEvents(webhook.EventTypes, asked.EventTypes) && !sameEvents(webhook.EventTypes, form.EventTypes) {
		w.violate(fmt.Sprintf("%s is %s %s %v %s at TitanX, configured is %v", at, webhook.Name, webhook.URL, webhook.EventTypes, webhook.Status, s.config))
	}
	secret := s.state.text(w.t, "secret")
	if encrypted := s.state.text(w.t, "encrypted_secret"); encrypted != "" {
		secret = decrypted(encrypted)
	}
	if s.config["secret_recipients"] != nil && s.state.text(w.t, "secret") != "" {
		w.violate(at + ": the state has the secret in plain text, in spite of secret_recipients")
	}
	if secret != webhook.Secret && (secret != "" || !s.lost) {
		w.violate(at + ": the secret in the state is not TitanX's")
	}
}

func sameEvents(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func decrypted(text string) string {
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), historyIdentity())
	if err != nil {
		return "undecipherable: " + err.Error()
	}
	secret, _ := io.ReadAll(plain)
	return string(secret)
}

// nextPlanNames reports whether a webhook that a killed provider left, or that
// came after a state forgot its create, is named by the next plan of its
// create. A delete that forgets a create says so.
func (w *world) nextPlanNames(webhook titanxsim.Webhook) bool {
	forgot := w.forgot || strings.Contains(w.said.String(), "may still take effect")
	if !forgot && !slices.ContainsFunc(w.processes, (*process).wasKilled) {
		return false
	}
	ws := w.spaces[0]
	s := &slot{config: object{"name": webhook.Name, "url": webhook.URL, "event_types": webhook.EventTypes}}
	p := ws.start(run{}, &requestCount{}, false)
	if p == nil {
		return false
	}
	defer p.cancel()
	ws.said = nil
	plan := ws.plan(p, s, run{What: "plan"})
	return !plan.failed && strings.Contains(diagnosticText(ws), webhook.ID)
}

// checkDeleted asserts that nobody deleted an active webhook of somebody else.
func (w *world) checkDeleted() {
	for _, webhook := range w.Deleted(simUser) {
		if webhook.Status != "active" {
			continue
		}
		for _, r := range w.Requests(titanxsim.CallDelete) {
			if !strings.HasSuffix(r.Path, "/"+webhook.ID) {
				continue
			}
			for _, ws := range w.spaces {
				if r.Header.Get("X-Space") == fmt.Sprint(ws.number) && !ws.owns(webhook.ID) {
					w.violate(fmt.Sprintf("workspace %d deleted %s, which is active and not its own", ws.number, webhook.ID))
				}
			}
		}
	}
}

// checkCause asserts that a replacement has a cause in the configuration.
func (ws *workspace) checkCause(s *slot, plan slotPlan, c change) {
	for _, attribute := range c.replace {
		var cause bool
		switch attribute {
		case "secret", "encrypted_secret":
			cause = s.lost || s.imports != ""
		case "secret_status":
			created, err := time.Parse(time.RFC3339, plan.state.text(ws.w.t, "created_at"))
			cause = err == nil && plan.config["rotate_after"] != nil && ws.w.serverNow().Sub(created) >= 2*time.Hour-time.Minute
		default:
			cause = s.imports != "" || !reflect.DeepEqual(s.applied[attribute], plan.config[attribute])
		}
		if !cause {
			ws.w.violate(fmt.Sprintf("resource %d.%d is replaced because of %s, without a cause", ws.number, s.number, attribute))
		}
	}
}

// checkDuplicates asserts that a plan names what it would duplicate.
func (ws *workspace) checkDuplicates(before []titanxsim.Webhook, plans []slotPlan) {
	said := diagnosticText(ws)
	if strings.Contains(ws.w.history.Dialect, "list-lag") || strings.Contains(ws.w.history.Dialect, "list-form") || strings.Contains(ws.w.history.Dialect, "list-delay") || strings.Contains(said, "the provider could not look for duplicates") || strings.Contains(said, "Unable to look for duplicates") {
		return
	}
	after := ws.w.Webhooks(simUser)
	for _, plan := range plans {
		if plan.config == nil || plan.state.exists() {
			continue
		}
		for _, webhook := range before {
			stays := slices.ContainsFunc(after, func(o titanxsim.Webhook) bool { return o.ID == webhook.ID })
			leaves := slices.ContainsFunc(plans, func(p slotPlan) bool {
				return p.state.exists() && p.state.text(ws.w.t, "id") == webhook.ID && (p.config == nil || p.replace)
			})
			equal := titanx.SameURL(webhook.URL, plan.config["url"].(string)) && slices.Equal(slices.Sorted(slices.Values(webhook.EventTypes)), plan.config["event_types"].([]string))
			if equal && stays && !leaves && !strings.Contains(said, webhook.ID) {
				ws.w.violate(fmt.Sprintf("the plan of workspace %d does not name %s, which it duplicates", ws.number, webhook.ID))
			}
		}
	}
}

// checkLeaks asserts that no text holds the key, a secret or a url's token.
func (w *world) checkLeaks() {
	canaries := []string{w.apiKey, "CANARY-path", "CANARY-token"}
	for _, webhook := range append(w.Webhooks(simUser), w.Deleted(simUser)...) {
		canaries = append(canaries, webhook.Secret)
	}
	for where, text := range map[string]string{"diagnostics": w.said.String(), "log": w.log.String()} {
		for _, canary := range canaries {
			if strings.Contains(text, canary) {
				w.violate("the API key, a secret or a token is in the " + where)
			}
		}
	}
}
