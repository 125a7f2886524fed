// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

var (
	_ resource.ResourceWithConfigure   = (*webhookResource)(nil)
	_ resource.ResourceWithIdentity    = (*webhookResource)(nil)
	_ resource.ResourceWithImportState = (*webhookResource)(nil)
	_ resource.ResourceWithModifyPlan  = (*webhookResource)(nil)
)

func newWebhookResource(now clock) resource.Resource { return &webhookResource{now: now} }

type webhookResource struct {
	conn *connection
	now  clock
}

func (r *webhookResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_webhook"
}

func (r *webhookResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A TitanX webhook: an HTTPS address that gets a signed POST when a contact is " +
			"scored or a job completes.\n\n" +
			"TitanX shows the signing secret **once**, when it creates the webhook. " +
			"This resource keeps it in the state, or encrypted with `secret_recipients`, and plans a " +
			"replacement when it is lost.\n\n" +
			"~> The state and saved plans contain `secret` like any sensitive value: " +
			"restrict who can read them, or set `secret_recipients`.",
		Attributes: map[string]schema.Attribute{
			"id": schema.StringAttribute{
				MarkdownDescription: "The webhook's id at TitanX.",
				Computed:            true,
			},
			"name": schema.StringAttribute{
				MarkdownDescription: "The webhook's name. A change replaces the webhook.",
				Required:            true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1), plainName},
			},
			"url": schema.StringAttribute{
				MarkdownDescription: "Where TitanX delivers: an absolute `https` URL that is reachable from " +
					"the internet, without user info or fragment. " +
					"The case of the scheme and host, and the default port, make no difference. " +
					"A change replaces the webhook.",
				Required:   true,
				Validators: []validator.String{deliveryURL},
			},
			"event_types": schema.SetAttribute{
				MarkdownDescription: "The events to deliver: `job.contact.scored`, `job.completed`. " +
					"Any other well-formed name causes a warning and is sent as is. A change replaces the webhook.",
				Required:    true,
				ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.NoNullValues(),
					setvalidator.ValueStringsAre(eventType)},
			},
			"status": schema.StringAttribute{
				MarkdownDescription: "`active` (the default) or `inactive`. " +
					"Any other word causes a warning and is sent as is. " +
					"Changes are made in place. Deactivating a webhook does not affect its secret.",
				Optional:   true,
				Computed:   true,
				Validators: []validator.String{webhookStatus},
			},
			"on_lost_secret": schema.StringAttribute{
				MarkdownDescription: "What a plan does when the signing secret is lost, as after an import. " +
					"`replace` (the default) replaces the webhook to get a new secret. " +
					"`keep` keeps the webhook without it. `error` fails the plan. " +
					"An import stores `keep` in the state, so a configuration without this argument plans " +
					"`replace` again.",
				Optional:   true,
				Computed:   true,
				Validators: []validator.String{stringvalidator.OneOf(onLostReplace, onLostKeep, onLostError)},
			},
			"secret": schema.StringAttribute{
				MarkdownDescription: "The signing secret, issued by TitanX. " +
					"Null if it is lost or if `secret_recipients` is set.",
				Computed:  true,
				Sensitive: true,
			},
			// Not sensitive: a write-only argument is never shown or stored,
			// and Terraform 1.11 takes two sensitive attributes in another
			// order for a change.
			"secret_wo": schema.StringAttribute{
				MarkdownDescription: "The signing secret of an imported webhook, if you still have it. " +
					"If the secret is lost, the provider adopts this one in place, without a request; " +
					"with `secret_recipients` it goes straight into `encrypted_secret`. " +
					"It has no effect if TitanX issued the secret. " +
					"The argument itself is never stored, and its value may be ephemeral. " +
					"Requires Terraform 1.11 or OpenTofu 1.11.",
				Optional:   true,
				WriteOnly:  true,
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"secret_wo_version": schema.Int64Attribute{
				MarkdownDescription: "Any number. If the secret was adopted, a change adopts `secret_wo` " +
					"again, which corrects a wrong adoption.",
				Optional: true,
				Computed: true,
			},
			"secret_version": schema.Int64Attribute{
				MarkdownDescription: "The Unix time at which the current secret was stored, on TitanX's " +
					"clock: `created_at`, or the time of the adoption. Null if the secret is lost. " +
					"Use it for the `…_wo_version` argument that accompanies another provider's write-only " +
					"argument. It does not change if a webhook is replaced within one second.",
				Computed: true,
			},
			"secret_status": schema.StringAttribute{
				MarkdownDescription: "What Terraform knows about the secret: " +
					"`known`, `adopted`, `encrypted`, `expired`, or `lost`. " +
					"`expired` means that `rotate_after` has passed: the plan replaces the webhook, and the " +
					"secret works until then. `lost` means that the state does not have the secret. " +
					"It takes precedence over `expired`.",
				Computed: true,
			},
			"secret_recipients": schema.SetAttribute{
				MarkdownDescription: "[age](https://age-encryption.org) public keys (`age1…`, `ssh-ed25519`, " +
					"`ssh-rsa`). If set, only `encrypted_secret` is stored, never `secret`. " +
					"Setting it for the first time encrypts the stored secret in place. " +
					"Any later change, or removing it, replaces the webhook.",
				Optional:    true,
				ElementType: types.StringType,
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.NoNullValues(),
					setvalidator.ValueStringsAre(recipientKey)},
			},
			"encrypted_secret": schema.StringAttribute{
				MarkdownDescription: "The signing secret, encrypted with age to `secret_recipients`, as " +
					"ASCII armor. The ephemeral resource `titanx_webhook_secret` decrypts it during a run.",
				Computed: true,
			},
			"rotation_triggers": schema.MapAttribute{
				MarkdownDescription: "Arbitrary values. Any change replaces the webhook, which issues a new " +
					"secret. Keys with a null value make no difference. " +
					"The first values after an import are recorded without a replacement.",
				Optional:    true,
				ElementType: types.StringType,
			},
			"rotate_after": schema.StringAttribute{
				MarkdownDescription: "The age at which the secret expires, as a duration such as `2160h` (90 " +
					"days). The first refresh after the webhook reaches this age sets `secret_status` to " +
					"`expired`, and the same plan replaces the webhook. The age counts from `created_at`.",
				Optional:   true,
				Validators: []validator.String{durationAtLeast(time.Minute)},
			},
			"created_at": schema.StringAttribute{
				MarkdownDescription: "When TitanX created the webhook (RFC 3339, UTC).",
				Computed:            true,
			},
		},
	}
}

