// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// The names in a webhook's private state.
const (
	// seenByKey is the mark of the API key and the address under which the
	// webhook was last seen.
	seenByKey = "seen_by"
	// importedKey is present if the webhook was imported and has not been
	// applied since.
	importedKey = "imported"
	// adoptedKey is present if the secret was adopted, in plain text or
	// encrypted.
	adoptedKey = "adopted"
	// uncertainKey holds the uncertain creates of a webhook that was sent
	// again. One of them may still take effect.
	uncertainKey = "uncertain"
	// formsKey holds the values that TitanX stores in its own form, or did
	// not return when it created the webhook. It is absent where every value
	// was returned as it was asked for.
	formsKey = "forms"
	// statusKey holds the status of a webhook whose activation failed. The
	// state has the planned one.
	statusKey = "status"
)

type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

// privateValue returns a value of private state, nil if it is absent.
func privateValue(ctx context.Context, private privateGetter, key string, diags *diag.Diagnostics) []byte {
	value, problems := private.GetKey(ctx, key)
	diags.Append(problems...)
	return value
}

// saltSize and hashSize are the parts of a mark, in bytes.
const (
	saltSize = 8
	hashSize = 16
)

// mark returns a new mark of the connection, as JSON. It identifies the API key
// and the address, and reveals neither.
func (c *connection) mark() []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	mark, _ := json.Marshal(base64.RawURLEncoding.EncodeToString(append(salt, c.hash(salt)...)))
	return mark
}

// marked reports whether a mark is of the connection.
func (c *connection) marked(mark []byte) bool {
	var text string
	if json.Unmarshal(mark, &text) != nil {
		return false
	}
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(decoded) == saltSize+hashSize &&
		subtle.ConstantTimeCompare(decoded[saltSize:], c.hash(decoded[:saltSize])) == 1
}

func (c *connection) hash(salt []byte) []byte {
	sum := sha256.Sum256([]byte(string(salt) + c.key + "\n" + c.address))
	return sum[:hashSize]
}

// normalAddress returns a base URL in the form by which addresses are compared.
func normalAddress(baseURL string) string {
	u, err := url.Parse(strings.TrimRight(cmp.Or(baseURL, titanx.DefaultBaseURL), "/"))
	if err != nil {
		return baseURL
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	return u.String()
}

// privateValues reads private state, which the framework keeps as a JSON
// object. It returns nil for what cannot be read.
func privateValues(state []byte) map[string][]byte {
	var values map[string][]byte
	if json.Unmarshal(state, &values) != nil {
		return nil
	}
	return values
}

// hiddenWebhooks counts the webhooks that the refreshes of a run miss under
// another API key or address than saw them last.
type hiddenWebhooks struct {
	reading, missed atomic.Int64
}

// hiddenPause is how long no other refresh may miss a webhook before the first
// one reports how many did.
const hiddenPause = 250 * time.Millisecond

// addHidden reports the webhooks of a run that the present key does not list:
// once, with their number. The first refresh that misses one waits for those
// that run beside it. The state of each stays as it is.
func (c *connection) addHidden(ctx context.Context, diags *diag.Diagnostics, model webhookResourceModel) {
	if c.hidden.missed.Add(1) > 1 {
		return
	}
	for missed, reading := int64(0), int64(2); (missed < c.hidden.missed.Load() || reading > 1) && ctx.Err() == nil; {
		missed, reading = c.hidden.missed.Load(), c.hidden.reading.Load()
		select {
		case <-time.After(hiddenPause):
		case <-ctx.Done():
		}
	}
	if n := c.hidden.missed.Load(); n > 1 {
		diags.AddError(fmt.Sprintf("%d webhooks not visible under this API key and address", n),
			wrongKeyText(model)+fmt.Sprintf("\n\nThe other %d webhooks are not listed one by one.", n-1))
		return
	}
	diags.AddError("Webhook not visible under this API key and address",
		wrongKeyText(model)+"\n\nIf other webhooks are missing too, this run does not list them.")
}

// isHidden reports whether a webhook that the list does not have is one of
// those that this run has missed already: nothing more is asked of TitanX then.
func (c *connection) isHidden(id string, seenBy []byte) bool {
	if c.hidden.missed.Load() == 0 || seenBy == nil || c.marked(seenBy) {
		return false
	}
	_, listed := c.client.Listed(id)
	return !listed
}

func addWrongKeyError(diags *diag.Diagnostics, model webhookResourceModel) {
	diags.AddError("Webhook not visible under this API key and address", wrongKeyText(model))
}

func wrongKeyText(model webhookResourceModel) string {
	return fmt.Sprintf("The webhook %s (%q) was last seen under another api_key or base_url, and the current "+
		"ones do not list it. A webhook belongs to the user of the key, at one address: "+
		"use a key of the same user, and the same base_url. If both are right, and the webhook was deleted, "+
		"remove it from the state with \"terraform state rm\" and apply again. The state is unchanged.",
		model.ID.ValueString(), model.Name.ValueString())
}
