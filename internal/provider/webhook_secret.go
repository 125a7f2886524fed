// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// What is known of a webhook's signing secret (secret_status).
const (
	secretKnown     = "known"     // TitanX issued it, and the state has it
	secretAdopted   = "adopted"   // the configuration had it, in secret_wo
	secretEncrypted = "encrypted" // only encrypted_secret is stored
	secretExpired   = "expired"   // the state has it, and rotate_after had passed at the last refresh
	secretLost      = "lost"      // the state does not have it
)

// What a plan does when the secret is lost (on_lost_secret).
const (
	onLostReplace = "replace"
	onLostKeep    = "keep"
	onLostError   = "error"
)

// clock is what rotate_after is measured by until TitanX's own time is known.
// Only Read looks at it: core plans again during apply, and a plan that looked
// at the clock could then disagree with itself.
type clock func() time.Time

// secretStatus returns secret_status at a time.
func (m webhookResourceModel) secretStatus(now time.Time, adopted bool) types.String {
	if !m.lost() && m.expired(now) {
		return types.StringValue(secretExpired)
	}
	return m.possession(adopted)
}

// possession returns secret_status without regard to age.
func (m webhookResourceModel) possession(adopted bool) types.String {
	switch {
	case m.lost():
		return types.StringValue(secretLost)
	case m.Secret.IsNull():
		return types.StringValue(secretEncrypted)
	case adopted:
		return types.StringValue(secretAdopted)
	}
	return types.StringValue(secretKnown)
}

// lost reports whether the state does not have the secret.
func (m webhookResourceModel) lost() bool { return m.Secret.IsNull() && m.EncryptedSecret.IsNull() }

// wasAdopted reports whether the state's secret came from secret_wo.
func (m webhookResourceModel) wasAdopted(mark []byte) bool {
	return mark != nil || m.SecretStatus.ValueString() == secretAdopted
}

// setIssued sets secret_version to the time at which TitanX issued the secret.
func (m *webhookResourceModel) setIssued(now time.Time) {
	if created, err := time.Parse(time.RFC3339, m.CreatedAt.ValueString()); err == nil {
		now = created
	}
	m.SecretVersion = types.Int64Value(now.Unix())
	if m.lost() {
		m.SecretVersion = types.Int64Null()
	}
}

// setAdopted sets secret_version to the time of an adoption. It is always
// greater than before.
func (m *webhookResourceModel) setAdopted(now time.Time, before types.Int64) {
	m.SecretVersion = types.Int64Value(max(now.Unix(), before.ValueInt64()+1))
}

func (m webhookResourceModel) expired(now time.Time) bool {
	due, ok := m.due()
	return ok && now.After(due)
}

// due returns when rotate_after passes. It is not ok if that is not known.
func (m webhookResourceModel) due() (at time.Time, ok bool) {
	created, err := time.Parse(time.RFC3339, m.CreatedAt.ValueString())
	limit := durationOf(m.RotateAfter)
	return created.Add(limit), err == nil && limit > 0
}

// keepSecret stores a secret: encrypted if there are recipients, and else as it
// is. An empty secret is lost.
func (m *webhookResourceModel) keepSecret(secret string, recipients []age.Recipient) error {
	m.Secret, m.EncryptedSecret = types.StringNull(), types.StringNull()
	if secret == "" {
		return nil
	}
	if len(recipients) == 0 {
		m.Secret = types.StringValue(secret)
		return nil
	}
	encrypted, err := encryptTo(recipients, secret)
	if err != nil {
		return fmt.Errorf("encrypt the signing secret: %w", err)
	}
	m.EncryptedSecret = types.StringValue(encrypted)
	return nil
}

// recipients parses secret_recipients.
func (m webhookResourceModel) recipients(diags *diag.Diagnostics) []age.Recipient {
	var out []age.Recipient
	for _, element := range m.SecretRecipients.Elements() {
		text, ok := element.(types.String)
		if !ok {
			continue
		}
		recipient, err := parseRecipient(text.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root("secret_recipients"), "Invalid recipient", sentence(err.Error()))
			continue
		}
		out = append(out, recipient)
	}
	return out
}

// planCreate plans a new webhook: whatever TitanX decides is unknown. A webhook
// that replaces another may still have secret_wo.
func planCreate(config webhookResourceModel, plan *webhookResourceModel, replaces bool, diags *diag.Diagnostics) {
	if !replaces && !config.SecretWO.IsNull() && !config.SecretWO.IsUnknown() {
		diags.AddAttributeWarning(path.Root("secret_wo"),
			fmt.Sprintf("secret_wo has no effect on the new webhook %q", config.Name.ValueString()),
			"TitanX issues the signing secret of a new webhook, and does not accept one. "+
				"secret_wo is only for imported webhooks: remove it here.")
	}
	plan.setDefaults(config)
	plan.unknownComputed()
}