func (r *webhookResource) IdentitySchema(
	_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse,
) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"id": identityschema.StringAttribute{
				Description:       "The webhook's id at TitanX.",
				RequiredForImport: true,
			},
		},
	}
}

func (r *webhookResource) Configure(
	_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse,
) {
	r.conn = connected(req.ProviderData)
}

func (r *webhookResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var model webhookResourceModel
	model.decode(ctx, req.Plan.Raw, &resp.Diagnostics)
	recipients := model.recipients(&resp.Diagnostics)
	client, ctx, done := r.conn.api(ctx, "create webhook", &resp.Diagnostics)
	defer done()
	if client == nil {
		return
	}
	request := model.createRequest(r.conn.isManaged)
	created, err := client.Create(ctx, request)
	carried := r.conn.carriedTo(model)
	if err != nil {
		r.createFailed(ctx, client, model, carried, err, resp)
		return
	}
	model.ID = types.StringValue(created.ID)
	r.conn.created(model)
	model.CreatedAt = timeOr(created.CreatedAt, model.CreatedAt)
	err = model.keepSecret(created.Secret, recipients)
	model.SecretStatus = model.possession(false)
	model.setIssued(r.conn.now(r.now))
	r.save(ctx, model, resp)
	remember(ctx, created, carried, resp)
	forms := newServerForms(request, created.Answered)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, formsKey, forms.encode())...)
	forms.warn(model.Name.ValueString(), &resp.Diagnostics)
	warnCreated(&resp.Diagnostics, model, created, err)
}

