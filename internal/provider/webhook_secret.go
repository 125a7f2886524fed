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
	secretAdopted   = "adopted"   // the configuration gave it after an import
	secretEncrypted = "encrypted" // only encrypted_secret is stored
	secretExpired   = "expired"   // rotate_after has passed at the last refresh
	secretLost      = "lost"      // nobody has it
)

// What a plan does when the secret is lost (on_lost_secret).
const (
	onLostReplace = "replace"
	onLostKeep    = "keep"
	onLostError   = "error"
)

// clock is what rotate_after is judged by until TitanX's own time is known.
// Only Read looks at it: core plans again during apply, and a plan that looked
// at the clock could then disagree with itself.
type clock func() time.Time

// secretStatus judges what the state knows of the secret at a time.
func (m webhookResourceModel) secretStatus(now time.Time) types.String {
	if m.expired(now) {
		return types.StringValue(secretExpired)
	}
	return types.StringValue(m.possession())
}

// possession is secret_status without regard to age. What was adopted and has expired since counts as known.
func (m webhookResourceModel) possession() string {
	switch {
	case !m.EncryptedSecret.IsNull():
		return secretEncrypted
	case m.Secret.IsNull():
		return secretLost
	case m.SecretStatus.ValueString() == secretAdopted:
		return secretAdopted
	}
	return secretKnown
}

func (m webhookResourceModel) expired(now time.Time) bool {
	if m.RotateAfter.IsNull() || m.RotateAfter.IsUnknown() {
		return false
	}
	created, err := time.Parse(time.RFC3339, m.CreatedAt.ValueString())
	return err == nil && now.After(created.Add(durationOf(m.RotateAfter)))
}

// keepSecret stores a secret that TitanX has just issued, or one that was in plain text until now: encrypted if there are
// recipients, else as it is. An empty secret is lost.
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
			diags.AddAttributeError(path.Root("secret_recipients").AtSetValue(element), "Invalid recipient", sentence(err.Error()))
			continue
		}
		out = append(out, recipient)
	}
	return out
}

// planCreate is the plan of a webhook that is to be made: everything that TitanX will say is unknown.
func planCreate(config webhookResourceModel, plan *webhookResourceModel, diags *diag.Diagnostics) {
	if !config.Secret.IsNull() {
		diags.AddAttributeError(path.Root("secret"), "Secret set for a new webhook",
			"TitanX issues the signing secret when it makes the webhook, and takes none from outside. Remove the secret argument; "+
				"it is only for adopting the secret of a webhook that was imported. If this webhook is being replaced, its old secret ends with it.")
	}
	plan.setDefaults(config)
	plan.unknownComputed()
}

// unknownComputed plans what a new webhook brings. With recipients, the plain text is planned as null: it is never stored.
func (m *webhookResourceModel) unknownComputed() {
	m.ID, m.CreatedAt = types.StringUnknown(), types.StringUnknown()
	m.Secret, m.EncryptedSecret, m.SecretStatus = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	switch {
	case m.SecretRecipients.IsNull():
		m.EncryptedSecret = types.StringNull()
	case !m.SecretRecipients.IsUnknown():
		m.Secret = types.StringNull()
	}
}

// webhookChange plans the change of a webhook that exists. It is pure: no clock, no API.
type webhookChange struct {
	config, state webhookResourceModel
	imported      bool // the webhook came by import, and has not been applied since
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
	c.compareArguments()
	c.secretArgument()
	c.recipients()
	c.rotation()
	c.lostSecret()
	if len(c.replace) > 0 && !c.diags.HasError() {
		c.replacement()
	}
}

// keepComputed plans that nothing changes which TitanX alone decides.
func (c *webhookChange) keepComputed() {
	c.plan.ID, c.plan.CreatedAt = c.state.ID, c.state.CreatedAt
	c.plan.Secret, c.plan.EncryptedSecret, c.plan.SecretStatus = c.state.Secret, c.state.EncryptedSecret, c.state.SecretStatus
}

// compareArguments finds changes of what TitanX cannot change in place. What the state does not know (after an import from an
// answer that did not say it) is filled in without a request.
func (c *webhookChange) compareArguments() {
	if !c.plan.URL.IsUnknown() && !c.state.URL.IsNull() && titanx.SameURL(c.state.URL.ValueString(), c.plan.URL.ValueString()) {
		c.plan.URL = c.state.URL
	}
	if !c.state.Name.IsNull() && !c.plan.Name.Equal(c.state.Name) {
		c.force("name", "name"+notInPlace)
	}
	if !c.state.URL.IsNull() && !c.plan.URL.Equal(c.state.URL) {
		c.force("url", "url"+notInPlace)
	}
	if !c.state.EventTypes.IsNull() && !c.plan.EventTypes.Equal(c.state.EventTypes) {
		c.force("event_types", "event_types"+notInPlace)
	}
	firstTriggers := c.imported && c.state.RotationTriggers.IsNull()
	if !firstTriggers && !sameTriggers(c.state.RotationTriggers, c.plan.RotationTriggers) {
		c.force("rotation_triggers", "rotation_triggers changes")
	}
}

const notInPlace = " changes, which TitanX cannot do in place"

// force plans a replacement for an attribute.
func (c *webhookChange) force(attribute, why string) {
	c.replace = append(c.replace, path.Root(attribute))
	c.reasons = append(c.reasons, why)
}

// sameTriggers compares rotation_triggers; a key with a null value makes no difference.
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