// unknownComputed plans what a new webhook brings. With recipients, the plain
// secret is planned as null: it is never stored.
func (m *webhookResourceModel) unknownComputed() {
	m.ID, m.CreatedAt, m.SecretVersion = types.StringUnknown(), types.StringUnknown(), types.Int64Unknown()
	m.unknownSecret()
}

// unknownSecret plans another secret.
func (m *webhookResourceModel) unknownSecret() {
	m.Secret, m.EncryptedSecret, m.SecretStatus = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	switch {
	case m.SecretRecipients.IsNull():
		m.EncryptedSecret = types.StringNull()
	case !m.SecretRecipients.IsUnknown():
		m.Secret = types.StringNull()
	}
}

// webhookChange plans the change of a webhook that exists. It is pure: no
// clock, no API.
type webhookChange struct {
	config, state webhookResourceModel
	imported      bool // the webhook came by import, and has not been applied since
	adopted       bool // the state's secret came from secret_wo
	applying      bool // core plans once more while it applies
	unread        bool // no refresh of this run has checked the age
	now           time.Time
	forms         serverForms
	plan          *webhookResourceModel
	diags         *diag.Diagnostics
	replace       path.Paths // the attributes that force a replacement
	reasons       []string   // why they do
	lost          bool       // the lost secret is why the webhook is replaced
}

// run decides between no change, an in-place change and a replacement.
func (c *webhookChange) run() {
	c.plan.setDefaults(c.config)
	c.keepComputed()
	if isPending(c.state.ID) {
		c.pending()
		return
	}
	c.compareArguments()
	c.serviceStatus()
	c.recipients()
	c.rotation()
	c.adoption()
	c.lostSecret()
	switch {
	case c.diags.HasError():
	case len(c.replace) > 0:
		c.replacement()
	default:
		c.warnTriggers()
		c.warnAge()
	}
}

// newChange returns the change of a webhook that exists, not yet planned.
func newChange(
	conn *connection, local clock, private func(key string) []byte, config, state webhookResourceModel,
	plan *webhookResourceModel, diags *diag.Diagnostics,
) webhookChange {
	_, refreshed := conn.refreshed.Load(state.ID.ValueString())
	return webhookChange{
		config: config, state: state, plan: plan, diags: diags,
		imported: isImported(private(importedKey)), adopted: state.wasAdopted(private(adoptedKey)),
		unread: !refreshed, now: conn.now(local), forms: decodeForms(private(formsKey)),
	}
}

// pending replaces the placeholder of an uncertain create, whatever the policy:
// somebody has untainted it.
func (c *webhookChange) pending() {
	c.force("id", "the outcome of its create is uncertain")
	c.plan.unknownComputed()
	warnPending(c.diags, *c.plan)
}

// keepComputed plans that nothing changes which TitanX alone decides.
func (c *webhookChange) keepComputed() {
	c.plan.ID, c.plan.CreatedAt = c.state.ID, c.state.CreatedAt
	c.plan.Secret, c.plan.EncryptedSecret, c.plan.SecretStatus = c.state.Secret, c.state.EncryptedSecret,
		c.state.SecretStatus
	c.plan.SecretVersion = c.state.SecretVersion
	if c.config.SecretWOVersion.IsNull() {
		c.plan.SecretWOVersion = c.state.SecretWOVersion
	}
}

// compareArguments finds changes of what TitanX cannot change in place. What
// the state does not know (after an import from an answer that did not say it)
// is filled in without a request.
func (c *webhookChange) compareArguments() {
	if !c.plan.URL.IsUnknown() && !c.state.URL.IsNull() &&
		titanx.SameURL(c.state.URL.ValueString(), c.plan.URL.ValueString()) {
		c.plan.URL = c.state.URL
	}
	for _, rule := range formRules {
		has, wanted := rule.value(c.state), rule.value(*c.plan)
		if !has.IsNull() && !wanted.Equal(has) && !c.forms.takes(rule, c.state, *c.plan) {
			c.force(rule.attribute, rule.attribute+" changes, which TitanX cannot do in place"+
				rule.advice(c.state, *c.plan))
		}
	}
	if !c.firstTriggers() && !sameTriggers(c.state.RotationTriggers, c.plan.RotationTriggers) {
		c.force("rotation_triggers", "rotation_triggers changes")
	}
}

// serviceStatus warns of a change of a status that only TitanX sets.
func (c *webhookChange) serviceStatus() {
	was, want := c.state.Status.ValueString(), c.plan.Status
	if was == "" || was == titanx.StatusActive || was == titanx.StatusInactive || want.Equal(c.state.Status) ||
		len(c.replace) > 0 {
		return
	}
	c.diags.AddAttributeWarning(path.Root("status"), fmt.Sprintf("Webhook %q is %s", c.state.Name.ValueString(), was),
		fmt.Sprintf("TitanX set the status %q, which no request can set. "+
			"The plan changes it, but TitanX may refuse. Find the reason at TitanX first.", was))
}

