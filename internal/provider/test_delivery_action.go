// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

var _ action.Action = (*testDeliveryAction)(nil)

// newTestDeliveryAction returns the action. It reaches receivers by the given
// transport; nil is that of the environment.
func newTestDeliveryAction(transport http.RoundTripper) action.Action {
	return &testDeliveryAction{client: delivery.NewClient(transport)}
}

// testDeliveryAction delivers a sample event from this machine. It does not
// need the API.
type testDeliveryAction struct{ client *http.Client }

type testDeliveryModel struct {
	URL                types.String `tfsdk:"url"`
	Secret             types.String `tfsdk:"secret"`
	EventType          types.String `tfsdk:"event_type"`
	Payload            types.String `tfsdk:"payload"`
	SendWrongSignature types.Bool   `tfsdk:"send_wrong_signature"`
}

func (a *testDeliveryAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_test_delivery"
}

func (a *testDeliveryAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Tests a receiver with a sample event, signed as TitanX signs. " +
			"First it sends a delivery with a wrong signature, which the receiver must refuse with a 4xx. " +
			"Then it sends the right one, which the receiver must answer with 2xx within 10 seconds. " +
			"Right after an apply it shows that the URL is right, and that the receiver verifies signatures " +
			"with the right secret.\n\n" +
			"The body is valid JSON that no JSON library writes. A receiver that parses it and signs its own " +
			"encoding of it fails. " +
			"To find the cause of a failure, the action sends at most two further deliveries.\n\n" +
			"The machine that runs Terraform sends the deliveries, not TitanX. " +
			"A receiver that only this machine can reach also passes. The action does not need an API key.",
		Attributes: map[string]schema.Attribute{
			"url": schema.StringAttribute{
				MarkdownDescription: "Where to deliver: an absolute `https` URL without user info or " +
					"fragment. Unlike a webhook's URL, it may be on this machine or in a private network.",
				Required:   true,
				Validators: []validator.String{deliveryURL},
			},
			"secret": schema.StringAttribute{
				MarkdownDescription: "The signing secret. The state never has it. " +
					"A saved plan file has it in clear text, unless the value is ephemeral: " +
					"take it from the ephemeral resource `titanx_webhook_secret` or from an ephemeral variable.",
				Required:   true,
				WriteOnly:  true,
				Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"event_type": schema.StringAttribute{
				MarkdownDescription: "The event to deliver. Defaults to `" + delivery.ContactScored + "`.",
				Optional:            true,
				Validators:          []validator.String{eventType},
			},
			"payload": schema.StringAttribute{
				MarkdownDescription: "The event's `payload`, a JSON object. It is sent byte for byte. " +
					"Defaults to a sample of the event: a made-up contact or a finished job.",
				Optional:   true,
				Validators: []validator.String{jsonObject},
			},
			"send_wrong_signature": schema.BoolAttribute{
				MarkdownDescription: "Whether to send a delivery with a wrong signature first. " +
					"Defaults to `true`. With `false`, a receiver that verifies nothing passes.",
				Optional: true,
			},
		},
	}
}

func (a *testDeliveryAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var model testDeliveryModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	to, event := model.delivery(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	examiner := delivery.Examiner{
		Client:   a.client,
		Forge:    model.SendWrongSignature.IsNull() || model.SendWrongSignature.ValueBool(),
		Progress: func(line string) { resp.SendProgress(action.InvokeProgressEvent{Message: line}) },
	}
	report, err := examiner.Examine(ctx, to, model.Secret.ValueString(), event)
	if err != nil {
		addUndelivered(&resp.Diagnostics, to, err)
		return
	}
	addFinding(&resp.Diagnostics, to, report)
}

// delivery returns where to deliver what. It checks the arguments again,
// because unknown values were not validated.
func (m testDeliveryModel) delivery(diags *diag.Diagnostics) (*url.URL, delivery.Event) {
	event := delivery.Event{
		ID:      delivery.NewID(),
		Type:    delivery.ContactScored,
		Time:    time.Now(),
		Payload: []byte(m.Payload.ValueString()),
	}
	if !m.EventType.IsNull() {
		event.Type = m.EventType.ValueString()
	}
	if m.Payload.IsNull() {
		event.Payload = delivery.SamplePayload(event.Type)
	}
	if m.Secret.ValueString() == "" {
		diags.AddAttributeError(path.Root("secret"), "No signing secret",
			"The secret is null or empty. The secret of a titanx_webhook is null if it is lost, or if "+
				"secret_recipients is set: see its secret_status. "+
				"With secret_recipients, take it from the ephemeral resource titanx_webhook_secret. "+
				"If you do, and run terraform apply -invoke: Terraform 1.16 then passes null for every "+
				"ephemeral value. Trigger the action from a resource instead.")
	}
	if problem := urlProblem(m.URL.ValueString()); problem != "" {
		diags.AddAttributeError(path.Root("url"), "Invalid webhook URL", problem)
	}
	if problem := payloadProblem(event.Payload); problem != "" {
		diags.AddAttributeError(path.Root("payload"), "Invalid payload", problem)
	}
	to, _ := url.Parse(m.URL.ValueString()) // urlProblem reports what cannot be parsed
	return to, event
}

// addUndelivered explains why there was no answer.
func addUndelivered(diags *diag.Diagnostics, to *url.URL, err error) {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err // without the url: its query may hold a token
	}
	var certificate *tls.CertificateVerificationError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &certificate):
		diags.AddAttributeError(path.Root("url"), "Certificate of the receiver not trusted",
			sentence(certificate.Err.Error())+
				" TitanX delivers only to a server with a publicly trusted certificate. Renew it, name "+to.Hostname()+
				" in it, or send the whole chain. "+
				"To test a receiver whose certificate is from your own authority, set SSL_CERT_FILE to that "+
				"authority's certificate.")
	case errors.Is(err, http.ErrSchemeMismatch):
		diags.AddAttributeError(path.Root("url"), "Receiver does not speak TLS",
			to.Host+" responds, but not over TLS. Check the port, and that TLS is enabled on the server.")
	case errors.Is(err, context.Canceled):
		diags.AddError("Test delivery interrupted", "The run was interrupted before "+to.Host+" answered.")
	case errors.As(err, &timeout) && timeout.Timeout():
		diags.AddAttributeError(path.Root("url"), "Receiver too slow",
			fmt.Sprintf("%s did not answer within %s, and TitanX does not wait longer: "+
				"it would send the event again later. Answer 2xx first, and process the event afterward. "+
				"Also check that no firewall drops the connection.", to.Host, delivery.Timeout))
	default:
		diags.AddAttributeError(path.Root("url"), "Receiver not reached",
			fmt.Sprintf("%s Check that %s is the right host, that it listens on this port, and that this "+
				"machine can connect to it.", sentence(err.Error()), to.Host))
	}
}