func (r *webhookResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model webhookResourceModel
	model.decode(ctx, req.State.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
	seenBy := privateValue(ctx, req.Private, seenByKey, &resp.Diagnostics)
	if isPending(model.ID) {
		r.conn.warnPendingElsewhere(&resp.Diagnostics, model, seenBy)
		warnPending(&resp.Diagnostics, model)
		return
	}
	if r.conn.lacksKey(&resp.Diagnostics) {
		return
	}
	client, ctx, done := r.conn.api(ctx, "read webhook", &resp.Diagnostics, model.Secret.ValueString())
	defer done()
	if client == nil {
		return
	}
	r.conn.inState(model.ID.ValueString())
	r.conn.hidden.reading.Add(1)
	defer r.conn.hidden.reading.Add(-1)
	found, err := r.find(ctx, client, model, seenBy)
	if err != nil {
		r.readFailed(ctx, client, model, seenBy, err, resp)
		return
	}
	r.warnOrphans(ctx, client, model, found, req.Private, &resp.Diagnostics)
	r.conn.refreshed.Store(model.ID.ValueString(), nil)
	found = asRequested(ctx, found, req, resp).WithoutMasked(model.Name.ValueString(), model.URL.ValueString())
	adopted := model.wasAdopted(privateValue(ctx, req.Private, adoptedKey, &resp.Diagnostics))
	resp.State.Raw = model.refreshed(found, r.conn.now(r.now), adopted).encode(ctx, &resp.Diagnostics)
	if !r.conn.marked(seenBy) {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, seenByKey, r.conn.mark())...)
	}
}

func (r *webhookResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan, state webhookResourceModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
	plan.decode(ctx, req.Plan.Raw, &resp.Diagnostics)
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	ctx, cancel := context.WithTimeoutCause(ctx, operationLimit, errOperationLimit)
	defer cancel()
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Status.Equal(state.Status) {
		seenBy := privateValue(ctx, req.Private, seenByKey, &resp.Diagnostics)
		if got := r.setStatus(ctx, plan, state, seenBy, &resp.Diagnostics); !got.IsNull() {
			state.Status = got
			resp.State.Raw = state.encode(ctx, &resp.Diagnostics)
			return
		}
	}
	if r.deleteOrphans(ctx, plan, uncertainCreates(ctx, req.Private, &resp.Diagnostics), &resp.Diagnostics) {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, uncertainKey, nil)...)
	}
	adopted := privateValue(ctx, req.Private, adoptedKey, &resp.Diagnostics)
	if plan.SecretVersion.IsUnknown() {
		adopted = []byte("1")
	}
	r.setSecret(&plan, state, config, state.wasAdopted(adopted), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.State.Raw = plan.encode(ctx, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, plan.identity())...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, importedKey, nil)...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, adoptedKey, adopted)...)
	if !plan.Status.Equal(state.Status) {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, statusKey, nil)...)
	}
	forms := serverFormsOf(ctx, req.Private, &resp.Diagnostics)
	forms.forget(plan)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, formsKey, forms.encode())...)
}

func (r *webhookResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var model webhookResourceModel
	model.decode(ctx, req.State.Raw, &resp.Diagnostics)
	client, ctx, done := r.conn.api(ctx, "delete webhook", &resp.Diagnostics, model.Secret.ValueString())
	defer done()
	if client == nil {
		return
	}
	if isPending(model.ID) {
		if again := r.deletePending(ctx, client, model, &resp.Diagnostics); !again.IsNull() {
			model.ID = again
			resp.State.Raw = model.encode(ctx, &resp.Diagnostics)
			resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
		}
		return
	}
	if seenBy := privateValue(ctx, req.Private, seenByKey, &resp.Diagnostics); seenBy != nil && !r.conn.marked(seenBy) {
		// Without a refresh, nobody has looked under this key yet: to another
		// user's key every webhook looks deleted.
		if _, err := client.Find(ctx, model.ID.ValueString()); errors.Is(err, titanx.ErrNotFound) {
			addWrongKeyError(&resp.Diagnostics, model)
			return
		}
	}
	if err := client.Delete(ctx, model.ID.ValueString()); err != nil {
		addAPIError(&resp.Diagnostics, "delete webhook", err)
		return
	}
	creates := uncertainCreates(ctx, req.Private, &resp.Diagnostics)
	r.deleteOrphans(ctx, model, creates, &resp.Diagnostics)
	warnStillPossible(&resp.Diagnostics, client, model.Name.ValueString(), creates)
}