// force plans a replacement for an attribute.
func (c *webhookChange) force(attribute, why string) {
	c.replace = append(c.replace, path.Root(attribute))
	c.reasons = append(c.reasons, why)
}

// firstTriggers reports whether the webhook was imported, and its first
// rotation_triggers are only to be recorded.
func (c *webhookChange) firstTriggers() bool { return c.imported && c.state.RotationTriggers.IsNull() }

func (c *webhookChange) warnTriggers() {
	if c.firstTriggers() && !c.plan.RotationTriggers.IsNull() && !c.applying {
		c.diags.AddAttributeWarning(path.Root("rotation_triggers"),
			fmt.Sprintf("rotation_triggers of webhook %q recorded, not rotated", c.plan.Name.ValueString()),
			"The first rotation_triggers after an import are recorded, and the webhook keeps its secret. "+
				"The next change of them replaces the webhook.")
	}
}

// warnAge warns of an age that no refresh has checked. It changes nothing: only
// Read may act on the clock.
func (c *webhookChange) warnAge() {
	due, ok := c.plan.due()
	if !ok || !c.unread || c.applying || c.plan.lost() {
		return
	}
	name, at := c.plan.Name.ValueString(), due.Format(time.RFC3339)
	switch {
	case c.now.After(due):
		c.diags.AddAttributeWarning(path.Root("rotate_after"),
			fmt.Sprintf("rotate_after of webhook %q has passed", name),
			"It passed at "+at+", and this plan was made without a refresh of the webhook. "+
				"The next plan with a refresh replaces it.")
	case c.now.After(due.Add(-min(durationOf(c.plan.RotateAfter)/10, 7*24*time.Hour))):
		c.diags.AddAttributeWarning(path.Root("rotate_after"),
			fmt.Sprintf("rotate_after of webhook %q passes soon", name),
			"It passes at "+at+". The first plan with a refresh after that replaces the webhook. "+
				"This plan was made without one.")
	}
}

// sameTriggers reports whether two rotation_triggers are equal. A key with a
// null value does not count.
func sameTriggers(a, b types.Map) bool {
	if a.IsUnknown() || b.IsUnknown() {
		return false
	}
	for _, side := range [][2]types.Map{{a, b}, {b, a}} {
		others := side[1].Elements()
		for key, value := range side[0].Elements() {
			other, ok := others[key]
			if !value.IsNull() && (!ok || !value.Equal(other)) {
				return false
			}
		}
	}
	return true
}

// recipients encrypts a plain secret in place; what was encrypted to some
// cannot be encrypted to others, so that replaces.
func (c *webhookChange) recipients() {
	if !c.plan.SecretRecipients.IsUnknown() && sameKeys(c.plan.SecretRecipients, c.state.SecretRecipients) {
		c.plan.SecretRecipients = c.state.SecretRecipients
		return
	}
	switch {
	case !c.state.EncryptedSecret.IsNull():
		c.force("secret_recipients",
			"secret_recipients changes, and the provider cannot encrypt a stored secret to other recipients")
	case c.state.Secret.IsNull():
	case c.plan.SecretRecipients.IsUnknown():
		c.plan.unknownSecret()
	case !c.plan.SecretRecipients.IsNull():
		c.plan.Secret, c.plan.EncryptedSecret, c.plan.SecretStatus = types.StringNull(), types.StringUnknown(),
			types.StringValue(secretEncrypted)
	}
}

// rotation replaces a webhook whose last refresh found rotate_after passed.
// Another rotate_after is checked again by the apply; an unknown one may turn
// out to be the same, and core refuses an apply that replaces where the plan
// did not.
func (c *webhookChange) rotation() {
	if !c.plan.RotateAfter.IsNull() && c.state.CreatedAt.IsNull() {
		c.diags.AddAttributeWarning(path.Root("rotate_after"),
			fmt.Sprintf("Age of webhook %q unknown", c.plan.Name.ValueString()),
			"TitanX does not return the creation time of this webhook, so rotate_after has no effect on it. "+
				"Use rotation_triggers instead.")
	}
	if c.state.SecretStatus.ValueString() != secretExpired || c.state.lost() {
		return
	}
	if c.plan.RotateAfter.IsUnknown() || c.plan.RotateAfter.Equal(c.state.RotateAfter) {
		c.force("secret_status", "rotate_after has passed")
		return
	}
	c.plan.SecretStatus = types.StringUnknown()
}