// rule is how a receiver must verify a delivery.
const rule = "It must compare the whole " + signature.Header +
	" header with the standard base64 of HMAC-SHA256 over the raw body, before any parser touches it, and " +
	"answer 401 if they differ."

// addFinding explains what is wrong with a receiver.
func addFinding(diags *diag.Diagnostics, to *url.URL, report delivery.Report) {
	answered := to.Host + " answered " + report.Status
	switch report.Finding {
	case delivery.Sound:
	case delivery.VerifiesNothing:
		diags.AddAttributeError(path.Root("url"), "Receiver does not verify the signature", answered+
			" to a delivery with a wrong signature, and accepted one that is signed with another secret. "+
			"Anyone who learns its URL can send it events, and it accepts them as TitanX's. "+rule+
			" To test only whether it accepts deliveries, set send_wrong_signature = false.")
	case delivery.VerifiesPart:
		diags.AddAttributeError(path.Root("url"), "Receiver compares only part of the signature", answered+
			" to a delivery whose signature is wrong only at its end, and refused one that is wrong throughout. "+
			"It probably compares only the first characters, and those can be guessed. "+rule+
			" Use a comparison in constant time.")
	case delivery.Reencodes:
		diags.AddAttributeError(path.Root("url"), "Receiver verifies a different body than the one that was sent",
			answered+
				", but accepted a delivery that is written as a JSON library writes it. "+
				"It probably parses the body, encodes it again, and verifies that: "+
				"JSON.stringify(JSON.parse(body)), json.dumps(json.loads(body)). "+
				"This changes spaces, escapes, and numbers. "+rule)
	case delivery.FailsForged, delivery.Refuses:
		addRefusedDelivery(diags, answered, report)
	}
}

// addRefusedDelivery explains an answer other than 2xx, with what TitanX does
// after it.
func addRefusedDelivery(diags *diag.Diagnostics, answered string, report delivery.Report) {
	if report.Finding == delivery.FailsForged {
		answered += " to a delivery with a wrong signature, which a receiver must answer with 401"
	}
	detail, verdict := answered+". ", delivery.VerdictOf(report.Code).String()+"."
	switch code := report.Code; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		diags.AddAttributeError(path.Root("secret"), "Receiver refuses the signature", detail+
			"It probably has another signing secret: give it the webhook's current secret. "+rule+" After this answer "+
			verdict)
	case code >= 300 && code <= 399:
		diags.AddAttributeError(path.Root("url"), "Receiver redirects", detail+
			"A redirect is not a delivery, and the action does not follow it. Set url to the final address.")
	case delivery.VerdictOf(code) == delivery.Repeated:
		diags.AddAttributeError(path.Root("url"), "Receiver fails",
			detail+"After this answer "+verdict+" Look at the receiver's log.")
	default:
		diags.AddAttributeError(path.Root("url"), "Receiver refuses the event", detail+
			"After this answer "+verdict+" Check the path of the url, and that the receiver accepts a JSON POST.")
	}
}

// jsonObject rejects what is not a JSON object.
var jsonObject = stringCheck{"a JSON object", func(text string, at path.Path, diags *diag.Diagnostics) {
	if problem := payloadProblem([]byte(text)); problem != "" {
		diags.AddAttributeError(at, "Invalid payload", problem)
	}
}}

func payloadProblem(payload []byte) string {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(payload, &object); err != nil || object == nil {
		return "It is not a JSON object. Write it with jsonencode, such as jsonencode({ jobStatus = \"Finalized\" })."
	}
	return ""
}
