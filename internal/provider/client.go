// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanx"
)

// connection is what everything that calls the API shares.
type connection struct {
	client  *titanx.Client // nil while arguments are unknown, and without a key
	key     string
	address string   // of the API, normalized
	local   bool     // the API is on this machine, or may be: base_url is unknown
	unknown []string // the arguments that are not known yet

	duplicatesAreErrors bool // on_duplicate is error

	keyless   bool        // no API key is configured
	keyMissed atomic.Bool // a resource has reported that

	planned plannedWebhooks
	hidden  hiddenWebhooks

	refreshed sync.Map // ids of the webhooks whose age this run has checked
	carried   sync.Map // uncertain creates of deleted placeholders, by url and name
}

func newConnection() *connection {
	return &connection{planned: plannedWebhooks{
		known: set{}, unplanned: set{}, awaited: set{}, creates: set{}, created: set{},
	}}
}

// connected returns the connection in the provider's data. Until the provider
// is configured, that is one whose arguments are all unknown.
func connected(data any) *connection {
	conn, ok := data.(*connection)
	if !ok {
		conn = newConnection()
		conn.unknown = []string{"configuration"}
	}
	return conn
}

// operationLimit is how long an operation may take, waits for rate limits
// included.
const operationLimit = 20 * time.Minute

var errOperationLimit = errors.New("no result within 20 minutes")

// api returns the client, and a context that ends with the operation's limit
// and under which no log line shows the API key or one of the secrets. Done
// releases the context. After an error, api returns nil. Without a key, and
// while arguments are unknown, it adds an error that says so, and returns nil.
func (c *connection) api(
	ctx context.Context, activity string, diags *diag.Diagnostics, secrets ...string,
) (client *titanx.Client, limited context.Context, done func()) {
	switch {
	case diags.HasError():
	case c.ready():
		c.client.KeepOut(secrets...)
		ctx, done = context.WithTimeoutCause(c.masked(ctx, secrets...), operationLimit, errOperationLimit)
		return c.client, ctx, done
	case c.keyless:
		addMissingKey(diags)
	default:
		diags.AddError("Unable to "+activity,
			"The provider's "+strings.Join(c.unknown, " and ")+" will be known only after apply, and this step needs "+
				"the API. Apply what it depends on first, for example with -target, or take it from a variable. "+
				"With -refresh=false, planning existing webhooks does not need the API.")
	}
	return nil, ctx, func() {}
}

// lacksKey reports whether no API key is configured. Only the first call in a
// run adds the error: a plan of many webhooks needs it once.
func (c *connection) lacksKey(diags *diag.Diagnostics) bool {
	if !c.keyless {
		return false
	}
	if !c.keyMissed.Swap(true) {
		addMissingKey(diags)
	}
	return true
}

func addMissingKey(diags *diag.Diagnostics) {
	diags.AddError("Missing TitanX API key",
		"This step needs the API key of a TitanX user. Set the provider's api_key argument from a sensitive "+
			"or ephemeral variable, or set the environment variable "+apiKeyVariable+".")
}

// ready reports whether the API can be called.
func (c *connection) ready() bool { return c.client != nil }

// now returns the time by which ages are measured: TitanX's own, where a
// response had it, and else that of the local clock.
func (c *connection) now(local clock) time.Time {
	if c.ready() {
		if now, ok := c.client.Now(); ok {
			return now
		}
	}
	return local()
}
