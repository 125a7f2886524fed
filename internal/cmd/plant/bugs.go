// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

// bugs has one bug for each kind that was found in this provider, or in others
// like it.
var bugs = []bug{
	{
		"blind-resend", "a create without an answer is sent again at once",
		"internal/titanx/send.go",
		"again := failed.outcome == unsent || !what.nonIdempotent && failed.outcome >= uncertain",
		"again := failed.outcome == unsent || failed.outcome >= uncertain",
	},
	{
		"deletes-active", "an active webhook counts as an orphan",
		"internal/titanx/orphan.go",
		"case e.Found.Status != StatusInactive, e.EarlierRun && create.Contested:",
		"case e.EarlierRun && create.Contested:",
	},
	{
		"deletes-claimed", "a webhook that this run was answered with counts as an orphan",
		"internal/titanx/orphan.go",
		"e.Claimed || slices.Contains(create.Known, e.Found.ID) {",
		"slices.Contains(create.Known, e.Found.ID) && !e.Claimed {",
	},
	{
		"forgets-uncertain", "a create that was sent again is not remembered",
		"internal/provider/webhook_resource.go",
		"if remembered := slices.Concat(carried, created.Uncertain); len(remembered) > 0 {",
		"if remembered := slices.Concat(carried); len(remembered) > 0 {",
	},
	{
		"forgets-pending", "a pending create loses its record",
		"internal/provider/webhook_pending.go",
		"record := pending{Creates: creates, Nonce: rand.Text()}",
		"record := pending{Creates: creates[:0], Nonce: rand.Text()}",
	},
	{
		"local-clock", "the time of a create is taken from this machine's clock",
		"internal/titanx/create.go",
		"create.Sent, create.GaveUp = sent.UTC(), ended.UTC()",
		"create.Sent, create.GaveUp = at.sent.UTC().Add(0*ended.Sub(sent)), at.ended.UTC()",
	},
	{
		"one-list", "a webhook that one list lacks is gone",
		"internal/titanx/gone.go",
		"if errors.Is(err, ErrNotFound) {\n\t\tw, err = c.confirm(ctx, id)\n\t}",
		"",
	},
	{
		"first-page", "only the first page of a list is read",
		"internal/titanx/paging.go",
		"case p.next == nil:",
		"case p.next == nil || len(seen) > 0:",
	},
	{
		"trusts-404", "a 404 of a delete is believed without a list",
		"internal/titanx/webhooks.go",
		"_, listErr := c.lookup(ctx, id, time.Now())",
		"listErr := ErrNotFound",
	},
	{
		"read-clears-secret", "a response without a name clears the secret",
		"internal/provider/webhook_model.go",
		"	if w.Name != \"\" {\n\t\tm.Name = types.StringValue(w.Name)\n\t}",
		"	if w.Name != \"\" {\n\t\tm.Name = types.StringValue(w.Name)\n\t} else {\n" +
			"\t\tm.Secret = types.StringNull()\n\t}",
	},
	{
		"taints", "a failed activation is an error, which taints the webhook",
		"internal/provider/webhook_resource.go",
		"	if created.StatusErr != nil {\n\t\tdiags.",
		"	if created.StatusErr != nil {\n\t\tdiags.AddError(\"Unable to activate\", \"\")\n\t\tdiags.",
	},
	{
		"plain-secret", "a secret for recipients is stored in plain text",
		"internal/provider/webhook_secret.go",
		"if len(recipients) == 0 {\n\t\tm.Secret",
		"if len(recipients) < 2 {\n\t\tm.Secret",
	},
	{
		"leaks-key", "what a server says is shown as it is",
		"internal/titanx/redact.go",
		"looksSecret.ReplaceAllString(r.withoutSecrets(text), \"(redacted)\")",
		"text",
	},
	{
		"leaks-token", "a url is shown with its path and query",
		"internal/provider/diagnostics.go",
		"	return u.Host\n",
		"	return text\n",
	},
	{
		"no-duplicates", "an inactive webhook counts as no duplicate",
		"internal/titanx/inventory.go",
		"return e.address == address ||",
		"return e.address == address && e.Status != StatusInactive ||",
	},
	{
		"never-ends", "an uncertain create is tried again without an end",
		"internal/titanx/create.go",
		"const maxUncertain = 3",
		"const maxUncertain = 300",
	},
	{
		"rotates-alone", "a webhook with two events is replaced by each plan",
		"internal/provider/webhook_secret.go",
		"if !has.IsNull() && !wanted.Equal(has) &&",
		"if !has.IsNull() && (!wanted.Equal(has) || len(c.plan.EventTypes.Elements()) > 1) &&",
	},
	{
		"forms-drift", "a value in the server's own form is a change",
		"internal/provider/webhook_resource.go",
		"found, learned := forms.undo(found)",
		"_, learned := forms.undo(found)",
	},
	{
		"short-uncertain", "the short answer does not look for an orphan",
		"internal/provider/webhook_unchanged.go",
		"if !conn.marked(private[seenByKey]) || private[uncertainKey] != nil {",
		"if !conn.marked(private[seenByKey]) {",
	},
}

