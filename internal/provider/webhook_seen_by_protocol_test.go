// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// keyring is a simulation with two keys of one user, and one of another user.
type keyring struct {
	*simulation
	rotated, foreign string
}

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	k := &keyring{rotated: "CANARY-rotated-" + rand.Text(), foreign: "CANARY-foreign-" + rand.Text()}
	own := "CANARY-own-" + rand.Text()
	k.simulation = simulate(t, titanxsim.Config{Keys: map[string]string{own: simUser, k.rotated: simUser, k.foreign: "bob"}})
	k.apiKey = own
	return k
}

// under is a provider process with another key.
func (k *keyring) under(key string) *protocolServer { return k.protocol(object{"api_key": key}) }

// mustRefuse checks that a refresh under another user's key is an error that
// leaves everything as it was.
func (k *keyring) mustRefuse(what string, i instance) {
	k.t.Helper()
	got, diags := k.under(k.foreign).read(i)
	if !has(diags, isError, "", "use a key of the same user") || !has(diags, isError, "", i.text(k.t, "id")) {
		k.t.Errorf("%s: no error under another user's key: %v", what, summaries(diags))
	}
	if !got.exists() || !got.value.Equal(i.value) || !bytes.Equal(got.private, i.private) {
		k.t.Errorf("%s: the state changed under another user's key", what)
	}
}

func TestWrongKey_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	p := k.protocol(nil)
	config := testWebhook(nil)
	made := p.create(config)
	k.mustRefuse("created", made)
	k.mustRefuse("created second", p.create(config))

	read, diags := k.protocol(nil).read(made)
	p.mustSucceed(diags)
	k.mustRefuse("read", read)

	updated, diags := p.apply(p.plan(read, testWebhook(object{"status": "inactive"})))
	p.mustSucceed(diags)
	k.mustRefuse("updated", updated)

	imported, diags := p.importByID(made.text(t, "id"))
	p.mustSucceed(diags)
	if imported, diags = p.read(imported); len(diags) != 0 {
		t.Fatal(summaries(diags))
	}
	k.mustRefuse("imported", imported)

	if got := len(k.Webhooks(simUser)); got != 2 {
		t.Errorf("%d webhooks on the server, want 2", got)
	}
}

func TestWrongKey_destroy_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	made := k.protocol(nil).create(testWebhook(nil))
	p := k.under(k.foreign)
	left, diags := p.apply(p.plan(made, nil))
	if !has(diags, isError, "", "use a key of the same user") || !left.exists() {
		t.Errorf("destroyed under another user's key: %v", summaries(diags))
	}
	k.only()
	p = k.under(k.rotated)
	if left, diags = p.apply(p.plan(made, nil)); len(diags) != 0 || left.exists() || len(k.Webhooks(simUser)) != 0 {
		t.Errorf("not destroyed under a rotated key: %v", summaries(diags))
	}
}

// A create whose orphan could not be deleted is in the state under the orphan's
// id: not to be forgotten under another key, either.
func TestWrongKey_orphan_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	k.Inject(lostResponse)
	k.Inject(broken(titanxsim.CallDelete))
	c := core{s: k.simulation}
	if c.apply(testWebhook(nil)) || !c.tainted || c.state.text(t, "id") != k.only().ID {
		t.Fatalf("no orphan in the state: %v", summaries(c.said))
	}
	k.ClearFaults()
	k.mustRefuse("tainted", c.state)
}

// Where it is not even known whether there is a webhook, the plan warns.
func TestWrongKey_pending_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	k.Inject(lostResponse)
	k.Inject(unlisted(2)) // one for the plan, one before the create
	c := core{s: k.simulation}
	if c.apply(testWebhook(nil)) || !isPending(types.StringValue(c.state.text(t, "id"))) {
		t.Fatalf("not pending: %v", summaries(c.said))
	}
	k.ClearFaults()
	read, diags := k.protocol(nil).read(c.state)
	if len(diags) != 1 || !has(diags, isWarning, "id", "prevent_destroy") || !read.value.Equal(c.state.value) {
		t.Errorf("read under the same key: %v", summaries(diags))
	}
	read, diags = k.under(k.foreign).read(c.state)
	if !has(diags, isWarning, "", `"test"`) || !has(diags, isWarning, "", "do not apply") || !read.value.Equal(c.state.value) {
		t.Errorf("read under another user's key: %v", summaries(diags))
	}
	if !c.apply(testWebhook(nil)) {
		t.Fatal(summaries(c.said))
	}
	k.only()
}

func TestWrongKey_rotatedKey_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	config := testWebhook(nil)
	made := k.protocol(nil).create(config)

	rotated, diags := k.under(k.rotated).read(made)
	if len(diags) != 0 || !rotated.value.Equal(made.value) || bytes.Equal(rotated.private, made.private) {
		t.Errorf("a rotated key changes the state, or is not noted: %v", summaries(diags))
	}
	if c := k.under(k.rotated).plan(rotated, config); !c.noChange() {
		t.Errorf("a rotated key plans a change: %v", c.replace)
	}

	k.Remove(simUser, made.text(t, "id"))
	if gone, diags := k.under(k.rotated).read(rotated); gone.exists() || len(diags) != 0 {
		t.Errorf("deleted, and still there under the key that saw it last: %v", summaries(diags))
	}
	if kept, diags := k.protocol(nil).read(rotated); !kept.exists() || !has(diags, isError, "", "use a key of the same user") {
		t.Errorf("deleted, and gone under another key than saw it last: %v", summaries(diags))
	}
	c := core{s: k.simulation, state: made} // as seen by the first key
	if !c.apply(config) || c.state.text(t, "id") != k.only().ID {
		t.Errorf("a deleted webhook is not created again: %v", summaries(c.said))
	}
}