// adoption plans to adopt secret_wo where the secret is lost, or once more
// where it was adopted and secret_wo_version changes. Nothing is planned of its
// value: an ephemeral one may differ in the apply.
func (c *webhookChange) adoption() {
	version := c.config.SecretWOVersion
	again := c.adopted && !version.IsNull() && !version.Equal(c.state.SecretWOVersion)
	if len(c.replace) > 0 || !c.state.lost() && !again {
		return
	}
	if !c.config.SecretWO.IsNull() {
		c.plan.SecretVersion = types.Int64Unknown()
		c.plan.unknownSecret()
		if !c.plan.SecretRecipients.IsUnknown() {
			c.plan.SecretStatus = types.StringValue(secretAdopted)
			if !c.plan.SecretRecipients.IsNull() {
				c.plan.SecretStatus = types.StringValue(secretEncrypted)
			}
		}
	} else if again && !version.IsUnknown() {
		c.diags.AddAttributeError(path.Root("secret_wo"), "No secret to adopt",
			"secret_wo_version changes, which adopts the secret in secret_wo again, but secret_wo is null. "+
				"Set secret_wo, or leave secret_wo_version as it was. Nothing was changed.")
	}
}

// lostSecret does what on_lost_secret says, from the plan, so that a changed
// policy takes one apply.
func (c *webhookChange) lostSecret() {
	if len(c.replace) > 0 || !c.plan.lost() {
		return
	}
	at, policy := path.Root("secret"), c.plan.OnLostSecret.ValueString()
	switch {
	case c.plan.OnLostSecret.IsUnknown():
		c.diags.AddAttributeError(path.Root("on_lost_secret"), "Policy for a lost secret unknown",
			"The signing secret of this webhook is lost, and on_lost_secret will be known only after apply. "+
				"Set a value that is known in the plan.")
	case policy == onLostError:
		c.diags.AddAttributeError(at, lostSummary(*c.plan),
			lostSecretText+" on_lost_secret = \"error\" refuses to plan. "+lostSecretAdvice(policy)+
				" To destroy the webhook, use destroy -refresh=false.")
	case policy == onLostReplace && c.applying:
		// What core applies to a webhook that exists is no replacement: the
		// plan adopted a secret.
		c.diags.AddAttributeError(path.Root("secret_wo"), "No secret to adopt",
			"secret_wo was not known when the plan was made, and is null now. Nothing was changed. Plan again: "+
				lostSecretAdvice(policy))
	case policy == onLostReplace:
		c.diags.AddAttributeWarning(at, lostSummary(*c.plan)+": it will be replaced", lostSecretText+
			" The plan replaces the webhook, which issues a new secret: "+
			"receivers reject deliveries until they have it. "+lostSecretAdvice(policy))
		c.lost = true
		if c.plan.SecretRecipients.IsNull() {
			c.force("secret", "its signing secret is lost")
		} else {
			// core replaces only for what changes, and with recipients secret
			// stays null
			c.force("encrypted_secret", "its signing secret is lost")
		}
	}
}

// lostSummary names the webhook: core folds warnings that have one summary.
func lostSummary(m webhookResourceModel) string {
	return fmt.Sprintf("Signing secret of webhook %q lost", m.Name.ValueString())
}

const lostSecretText = "TitanX shows a signing secret once, when it creates the webhook, and the state does " +
	"not have it: the webhook was imported, or the response was lost."

// lostSecretAdvice returns what the reader can do about a lost secret under a
// policy.
func lostSecretAdvice(policy string) string {
	advice := "If you still have the secret, set secret_wo to it: the provider adopts it without changing " +
		"the webhook (Terraform 1.11, OpenTofu 1.11). "
	switch policy {
	case onLostKeep:
		return advice + "on_lost_secret is \"keep\", so the webhook is managed without its secret; to get a " +
			"new webhook with a new secret, set it to \"replace\"."
	case onLostReplace:
		return advice + "To manage the webhook without its secret, set on_lost_secret = \"keep\". " +
			"To get a new webhook with a new secret, apply."
	}
	return advice + "To manage the webhook without its secret, set on_lost_secret = \"keep\"; to get a new " +
		"webhook with a new secret, set it to \"replace\"."
}

// replacement plans what a new webhook brings, and says what that means for
// receivers. A lost secret has a warning of its own.
func (c *webhookChange) replacement() {
	c.plan.unknownComputed()
	if !c.lost {
		c.diags.AddAttributeWarning(c.replace[0],
			fmt.Sprintf("Replacing the webhook %q issues a new signing secret", c.state.Name.ValueString()),
			"The webhook is replaced because "+strings.Join(c.reasons, ", and ")+". "+replacementText)
	}
}

const replacementText = "Receivers need the new secret. With create_before_destroy, both secrets are valid " +
	"until the old webhook is deleted; " +
	"without it, events in between are lost."
