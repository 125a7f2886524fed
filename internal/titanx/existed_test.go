// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswerEvidence(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name string
		answerEvidence
		want string // "" is a new webhook
	}{
		{"new", answerEvidence{Created: sent.Add(time.Second), Sent: sent}, ""},
		{"new, at once", answerEvidence{Created: sent, Sent: sent}, ""},
		{"new, the fraction cut", answerEvidence{Created: sent, Sent: sent.Add(900 * time.Millisecond)}, ""},
		{"no time stamp", answerEvidence{Sent: sent}, ""},
		{"no clock", answerEvidence{Created: sent.Add(-time.Hour)}, ""},
		{"listed", answerEvidence{Listed: true, Created: sent, Sent: sent}, "the list had it"},
		{"managed", answerEvidence{Managed: true, Created: sent, Sent: sent}, "the state has it"},
		{"claimed", answerEvidence{Claimed: true, Created: sent, Sent: sent}, "another create"},
		{"another clock", answerEvidence{Created: sent.Add(-30 * time.Second), Sent: sent}, ""},
		{"older", answerEvidence{Created: sent.Add(-2 * time.Minute), Sent: sent}, "at 2026-01-02T12:00:00Z, unless TitanX's createdAt and Date header disagree"},
		{"much older", answerEvidence{Created: sent.AddDate(-1, 0, 0), Sent: sent}, "2025-01-02T12:00:00Z"},
	} {
		if got := tc.existed(); tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

func TestInventory_had(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := inventory{listAll: func(context.Context) ([]Webhook, error) { return []Webhook{{ID: "old"}, {ID: "changed"}}, nil }}
		before := time.Now()
		time.Sleep(time.Second)
		if err := i.read(t.Context(), time.Now(), func(map[string]entry) {}); err != nil {
			t.Fatal(err)
		}
		listed := time.Now()
		i.wrote(changedWrite, Webhook{ID: "changed"})
		i.wrote(createdWrite, Webhook{ID: "made"})
		for _, c := range []struct {
			id           string
			sent         time.Time
			listed, made bool
		}{
			{"old", listed, true, false},
			{"old", before, false, false},
			{"changed", listed, true, false},
			{"made", listed, false, true},
			{"unknown", listed, false, false},
		} {
			if listed, made := i.had(c.id, c.sent); listed != c.listed || made != c.made {
				t.Errorf("%s, sent at %v: listed %t, made %t", c.id, c.sent, listed, made)
			}
		}
	})
}

func TestCreate_existing(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"", "CANARY"} {
		synctest.Test(t, func(t *testing.T) {
			c := client(t, Config{Transport: wire{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					fmt.Fprint(w, `[{"id": "w1"}]`)
					return
				}
				fmt.Fprintf(w, `{"id": "w1", "secret": %q}`, secret)
			})}})
			_, err := c.Create(t.Context(), crm())
			var exists *ExistsError
			if !errors.As(err, &exists) || exists.Webhook.ID != "w1" || exists.NewSecret != (secret != "") {
				t.Errorf("secret %q: %v", secret, err)
			}
		})
	}
}