// Private state distinguishes keys, and holds no key.
func TestSeenBy_withoutKey_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	p := k.protocol(nil)
	one, other := p.create(testWebhook(nil)), p.create(testWebhook(nil))
	var marks [2][]byte
	for n, i := range []instance{one, other} {
		for name, form := range map[string]string{
			"in clear":       k.apiKey,
			"in hexadecimal": hex.EncodeToString([]byte(k.apiKey)),
			"in base64":      base64.StdEncoding.EncodeToString([]byte(k.apiKey)),
			"the secret":     i.text(t, "secret"),
		} {
			if bytes.Contains(i.private, []byte(form)) {
				t.Errorf("private state holds the key or %s", name)
			}
		}
		if size := base64.StdEncoding.EncodedLen(len(i.private)); size > 90 {
			t.Errorf("private state takes %d bytes of the state file", size)
		}
		marks[n] = privateValues(i.private)[seenByKey]
		if len(marks[n]) == 0 || bytes.Contains(marks[n], []byte(k.apiKey)) {
			t.Errorf("the mark is %q", marks[n])
		}
	}
	if bytes.Equal(marks[0], marks[1]) {
		t.Error("two marks of one key are equal: they show that the key is the same")
	}
}

// TestWrongKey_movedAddress_protocol has the same key accepted at two
// addresses.
func TestWrongKey_movedAddress_protocol(t *testing.T) {
	t.Parallel()
	keys := map[string]string{"CANARY-key": simUser}
	here, there := simulate(t, titanxsim.Config{Keys: keys}), simulate(t, titanxsim.Config{Keys: keys})
	here.apiKey, there.apiKey = "CANARY-key", "CANARY-key"
	config := testWebhook(nil)
	made := here.protocol(nil).create(config)

	same := here.protocol(object{"base_url": here.baseURL + "/"})
	if read, diags := same.read(made); len(diags) != 0 || !bytes.Equal(read.private, made.private) {
		t.Errorf("a trailing slash moves the address: %v", summaries(diags))
	}
	moved := there.protocol(nil)
	if read, diags := moved.read(made); !read.exists() || !has(diags, isError, "", "another api_key or base_url") {
		t.Errorf("read elsewhere: %v", summaries(diags))
	}
	if left, diags := moved.apply(moved.plan(made, nil)); !left.exists() || !has(diags, isError, "", "another api_key or base_url") {
		t.Errorf("destroyed elsewhere: %v", summaries(diags))
	}
	there.Put(simUser, here.only())
	read, diags := there.protocol(nil).read(made)
	if len(diags) != 0 || !read.exists() || bytes.Equal(read.private, made.private) {
		t.Errorf("a service that moved with its webhooks: %v", summaries(diags))
	}
}

func TestNormalAddress(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                  "https://app.titanx.io/api/public/v2",
		"HTTPS://App.TitanX.io:443/api/v2/": "https://app.titanx.io/api/v2",
		"http://127.0.0.1:80":               "http://127.0.0.1",
		"http://127.0.0.1:8080//":           "http://127.0.0.1:8080",
		"https://titanx.example/A":          "https://titanx.example/A",
	} {
		if got := normalAddress(address); got != want {
			t.Errorf("normalAddress(%q) = %q, want %q", address, got, want)
		}
	}
}

// TestWrongKey_counts_protocol reports all webhooks of a run in one error.
func TestWrongKey_counts_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	p := k.protocol(nil)
	made := make([]instance, 25)
	for i := range made {
		made[i] = p.create(testWebhook(object{"name": fmt.Sprint(i)}))
	}
	p = k.under(k.foreign)
	k.ResetRequests()
	var mu sync.Mutex
	var said []*tfprotov6.Diagnostic
	err := atOnce(len(made), func(i int) error {
		read, diags := p.read(made[i])
		mu.Lock()
		defer mu.Unlock()
		said = append(said, diags...)
		if !read.exists() || !read.value.Equal(made[i].value) {
			return fmt.Errorf("the state of %d changed", i)
		}
		return nil
	})
	if err != nil || len(said) != 1 || !has(said, isError, "", "25 webhooks not visible") || !has(said, isError, "", "another api_key or base_url") {
		t.Errorf("%v, %v", err, summaries(said))
	}
	if n := len(k.Requests()); n > 1+2*parallelism {
		t.Errorf("%d requests", n)
	}
}

// TestWrongKey_status_protocol changes a status under another user's key,
// without a refresh.
func TestWrongKey_status_protocol(t *testing.T) {
	t.Parallel()
	k := newKeyring(t)
	made := k.protocol(nil).create(testWebhook(nil))
	p := k.under(k.foreign)
	_, diags := p.apply(p.plan(made, testWebhook(object{"status": "inactive"})))
	if !has(diags, isError, "", "another api_key or base_url") || k.only().Status != "active" {
		t.Errorf("under another user's key: %v", summaries(diags))
	}
	k.Remove(simUser, made.text(t, "id"))
	p = k.protocol(nil)
	if _, diags = p.apply(p.plan(made, testWebhook(object{"status": "inactive"}))); !has(diags, isError, "", "Plan again with a refresh") {
		t.Errorf("deleted: %v", summaries(diags))
	}
}