// secretArgument adopts a secret that the configuration gives, where the state has none.
func (c *webhookChange) secretArgument() {
	given := c.config.Secret
	switch {
	case given.IsNull():
	case !c.plan.SecretRecipients.IsNull(): // unknown, for the validators refuse known ones
		c.diags.AddAttributeError(path.Root("secret"), "Secret set together with secret_recipients",
			"secret_recipients will be known only after apply, and if set, no plain secret is stored. Remove one of the two arguments.")
	case given.Equal(c.state.Secret):
	case !c.state.EncryptedSecret.IsNull():
		c.diags.AddAttributeError(path.Root("secret"), "Secret is known already",
			"The state has the signing secret in encrypted_secret. Remove the secret argument.")
	case c.state.Secret.IsNull():
		c.plan.Secret, c.plan.SecretStatus = given, types.StringValue(secretAdopted)
	case given.IsUnknown():
		c.plan.Secret = given
	default:
		c.diags.AddAttributeError(path.Root("secret"), "Secret differs from the known one",
			"The state has another signing secret than the secret argument gives, and TitanX cannot set one. Remove the argument to keep the known secret. "+
				"To get a new one, change rotation_triggers. If the wrong one was adopted, remove the webhook from the state and import it again.")
	}
}

// recipients encrypts a plain secret in place; what was encrypted to some cannot be encrypted to others, so that replaces.
func (c *webhookChange) recipients() {
	if c.plan.SecretRecipients.Equal(c.state.SecretRecipients) {
		return
	}
	switch {
	case !c.state.EncryptedSecret.IsNull():
		c.force("secret_recipients", "secret_recipients changes, and what is encrypted cannot be encrypted to others")
	case c.state.Secret.IsNull():
	case c.plan.SecretRecipients.IsUnknown():
		c.plan.Secret, c.plan.EncryptedSecret, c.plan.SecretStatus = types.StringUnknown(), types.StringUnknown(), types.StringUnknown()
	case !c.plan.SecretRecipients.IsNull():
		c.plan.Secret, c.plan.EncryptedSecret, c.plan.SecretStatus = types.StringNull(), types.StringUnknown(), types.StringValue(secretEncrypted)
	}
}

// rotation replaces a webhook whose last refresh found rotate_after passed. Another rotate_after is judged anew by the apply; an
// unknown one may turn out to be the same, and core refuses an apply that replaces where the plan did not.
func (c *webhookChange) rotation() {
	if !c.plan.RotateAfter.IsNull() && c.state.CreatedAt.IsNull() {
		c.diags.AddAttributeWarning(path.Root("rotate_after"), "Age of the webhook unknown",
			"TitanX does not say when it made this webhook, so rotate_after has no effect on it. Use rotation_triggers instead.")
	}
	if c.state.SecretStatus.ValueString() != secretExpired {
		return
	}
	if c.plan.RotateAfter.IsUnknown() || c.plan.RotateAfter.Equal(c.state.RotateAfter) {
		c.force("secret_status", "rotate_after has passed")
		return
	}
	c.plan.SecretStatus = types.StringUnknown()
}

// lostSecret does what on_lost_secret says, from the plan, so that a changed policy takes one apply.
func (c *webhookChange) lostSecret() {
	lost := c.plan.Secret.IsNull() && c.plan.EncryptedSecret.IsNull()
	if len(c.replace) > 0 || !lost {
		return
	}
	at := path.Root("secret")
	switch {
	case c.plan.OnLostSecret.IsUnknown():
		c.diags.AddAttributeError(path.Root("on_lost_secret"), "Policy for a lost secret unknown",
			"The signing secret of this webhook is lost, and on_lost_secret will be known only after apply. Give it a value that is known when planning.")
	case c.plan.OnLostSecret.ValueString() == onLostError:
		c.diags.AddAttributeError(at, "Signing secret lost", lostSecretText+" on_lost_secret = \"error\" refuses to plan. "+lostSecretWaysOut)
	case c.plan.OnLostSecret.ValueString() == onLostReplace:
		c.diags.AddAttributeWarning(at, "Signing secret lost: the webhook will be replaced", lostSecretText+
			" The plan replaces the webhook, which issues a new secret: receivers reject deliveries until they have it. "+lostSecretWaysOut)
		c.lost = true
		if c.plan.SecretRecipients.IsNull() {
			c.force("secret", "its signing secret is lost")
		} else {
			c.force("encrypted_secret", "its signing secret is lost") // core replaces only for what changes, and with recipients secret stays null
		}
	}
}

const (
	lostSecretText    = "TitanX shows a signing secret once, when the webhook is made, and the state does not have this one's (it was imported, or the answer got lost)."
	lostSecretWaysOut = "There are three ways out: set secret to the signing secret, if you still have it, and it is adopted without touching the webhook; " +
		"set on_lost_secret = \"keep\" to manage the webhook without its secret; or set on_lost_secret = \"replace\" to get a new webhook with a new secret."
)

// replacement plans what a new webhook brings, and says what that means for receivers. A lost secret has a warning of its own.
func (c *webhookChange) replacement() {
	why := "The webhook is replaced because " + strings.Join(c.reasons, ", and ")
	if !c.config.Secret.IsNull() {
		c.diags.AddAttributeError(path.Root("secret"), "Secret set for a webhook that is to be replaced",
			why+", and its signing secret ends with it. Remove the secret argument: TitanX issues a new one.")
		return
	}
	c.plan.unknownComputed()
	if !c.lost {
		c.diags.AddAttributeWarning(c.replace[0], replacementSummary, why+". "+replacementText)
	}
}

const (
	replacementSummary = "Replacing the webhook issues a new signing secret"
	replacementText    = "Receivers need the new secret. With create_before_destroy, old and new secret are both valid until the old webhook is deleted; " +
		"without it, events between the two are lost."
)
