// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// UncertainCreate is a create whose outcome was not known: what a later run
// needs to recognize the webhook that it may have left. It can be stored as
// JSON.
type UncertainCreate struct {
	// Sent and GaveUp are when the request was sent and when the client stopped
	// waiting for it, by TitanX's clock. Both are zero if that clock is
	// unknown.
	Sent   time.Time `json:"sent,omitzero"`
	GaveUp time.Time `json:"gave_up,omitzero"`
	// Contested is true if another create of the same run for that url was
	// under way between the two.
	Contested bool `json:"contested,omitempty"`
	// Known are the ids of webhooks with that url that existed before the
	// request or that this run created. None of them is the orphan.
	Known []string `json:"known,omitempty"`

	local time.Time // Sent by this machine's clock, which orders what this run did
}

// IsOver reports whether a create can no longer take effect at a time by
// TitanX's clock.
func (u UncertainCreate) IsOver(now time.Time) bool {
	return !u.GaveUp.IsZero() && now.After(u.GaveUp.Add(lateCommit))
}

// evidence is all that is known of one listed webhook and the uncertain
// creates that may have left it.
type evidence struct {
	Found      Webhook           // as the list returns it
	Asked      Webhook           // what the creates asked for
	Answered   Webhook           // how TitanX answered when the create was sent again; zero if it has not
	Creates    []UncertainCreate // the creates that may have left it
	Claimed    bool              // a create of this run was answered with it, or the state manages it
	EarlierRun bool              // the creates are of an earlier run: what else that had under way is not known
}

// verdict is what evidence allows to say of a webhook.
type verdict int

const (
	unrelated verdict = iota // it is not what any of the creates left
	candidate                // it may be
	orphan                   // it is, for certain, and nobody has its secret
)

// clockResolution is how much earlier a timestamp may be than the instant
// that it stands for: some APIs cut the fraction of a second.
const clockResolution = time.Second

// lateCommit is how long after it was given up a create may still take effect.
const lateCommit = 10 * time.Minute

// judge decides whether a webhook is the orphan of an uncertain create. It
// deletes nothing, and a value that TitanX does not return proves nothing.
//
//	TitanX's clock   this run                          another client       the list shows
//	12:00:00         list: A                                                A
//	12:00:05         POST (inactive) is sent ─┐
//	12:00:06                                  │        creates B, active    A, B
//	12:00:07         the connection is reset ─┘                             A, B, C inactive
//	12:00:08                                           creates D, inactive  A, B, C, D
//	12:00:09         judge: A is unrelated: it was listed before.
//	                        B is a candidate at most: it is active.
//	                        C is the orphan: inactive, created between 12:00:05 and 12:00:07.
//	                        D is a candidate at most: it was created after giving up.
//
// C is deleted although B and D stay candidates: one create leaves one webhook.
// Without C, B and D would be named and the user would decide.
func (e evidence) judge() verdict {
	best := unrelated
	for _, create := range e.Creates {
		best = max(best, e.judgeOne(create))
	}
	return best
}

func (e evidence) judgeOne(create UncertainCreate) verdict {
	when := create.when(e.Found.CreatedAt) // first: it costs least, and rules out most
	if when == unrelated || e.Claimed || slices.Contains(create.Known, e.Found.ID) {
		return unrelated
	}
	alike := min(
		e.compare(func(w Webhook) string { return w.URL }, SameURL, IsURLForm),
		e.compare(func(w Webhook) string { return w.Name }, equal, IsNameForm),
		e.compare(func(w Webhook) string { return strings.Join(w.EventTypes, " ") }, equal, isEventsForm),
	)
	switch {
	case alike == unrelated:
		return unrelated
	case e.Found.Status != "" && e.Found.Status != StatusInactive && create.gaveUpBefore(e.Found.CreatedAt):
		return unrelated // created after giving up, and in use
	case e.Found.Status != StatusInactive, e.EarlierRun && create.Contested:
		return candidate
	}
	return min(alike, when)
}

// gaveUpBefore reports whether a webhook is certain to have been created after
// giving up.
func (u UncertainCreate) gaveUpBefore(created time.Time) bool {
	return !u.Sent.IsZero() && created.After(u.GaveUp)
}