// tableBugs are in the two files whose rules are pure. The tables find them.
var tableBugs = []bug{
	{
		"lost-expires", "a lost secret expires",
		"internal/provider/webhook_secret.go",
		"if !m.lost() && m.expired(now) {",
		"if m.expired(now) {",
	},
	{
		"adopted-known", "an adopted secret counts as issued by TitanX",
		"internal/provider/webhook_secret.go",
		"	case adopted:\n\t\treturn types.StringValue(secretAdopted)\n",
		"",
	},
	{
		"version-stays", "a second adoption may have the version of the first",
		"internal/provider/webhook_secret.go",
		"before.ValueInt64()+1",
		"before.ValueInt64()",
	},
	{
		"null-trigger", "a trigger that is null counts",
		"internal/provider/webhook_secret.go",
		"if !value.IsNull() && (!ok || !value.Equal(other)) {",
		"if !ok || !value.Equal(other) {",
	},
	{
		"re-encrypts", "other recipients need no new secret",
		"internal/provider/webhook_secret.go",
		"case !c.state.EncryptedSecret.IsNull():",
		"case c.state.EncryptedSecret.IsUnknown():",
	},
	{
		"rotates-lost", "age replaces a webhook whose secret is lost",
		"internal/provider/webhook_secret.go",
		"if c.state.SecretStatus.ValueString() != secretExpired || c.state.lost() {",
		"if c.state.SecretStatus.ValueString() != secretExpired && !c.state.lost() {",
	},
	{
		"rotates-kept", "the age that passed counts for another rotate_after, too",
		"internal/provider/webhook_secret.go",
		"if c.plan.RotateAfter.IsUnknown() || c.plan.RotateAfter.Equal(c.state.RotateAfter) {",
		"if true {",
	},
	{
		"ignores-error", "on_lost_secret = error plans",
		"internal/provider/webhook_secret.go",
		"case policy == onLostError:",
		"case policy == onLostError && c.applying:",
	},
	{
		"withdrawn-secret", "a secret_wo that turns out null replaces the webhook",
		"internal/provider/webhook_secret.go",
		"case policy == onLostReplace && c.applying:",
		"case policy == onLostError && c.applying:",
	},
	{
		"forces-null", "the forcing attribute is null before and after",
		"internal/provider/webhook_secret.go",
		"if c.plan.SecretRecipients.IsNull() {\n\t\t\tc.force",
		"if c.plan.Secret.IsNull() {\n\t\t\tc.force",
	},
	{
		"short-diagnostics", "the short answer drops what a rule says",
		"internal/provider/webhook_unchanged.go",
		"if len(diags) > 0 || !planned.equal(state) {",
		"if !planned.equal(state) {",
	},
	{
		"short-other-key", "the short answer does not look at the API key",
		"internal/provider/webhook_unchanged.go",
		"if !conn.marked(private[seenByKey]) || private[uncertainKey] != nil {",
		"if private[uncertainKey] != nil {",
	},
	{
		"short-proposed", "the short answer plans without the proposed state",
		"internal/provider/webhook_unchanged.go",
		"if !known || !wanted || !given || !proposed.equal(state) {",
		"if !known || !wanted || !given {",
	},
}