func (r *webhookResource) ImportState(
	ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse,
) {
	id := types.StringValue(req.ID)
	if req.ID == "" && req.Identity != nil {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("id"), &id)...)
	}
	if text := id.ValueString(); text == "" || strings.TrimSpace(text) != text || isPending(id) {
		resp.Diagnostics.AddError("Invalid import id",
			fmt.Sprintf("%q is not the id of a webhook. Use the id that TitanX lists.", text))
		return
	}
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("id"), path.Root("id"), req, resp)
	// A configuration that is generated from the import thus keeps the webhook:
	// adopting a fleet must destroy nothing.
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("on_lost_secret"), onLostKeep)...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, importedKey, []byte("true"))...)
}

func (r *webhookResource) ModifyPlan(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, req, resp)
		return
	}
	var config, plan webhookResourceModel
	config.decode(ctx, req.Config.Raw, &resp.Diagnostics)
	plan.decode(ctx, req.Plan.Raw, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if req.State.Raw.IsNull() {
		r.planCreate(ctx, config, plan, req, resp)
		return
	}
	var state webhookResourceModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	private := func(key string) []byte { return privateValue(ctx, req.Private, key, &resp.Diagnostics) }
	change := newChange(r.conn, r.now, private, config, state, &plan, &resp.Diagnostics)
	change.applying = isApply(req)
	if resp.Diagnostics.HasError() {
		return
	}
	change.run()
	r.conn.notePlan(req, change.state, &resp.Diagnostics)
	if len(change.replace) > 0 && !isApply(req) && !isPending(state.ID) {
		r.conn.checkDuplicates(ctx, plan, change.state.ID, &resp.Diagnostics)
	}
	if change.replace.Contains(path.Root("url")) {
		r.conn.checkReachable(plan, &resp.Diagnostics)
	}
	resp.Plan.Raw = plan.encode(ctx, &resp.Diagnostics)
	resp.RequiresReplace = change.replace
}

// createFailed reports why there is no new webhook. An uncertain create is
// recorded in the state.
func (r *webhookResource) createFailed(
	ctx context.Context, client *titanx.Client, model webhookResourceModel, carried []titanx.UncertainCreate, err error,
	resp *resource.CreateResponse,
) {
	var uncertain *titanx.UncertainError
	if !errors.As(err, &uncertain) {
		addCreateError(ctx, client, model.URL.ValueString(), err, &resp.Diagnostics)
		return
	}
	uncertain.Creates = slices.Concat(carried, uncertain.Creates)
	addUncertainError(&resp.Diagnostics, client, model.Name.ValueString(), uncertain)
	model.setUncertain(*uncertain)
	r.save(ctx, model, resp)
}

// save sets the state, the identity and the mark of a new or pending webhook.
func (r *webhookResource) save(ctx context.Context, model webhookResourceModel, resp *resource.CreateResponse) {
	resp.State.Raw = model.encode(ctx, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.Identity.Set(ctx, model.identity())...)
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, seenByKey, r.conn.mark())...)
}

// remember records in private state what later runs must know of a create: its
// uncertain attempts, and the status of a webhook whose activation failed.
func remember(
	ctx context.Context, created titanx.Created, carried []titanx.UncertainCreate, resp *resource.CreateResponse,
) {
	if remembered := slices.Concat(carried, created.Uncertain); len(remembered) > 0 {
		creates, _ := json.Marshal(remembered) // times and strings alone
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, uncertainKey, creates)...)
	}
	if created.StatusErr != nil {
		status, _ := json.Marshal(created.Status) // a string
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, statusKey, status)...)
	}
}

