// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// seenByKey is the name, in private state, of the mark of the API key and the
// address under which a webhook was last seen.
const seenByKey = "seen_by"

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

// privateValue reads a value from private state, which the framework keeps as a
// JSON object. It returns nil if there is none.
func privateValue(state []byte, key string) []byte {
	var values map[string][]byte
	if err := json.Unmarshal(state, &values); err != nil {
		return nil
	}
	return values[key]
}

func addWrongKeyError(diags *diag.Diagnostics, model webhookResourceModel) {
	diags.AddError("Webhook not visible under this API key and address",
		fmt.Sprintf("The webhook %s (%q) was last seen under another api_key or base_url than the present ones, which do not list it. A webhook belongs to the user of the key, at one address: "+
			"is this the same user's key, and the same TitanX? If both are, and the webhook was deleted, remove it from the state with \"terraform state rm\" and apply again. The state is unchanged.",
			model.ID.ValueString(), model.Name.ValueString()))
}
