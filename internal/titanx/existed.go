// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"fmt"
	"time"
)

// ExistsError means that TitanX answered a create with a webhook that was there
// before: nothing was created.
type ExistsError struct {
	Webhook   Webhook // as it was answered
	Reason    string  // how it is known
	NewSecret bool    // the response had a secret, so TitanX may have changed that webhook
}

func (e *ExistsError) Error() string {
	return "TitanX answered with a webhook that existed before: " + e.Reason
}

// clearlyOlder is by how much a webhook must be older than its request before
// time alone says that it existed: TitanX's timestamps and its Date header may
// come from different clocks.
const clearlyOlder = time.Minute

// answerEvidence is what is known of the webhook in the response to a create.
type answerEvidence struct {
	Listed  bool      // the list had it before the request was sent
	Managed bool      // the state has it
	Claimed bool      // another create of this run was answered with it
	Created time.Time // when it was created, by TitanX's clock; zero if not returned
	Sent    time.Time // when the request was sent, by TitanX's clock, at the earliest; zero if unknown
}

// existed returns how it is known that the webhook was there before the
// request, or "". Many APIs answer 200 with the webhook that a url has already.
func (e answerEvidence) existed() string {
	switch {
	case e.Listed:
		return "the list had it"
	case e.Managed:
		return "the state has it"
	case e.Claimed:
		return "another create of this run was answered with it"
	case !e.Created.IsZero() && !e.Sent.IsZero() && e.Created.Before(e.Sent.Add(-clearlyOlder)):
		return fmt.Sprintf("it was created at %s, and the request was sent at %s, unless TitanX's createdAt and "+
			"Date header disagree", e.Created.Format(time.RFC3339), e.Sent.UTC().Format(time.RFC3339))
	}
	return ""
}

// checkNew returns an error if the webhook in the response to a create is not a
// new one.
func (c *Client) checkNew(created Created, req CreateRequest, at attempt) error {
	e := answerEvidence{Created: created.CreatedAt, Managed: req.manages(created.ID)}
	e.Listed, e.Claimed = c.inventory.had(created.ID, at.sent)
	if sent, _, known := c.pacer.serverTime(at.sent); known {
		e.Sent = sent
	}
	if reason := e.existed(); reason != "" {
		return &requestError{outcome: refused, err: &ExistsError{created.Webhook, reason, created.Secret != ""}}
	}
	return nil
}

// had reports whether a list had a webhook before a time, and whether this run
// created it.
func (i *inventory) had(id string, sent time.Time) (listed, created bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	known, ok := i.now.webhooks[id]
	own, written := i.own[id]
	created = written && own.kind == createdWrite
	return ok && !created && !known.firstListed.After(sent), created
}
