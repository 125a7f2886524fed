// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"context"
	"crypto/rand"
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

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

var _ action.Action = (*testDeliveryAction)(nil)

// newTestDeliveryAction makes the action; a nil transport is one that goes by the environment's proxy and certificates.
func newTestDeliveryAction(transport http.RoundTripper) action.Action {
	if transport == nil {
		transport = &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true}
	}
	return &testDeliveryAction{client: &http.Client{
		Transport:     transport,
		Timeout:       deliveryTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// testDeliveryAction delivers a sample event from this machine. It needs no API, and no connection to it.
type testDeliveryAction struct{ client *http.Client }

// Facts of deliveries (docs.titanx.io, "Webhooks").
const (
	deliveryTimeout    = 10 * time.Second
	deliveryUserAgent  = "TitanX-Webhooks/1.0"
	deliveryAPIVersion = "v2"
	contactScoredEvent = "job.contact.scored"
	jobCompletedEvent  = "job.completed"
)

type testDeliveryModel struct {
	URL       types.String `tfsdk:"url"`
	Secret    types.String `tfsdk:"secret"`
	EventType types.String `tfsdk:"event_type"`
	Payload   types.String `tfsdk:"payload"`
}

func (a *testDeliveryAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_test_delivery"
}

func (a *testDeliveryAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Delivers a sample event to a receiver, signed as TitanX signs, and fails unless the receiver answers 2xx within 10 seconds. " +
			"It shows right after an apply that the url is right and that the receiver has the right secret.\n\n" +
			"The machine that runs Terraform sends it, not TitanX: a receiver that only this machine can reach passes, too.",
		Attributes: map[string]schema.Attribute{
			"url": schema.StringAttribute{
				MarkdownDescription: "Where to deliver: an absolute `https` URL without user info or fragment. Unlike that of a webhook it may be on this machine or in a private network.",
				Required:            true,
				Validators:          []validator.String{deliveryURL},
			},
			"secret": schema.StringAttribute{
				MarkdownDescription: "The signing secret, such as `titanx_webhook.example.secret`. May come from an ephemeral value. It is stored nowhere.",
				Required:            true,
				WriteOnly:           true,
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"event_type": schema.StringAttribute{
				MarkdownDescription: "The event to deliver. Default `" + contactScoredEvent + "`.",
				Optional:            true,
				Validators:          []validator.String{eventType},
			},
			"payload": schema.StringAttribute{
				MarkdownDescription: "The event's `payload`, a JSON object. The default is a sample of the event: a made-up contact or a finished job.",
				Optional:            true,
				Validators:          []validator.String{jsonObject},
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
	delivery := model.delivery(ctx, &resp.Diagnostics)
	if delivery == nil {
		return
	}
	progress := func(format string, args ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, args...)})
	}
	progress("Delivering a sample %s to %s", model.event(), delivery.URL.Host)
	answer, err := a.client.Do(delivery)
	if err != nil {
		addUndelivered(&resp.Diagnostics, delivery.URL, err)
		return
	}
	_ = answer.Body.Close() // what a receiver says besides its status is of no account to TitanX
	progress("%s answered %s", delivery.URL.Host, answer.Status)
	addRefusedDelivery(&resp.Diagnostics, delivery.URL, answer)
}

func (m testDeliveryModel) event() string {
	if m.EventType.IsNull() {
		return contactScoredEvent
	}
	return m.EventType.ValueString()
}

// envelope is the body of a delivery (docs.titanx.io, "Webhooks").
type envelope struct {
	Payload    json.RawMessage `json:"payload"`
	EventType  string          `json:"eventType"`
	Timestamp  int64           `json:"timestamp"` // Unix milliseconds
	APIVersion string          `json:"apiVersion"`
	ID         string          `json:"id"`
}

// delivery is the request that TitanX would send. It checks the arguments again: what was unknown was not validated.
func (m testDeliveryModel) delivery(ctx context.Context, diags *diag.Diagnostics) *http.Request {
	payload := json.RawMessage(m.Payload.ValueString())
	if m.Payload.IsNull() {
		payload = samplePayload(m.event())
	}
	if m.Secret.ValueString() == "" {
		diags.AddAttributeError(path.Root("secret"), "No signing secret",
			"The secret is null or empty. The secret of a titanx_webhook is null where it is lost, and where secret_recipients is set; see its secret_status.")
	}
	if problem := urlProblem(m.URL.ValueString()); problem != "" {
		diags.AddAttributeError(path.Root("url"), "Invalid webhook URL", problem)
	}
	if problem := payloadProblem(payload); problem != "" {
		diags.AddAttributeError(path.Root("payload"), "Invalid payload", problem)
	}
	if diags.HasError() {
		return nil
	}
	body, err := json.Marshal(envelope{
		Payload: payload, EventType: m.event(), Timestamp: time.Now().UnixMilli(), APIVersion: deliveryAPIVersion, ID: newEventID(),
	})
	if err != nil {
		diags.AddError("Unable to write the delivery", sentence(err.Error()))
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL.ValueString(), bytes.NewReader(body))
	if err != nil {
		diags.AddAttributeError(path.Root("url"), "Invalid webhook URL", sentence(err.Error()))
		return nil
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", deliveryUserAgent)
	req.Header.Set(signature.Header, signature.Sign(m.Secret.ValueString(), body))
	return req
}

// newEventID is a random UUID (RFC 9562, version 4).
func newEventID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// samplePayload is made up: the full list of a payload's fields is not documented.
func samplePayload(event string) json.RawMessage {
	switch event {
	case contactScoredEvent:
		return json.RawMessage(`{"firstName":"Ada","lastName":"Lovelace","email":"ada@example.com","phone":"+1 555 0100","companyAccount":"Example","leadId":"test-delivery"}`)
	case jobCompletedEvent:
		return json.RawMessage(`{"jobStatus":"Finalized"}`)
	}
	return json.RawMessage(`{}`)
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
		diags.AddAttributeError(path.Root("url"), "Certificate of the receiver not trusted", sentence(certificate.Err.Error())+
			" TitanX delivers only to a server with a certificate that the public trusts. Renew it, name "+to.Hostname()+" in it, or send the whole chain. "+
			"If this receiver has a certificate of your own authority, for a test, set SSL_CERT_FILE to that authority's certificate.")
	case errors.Is(err, http.ErrSchemeMismatch):
		diags.AddAttributeError(path.Root("url"), "Receiver does not speak TLS", to.Host+" answers, but not with TLS. Check the port, and that the server has TLS switched on.")
	case errors.Is(err, context.Canceled):
		diags.AddError("Test delivery interrupted", "The run was interrupted before "+to.Host+" answered.")
	case errors.As(err, &timeout) && timeout.Timeout():
		diags.AddAttributeError(path.Root("url"), "Receiver too slow",
			fmt.Sprintf("%s did not answer within %s, and TitanX waits no longer: it would deliver again later. Answer 2xx first and work on the event afterwards; also check that no firewall drops the connection.", to.Host, deliveryTimeout))
	default:
		diags.AddAttributeError(path.Root("url"), "Receiver not reached",
			fmt.Sprintf("%s Is %s the right host, does it listen there, and may this machine connect to it?", sentence(err.Error()), to.Host))
	}
}

// addRefusedDelivery explains an answer other than 2xx, with what TitanX would make of it (docs.titanx.io, "Webhooks").
func addRefusedDelivery(diags *diag.Diagnostics, to *url.URL, answer *http.Response) {
	detail := to.Host + " answered " + answer.Status + ". "
	switch code := answer.StatusCode; {
	case code >= 200 && code <= 299:
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		diags.AddAttributeError(path.Root("secret"), "Receiver refuses the signature", detail+
			"It probably has another signing secret: give it the webhook's present one. It must compare the "+signature.Header+
			" header with the standard base64 of HMAC-SHA256 over the body as it came, before any parser touches it. TitanX would not deliver the event again.")
	case code >= 300 && code <= 399:
		diags.AddAttributeError(path.Root("url"), "Receiver redirects", detail+
			"A redirect is not a delivery, and it is not followed. Set url to the final address.")
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		diags.AddAttributeError(path.Root("url"), "Receiver fails", detail+
			"TitanX would deliver the event again, with growing pauses, for up to 3 days. Look at the receiver's log.")
	default:
		diags.AddAttributeError(path.Root("url"), "Receiver refuses the event", detail+
			"TitanX would not deliver the event again. Check the path of the url, and that the receiver takes a POST of JSON.")
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