// when judges by the time at which a webhook was created.
func (u UncertainCreate) when(created time.Time) verdict {
	switch {
	case created.IsZero() || u.Sent.IsZero():
		return candidate
	case created.Before(u.Sent.Add(-clockResolution)), created.After(u.GaveUp.Add(lateCommit)):
		return unrelated
	case u.gaveUpBefore(created):
		return candidate
	}
	return orphan
}

// compare judges by one value: the same as was asked or answered proves, a
// form that a server may have made of it or one that is not returned does not.
func (e evidence) compare(value func(Webhook) string, same, isForm func(asked, found string) bool) verdict {
	found := value(e.Found)
	asked, answered := value(e.Asked), value(e.Answered)
	switch {
	case found == "":
		return candidate
	case same(asked, found), answered != "" && same(answered, found):
		return orphan
	case isForm(asked, found):
		return candidate
	}
	return unrelated
}

func equal(a, b string) bool { return a == b }

func isEventsForm(asked, found string) bool {
	return IsEventsForm(strings.Fields(asked), strings.Fields(found))
}

// Judgment is what the list shows of the webhooks that uncertain creates may
// have left.
type Judgment struct {
	Orphans    []Webhook // proven: nobody has their secret
	Candidates []Webhook // may be it
}

// judgeAll judges every webhook of a list that was begun at notBefore or later.
func (c *Client) judgeAll(
	ctx context.Context, notBefore time.Time, e evidence, claimed func(id string) bool,
) (Judgment, error) {
	var found Judgment
	err := c.inventory.read(ctx, notBefore, func(known map[string]entry) {
		for _, w := range known {
			e.Found, e.Claimed = w.Webhook, claimed(w.ID)
			switch e.judge() {
			case orphan:
				found.Orphans = append(found.Orphans, w.Webhook)
			case candidate:
				found.Candidates = append(found.Candidates, w.Webhook)
			}
		}
	})
	for _, webhooks := range [][]Webhook{found.Orphans, found.Candidates} {
		slices.SortFunc(webhooks, func(a, b Webhook) int { return strings.Compare(a.ID, b.ID) })
	}
	return found, err
}

// FindOrphans looks in the run's list for what uncertain creates of an earlier
// run have left. It deletes nothing. Answered is the webhook that was created
// in the end, zero if there is none. It is no orphan, and neither is what
// asked.Managed knows.
func (c *Client) FindOrphans(
	ctx context.Context, asked CreateRequest, answered Webhook, creates []UncertainCreate,
) (Judgment, error) {
	return c.judgeEarlier(ctx, time.Now().Add(-inventoryAge), asked, answered, creates)
}

// DeleteOrphans is FindOrphans on a new list, and then deletes the proven
// orphans. It returns the ids of those that it deleted, and the candidates,
// which it does not touch.
func (c *Client) DeleteOrphans(
	ctx context.Context, asked CreateRequest, answered Webhook, creates []UncertainCreate,
) (removed []string, candidates []Webhook, err error) {
	found, err := c.judgeEarlier(ctx, time.Now(), asked, answered, creates)
	if err != nil {
		return nil, nil, err
	}
	removed, err = c.deleteAll(ctx, found.Orphans)
	return removed, found.Candidates, err
}

// judgeEarlier is judgeAll for the creates of an earlier run.
func (c *Client) judgeEarlier(
	ctx context.Context, notBefore time.Time, asked CreateRequest, answered Webhook, creates []UncertainCreate,
) (Judgment, error) {
	g := c.createsOf(asked.URL)
	found, err := c.judgeAll(ctx, notBefore, evidence{
		Asked:      asked.asked(),
		Answered:   answered,
		Creates:    creates,
		EarlierRun: true,
	}, func(id string) bool { return id == answered.ID || g.claims(id) || asked.manages(id) })
	if err != nil {
		return Judgment{}, fmt.Errorf("look for the webhook of an uncertain create: %w", err)
	}
	return found, nil
}

func (c *Client) deleteAll(ctx context.Context, orphans []Webhook) (removed []string, err error) {
	for _, w := range orphans {
		if err := c.Delete(ctx, w.ID); err != nil {
			return removed, err
		}
		removed = append(removed, w.ID)
	}
	return removed, nil
}