// warnCreated says what went wrong on the way to a webhook that now exists. An
// error would taint it, and the next apply would replace it for nothing.
func warnCreated(diags *diag.Diagnostics, model webhookResourceModel, created titanx.Created, err error) {
	if len(created.Removed) > 0 {
		diags.AddWarning(fmt.Sprintf("Webhook %q created again after an uncertain create", model.Name.ValueString()),
			fmt.Sprintf("TitanX created %s for %q, but its response, and with it the signing secret, was "+
				"lost. It was deleted, and the webhook was created again as %s.",
				strings.Join(created.Removed, ", "), model.Name.ValueString(), created.ID))
	} else if len(created.Uncertain) > 0 {
		diags.AddWarning(fmt.Sprintf("Webhook %q created again after an uncertain create", model.Name.ValueString()),
			fmt.Sprintf("The outcome of a create of %q is uncertain, and TitanX does not list a webhook that "+
				"it left. The webhook was created again as %s. "+
				"If the first one appears later, the next refresh names it.", model.Name.ValueString(), created.ID))
	}
	if created.StatusErr != nil {
		diags.AddAttributeWarning(path.Root("status"),
			fmt.Sprintf("Webhook %q is not %s yet", model.Name.ValueString(), model.Status.ValueString()),
			sentence(created.StatusErr.Error())+
				fmt.Sprintf(" The webhook %s exists, and its secret is in the state, but TitanX does not "+
					"deliver to it as configured. The next apply sets its status.", created.ID))
	}
	if err != nil {
		diags.AddAttributeWarning(path.Root("encrypted_secret"), lostSummary(model),
			sentence(err.Error())+" "+lostSecretAdvice(model.OnLostSecret.ValueString()))
	} else if created.Secret == "" {
		diags.AddAttributeWarning(path.Root("secret"), lostSummary(model),
			"TitanX created the webhook, but its response has no signing secret. "+
				"The next plan does what on_lost_secret says. "+lostSecretAdvice(model.OnLostSecret.ValueString()))
	}
}

// find asks TitanX for a webhook, unless it is hidden from the present key.
func (r *webhookResource) find(
	ctx context.Context, client *titanx.Client, model webhookResourceModel, seenBy []byte,
) (titanx.Webhook, error) {
	if r.conn.isHidden(model.ID.ValueString(), seenBy) {
		return titanx.Webhook{}, titanx.ErrNotFound
	}
	return client.FindRecent(ctx, model.ID.ValueString(), r.conn.createdAt(model, seenBy))
}

// createdAt returns when a webhook was created that the present key has seen,
// and else the zero time: to another user's key no webhook is recent.
func (c *connection) createdAt(model webhookResourceModel, seenBy []byte) time.Time {
	if !c.marked(seenBy) {
		return time.Time{}
	}
	created, _ := time.Parse(time.RFC3339, model.CreatedAt.ValueString()) // without it, nothing is recent
	return created
}

// readFailed removes a webhook that is gone from the state, and reports every
// other reason why it was not read.
func (r *webhookResource) readFailed(
	ctx context.Context, client *titanx.Client, model webhookResourceModel, seenBy []byte, err error,
	resp *resource.ReadResponse,
) {
	var unlisted *titanx.NotListedError
	switch {
	case errors.As(err, &unlisted):
		addNotListedError(&resp.Diagnostics, model, unlisted)
	case errors.Is(err, titanx.ErrNotFound) && seenBy != nil && !r.conn.marked(seenBy):
		r.conn.addHidden(ctx, &resp.Diagnostics, model)
	case errors.Is(err, titanx.ErrNotFound):
		if !r.warnOrphans(ctx, client, model, titanx.Webhook{}, resp.Private, &resp.Diagnostics) {
			return
		}
		resp.State.RemoveResource(ctx)
		// Core hands the private state on to the plan of the new webhook, which
		// replaces nothing.
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, seenByKey, nil)...)
	default:
		addAPIError(&resp.Diagnostics, "read webhook", err)
	}
}

func addNotListedError(diags *diag.Diagnostics, model webhookResourceModel, err *titanx.NotListedError) {
	until := err.Until.Format(time.RFC3339)
	diags.AddError(fmt.Sprintf("Webhook %q is not listed yet", model.Name.ValueString()),
		fmt.Sprintf("TitanX created the webhook %s at %s, and its list does not have it. "+
			"The list may lag behind, so this does not mean that the webhook is gone. The state is unchanged.\n\n"+
			"Plan again after %s. If the webhook is still missing then, the provider treats it as deleted.",
			model.ID.ValueString(), model.CreatedAt.ValueString(), until))
}

// asRequested returns a webhook with the status that TitanX does not return,
// and with the requested form of each value that TitanX stores in another one.
func asRequested(
	ctx context.Context, found titanx.Webhook, req resource.ReadRequest, resp *resource.ReadResponse,
) titanx.Webhook {
	found = withStatus(found, privateValue(ctx, req.Private, statusKey, &resp.Diagnostics))
	forms := serverFormsOf(ctx, req.Private, &resp.Diagnostics)
	found, learned := forms.undo(found)
	if learned {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, formsKey, forms.encode())...)
	}
	return found
}

// setStatus sets the planned status. Where TitanX answers with another one,
// that is an error, and setStatus returns what TitanX said.
func (r *webhookResource) setStatus(
	ctx context.Context, plan, state webhookResourceModel, seenBy []byte, diags *diag.Diagnostics,
) types.String {
	got := types.StringNull()
	client, ctx, done := r.conn.api(ctx, "set status of webhook", diags, state.Secret.ValueString(),
		plan.Secret.ValueString())
	defer done()
	if client == nil {
		return got
	}
	name, id, want := plan.Name.ValueString(), plan.ID.ValueString(), plan.Status.ValueString()
	now, err := client.SetStatus(ctx, id, want)
	switch {
	case errors.Is(err, titanx.ErrNotFound) && seenBy != nil && !r.conn.marked(seenBy):
		addWrongKeyError(diags, state)
	case errors.Is(err, titanx.ErrNotFound):
		diags.AddError("Unable to set status of webhook",
			fmt.Sprintf("The webhook %s no longer exists at TitanX. Plan again with a refresh to create it again.", id))
	case err != nil:
		addAPIError(diags, "set status of webhook", err)
	case !titanx.SameStatus(now.Status, want):
		got = types.StringValue(now.Status)
		diags.AddAttributeError(path.Root("status"),
			fmt.Sprintf("Webhook %q is %s, not %s", name, client.Clean(now.Status), want),
			fmt.Sprintf("The provider asked TitanX to set the webhook %s to %q, and TitanX answered with the "+
				"status %q. The state has TitanX's status. Find the reason at TitanX, and then apply again.", id, want,
				client.Clean(now.Status)))
	}
	return got
}

// setSecret carries out what is planned for the secret: to adopt secret_wo, or
// to encrypt the secret of the state.
func (r *webhookResource) setSecret(
	plan *webhookResourceModel, state, config webhookResourceModel, adopted bool, diags *diag.Diagnostics,
) {
	secret := state.Secret.ValueString()
	if plan.SecretVersion.IsUnknown() {
		secret = config.SecretWO.ValueString()
		plan.setAdopted(r.conn.now(r.now), state.SecretVersion)
	}
	if plan.Secret.IsUnknown() || plan.EncryptedSecret.IsUnknown() {
		if err := plan.keepSecret(secret, plan.recipients(diags)); err != nil {
			diags.AddAttributeError(path.Root("secret_recipients"), "Unable to encrypt the signing secret",
				sentence(err.Error()))
		}
	}
	if plan.SecretStatus.IsUnknown() {
		plan.SecretStatus = plan.possession(adopted)
	}
}

// isImported reports whether importedKey is present. A stored false counts as
// absent.
func isImported(value []byte) bool { return value != nil && string(value) != "false" }

// planCreate plans a new webhook, or the second call of a replacement, which
// has the private state of the first.
func (r *webhookResource) planCreate(
	ctx context.Context, config, plan webhookResourceModel, req resource.ModifyPlanRequest,
	resp *resource.ModifyPlanResponse,
) {
	if r.conn.lacksKey(&resp.Diagnostics) {
		return
	}
	replaces := privateValue(ctx, req.Private, seenByKey, &resp.Diagnostics) != nil
	planCreate(config, &plan, replaces || isApply(req), &resp.Diagnostics)
	r.conn.checkReachable(plan, &resp.Diagnostics)
	if !isApply(req) && !replaces {
		r.conn.checkDuplicates(ctx, plan, types.StringNull(), &resp.Diagnostics)
	}
	resp.Plan.Raw = plan.encode(ctx, &resp.Diagnostics)
}

// planDestroy only takes note: a create may have been refused for this webhook.
func (r *webhookResource) planDestroy(
	ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse,
) {
	var state webhookResourceModel
	state.decode(ctx, req.State.Raw, &resp.Diagnostics)
	r.conn.notePlan(req, state, &resp.Diagnostics)
}
