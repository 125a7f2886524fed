// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

func TestParseDialect(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]titanxsim.Dialect{
		"":                              {},
		"envelope=payload":              {},
		"envelope=data,get=absent-html": {Envelope: "data", Get: "absent-html"},
		"envelope=bare , page-size=50,": {Envelope: "bare", PageSize: 50},
	} {
		got, err := titanxsim.ParseDialect(in)
		if err != nil || got != want {
			t.Errorf("ParseDialect(%q) = %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"envelope", "envelope=", "envelope=box", "Envelope=data", "list-lag=-1", "list-lag=many", "x=1"} {
		if got, err := titanxsim.ParseDialect(in); err == nil || got != (titanxsim.Dialect{}) {
			t.Errorf("ParseDialect(%q) = %+v, %v; want an error", in, got, err)
		}
	}
}

func TestDialect_String(t *testing.T) {
	t.Parallel()
	if got := (titanxsim.Dialect{Envelope: "payload", Get: "absent-405", ListLag: 3}).String(); got != "get=absent-405,list-lag=3" {
		t.Errorf("String = %q", got)
	}
	seen := map[string]bool{}
	for _, d := range titanxsim.Variations() {
		s := d.String()
		if s == "" || strings.Contains(s, ",") || seen[s] {
			t.Errorf("variation %q is not one other value of one switch, once", s)
		}
		seen[s] = true
		if back, err := titanxsim.ParseDialect(s); err != nil || back != d {
			t.Errorf("ParseDialect(%q) = %+v, %v", s, back, err)
		}
	}
}

func TestDialect_unknown(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(titanxsim.Dialect){
		"New":        func(d titanxsim.Dialect) { titanxsim.New(titanxsim.Config{Dialect: d}) },
		"SetDialect": func(d titanxsim.Dialect) { s := titanxsim.New(titanxsim.Config{}); defer s.Close(); s.SetDialect(d) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s takes an unknown value", name)
				}
			}()
			use(titanxsim.Dialect{Envelope: "box"})
		}()
	}
}

// wireChecks proves each value of each switch on the wire, under the switch as
// String writes it.
var wireChecks = map[string]func(*testing.T, *bench){
	"envelope=data": func(t *testing.T, b *bench) {
		id := b.create().ID
		expect(t, at(b.do("GET", "/webhooks/"+id, "").json(t), "data", "id"), id)
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "data"), 1)
	},
	"envelope=bare": func(t *testing.T, b *bench) {
		id := b.create().ID
		expect(t, at(b.do("GET", "/webhooks/"+id, "").json(t), "id"), id)
		expectLen(t, b.do("GET", "/webhooks", "").json(t), 1)
	},
	"events-in=events":         lenient(`"eventTypes"`),
	"events-in=eventTypes":     lenient(`"events"`),
	"events-in=events-400":     strict("events", "eventTypes", 400),
	"events-in=events-422":     strict("events", "eventTypes", 422),
	"events-in=eventTypes-400": strict("eventTypes", "events", 400),
	"events-in=eventTypes-422": strict("eventTypes", "events", 422),
	"events-out=events":        eventsOut("events"),
	"events-out=eventTypes":    eventsOut("eventTypes"),
	"unknown-event=accepted": func(t *testing.T, b *bench) {
		expectStatus(t, b.do("POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.new"]}`), 201)
		expect(t, b.sim.Webhooks("ada")[0].EventTypes[0], "job.new")
	},
	"name-out=absent":       missing("name"),
	"updated-at=absent":     missing("updatedAt"),
	"status-out=absent":     missing("status"),
	"created-at-out=absent": missing("createdAt"),
	"initial-status=ignored": func(t *testing.T, b *bench) {
		expectStatus(t, b.do("POST", "/webhooks", `{"name":"x","url":"https://a.example","events":["job.completed"],"status":"inactive"}`), 201)
		expect(t, b.sim.Webhooks("ada")[0].Status, "active")
	},
	"stamp=commit": func(t *testing.T, _ *bench) {
		expect(t, lateCommit(t, titanxsim.Dialect{Stamp: "commit"}), time.Minute)
	},
	"same-url=409": func(t *testing.T, b *bench) {
		b.create()
		expectStatus(t, b.do("POST", "/webhooks", validCreate), 409)
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 1)
	},
	"same-url=existing":    existing(`"name":"b","url":"https://a.example"`, false),
	"same-url=overwritten": existing(`"name":"b","url":"https://a.example"`, true),
	"same-name=409": func(t *testing.T, b *bench) {
		b.create()
		expectStatus(t, b.do("POST", "/webhooks", strings.Replace(validCreate, "receiver", "other", 1)), 409)
	},
	"same-name=existing":    existing(`"name":"a","url":"https://b.example"`, false),
	"same-name=overwritten": existing(`"name":"a","url":"https://b.example"`, true),
	"name-out=absent-on-create": func(t *testing.T, b *bench) {
		_, has := at(b.do("POST", "/webhooks", validCreate).json(t), "payload").(map[string]any)["name"]
		expect(t, has, false)
		expect(t, at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0].(map[string]any)["name"], "crm")
	},
	"name-form=trimmed":               nameForm(" Zo\u00eb ", "Zo\u00eb"),
	"name-form=lower":                 nameForm("ZO\u00cb", "zo\u00eb"),
	"name-form=upper":                 nameForm("zo\u00eb", "ZO\u00cb"),
	"name-form=cut":                   nameForm(strings.Repeat("\u00eb", 70), strings.Repeat("\u00eb", 64)),
	"name-form=decomposed":            nameForm("Zo\u00eb", "Zoe\u0308"),
	"url-form=punycode":               urlForm("https://B\u00fccher.example/A", "https://xn--bcher-kva.example/A"),
	"url-form=escapes-upper":          urlForm("https://a.example/b%2fc", "https://a.example/b%2Fc"),
	"url-form=lower":                  urlForm("https://A.example/B", "https://a.example/b"),
	"url-form=no-query":               urlForm("https://a.example/b?c=d", "https://a.example/b"),
	"url-form=masked":                 urlForm("https://a.example/b?c=CANARY", "https://a.example/b?c=***"),
	"events-form=added":               func(t *testing.T, b *bench) { expect(t, len(b.create().EventTypes), 2) },
	"status-set=failed":               statusSet("failed", "failed"),
	"status-set=pending_verification": statusSet("pending_verification", "pending_verification"),
	"status-set=ignored":              statusSet("inactive", "active"),
	"list-delay=10": func(t *testing.T, b *bench) {
		w := b.create()
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 0)
		expectStatus(t, b.do("GET", "/webhooks/"+w.ID, ""), 200)
		w.CreatedAt = w.CreatedAt.Add(-10 * time.Second)
		b.sim.Put("ada", w)
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 1)
	},
	"get-delay=10": func(t *testing.T, b *bench) {
		w := b.create()
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 1)
		expectStatus(t, b.do("GET", "/webhooks/"+w.ID, ""), 404)
		w.CreatedAt = w.CreatedAt.Add(-10 * time.Second)
		b.sim.Put("ada", w)
		expectStatus(t, b.do("GET", "/webhooks/"+w.ID, ""), 200)
	},
	"create-status=200": func(t *testing.T, b *bench) { expectStatus(t, b.do("POST", "/webhooks", validCreate), 200) },
	"create-secret=absent": func(t *testing.T, b *bench) {
		_, has := at(b.do("POST", "/webhooks", validCreate).json(t), "payload").(map[string]any)["secret"]
		expect(t, has, false)
	},
	"create-secret=null": func(t *testing.T, b *bench) {
		secret, has := at(b.do("POST", "/webhooks", validCreate).json(t), "payload").(map[string]any)["secret"]
		expect(t, has && secret == nil, true)
	},
	"secret-prefix=wh_sk_": func(t *testing.T, b *bench) {
		expect(t, strings.HasPrefix(b.create().Secret, "wh_sk_"), true)
	},
	"secret-reading=after-prefix": secretReading(func(t *testing.T, rest string) []byte { t.Helper(); return []byte(rest) }),
	"secret-reading=decoded": secretReading(func(t *testing.T, rest string) []byte {
		t.Helper()
		key, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}),
	"secret-on-read=null":   secretOnRead(nil),
	"secret-on-read=masked": secretOnRead("whsec_****"),
	"secret-on-read=empty":  secretOnRead(""),
	"status-answer=empty-200": func(t *testing.T, b *bench) {
		expectEmpty(t, b.do("POST", "/webhooks/"+b.create().ID+"/inactive", ""), 200)
		expect(t, b.sim.Webhooks("ada")[0].Status, "inactive")
	},
	"status-answer=empty-204": func(t *testing.T, b *bench) {
		expectEmpty(t, b.do("POST", "/webhooks/"+b.create().ID+"/inactive", ""), 204)
	},
	"status-answer=text": func(t *testing.T, b *bench) {
		resp := b.do("POST", "/webhooks/"+b.create().ID+"/inactive", "")
		expectStatus(t, resp, 200)
		expect(t, resp.body, "OK")
	},
	"delete-answer=200-object": func(t *testing.T, b *bench) {
		id := b.create().ID
		resp := b.do("DELETE", "/webhooks/"+id, "")
		expectStatus(t, resp, 200)
		expect(t, at(resp.json(t), "payload", "id"), id)
	},
	"delete-answer=200-empty": func(t *testing.T, b *bench) {
		expectEmpty(t, b.do("DELETE", "/webhooks/"+b.create().ID, ""), 200)
	},
	"delete-answer=202": func(t *testing.T, b *bench) { expectEmpty(t, b.do("DELETE", "/webhooks/"+b.create().ID, ""), 202) },
	"get=absent-html": func(t *testing.T, b *bench) {
		resp := b.do("GET", "/webhooks/"+b.create().ID, "")
		expectStatus(t, resp, 404)
		expect(t, strings.HasPrefix(resp.body, "<!DOCTYPE html>"), true)
	},
	"get=absent-json": func(t *testing.T, b *bench) {
		resp := b.do("GET", "/webhooks/"+b.create().ID, "")
		expectStatus(t, resp, 404)
		resp.json(t)
	},
	"get=absent-405": func(t *testing.T, b *bench) { expectStatus(t, b.do("GET", "/webhooks/"+b.create().ID, ""), 405) },
	"list-form=masked": func(t *testing.T, b *bench) {
		created := b.create()
		expect(t, at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0].(map[string]any)["url"], "https://receiver.example/***")
		expect(t, at(b.do("GET", "/webhooks/"+created.ID, "").json(t), "payload", "url"), created.URL)
	},
	"deleted=status": func(t *testing.T, b *bench) {
		id := b.create().ID
		b.do("DELETE", "/webhooks/"+id, "")
		expect(t, at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0].(map[string]any)["status"], "deleted")
		expectStatus(t, b.do("GET", "/webhooks/"+id, ""), 404)
	},
	"deleted=timestamp": func(t *testing.T, b *bench) {
		id := b.create().ID
		b.sim.Remove("ada", id)
		expect(t, at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0].(map[string]any)["deletedAt"], "2026-01-02T12:00:00.000Z")
		expect(t, at(b.do("GET", "/webhooks/"+id, "").json(t), "payload", "deletedAt"), "2026-01-02T12:00:00.000Z")
		expectStatus(t, b.do("DELETE", "/webhooks/"+id, ""), 404)
	},
	"absent-id=410": func(t *testing.T, b *bench) {
		expectStatus(t, b.do("GET", "/webhooks/absent", ""), 410)
		expectStatus(t, b.do("DELETE", "/webhooks/absent", ""), 410)
	},
	"id=prefixed":   func(t *testing.T, b *bench) { expect(t, strings.HasPrefix(b.create().ID, "wh_"), true) },
	"list=webhooks": nested("webhooks"),
	"list=items":    nested("items"),
	"list=results":  nested("results"),
	"paging=cursor": paged(func(t *testing.T, resp response) string {
		if c := at(resp.json(t), "nextCursor"); c != nil {
			return "/webhooks?cursor=" + c.(string)
		}
		return ""
	}),
	"paging=next": paged(func(t *testing.T, resp response) string {
		next, _ := at(resp.json(t), "next").(string)
		return strings.TrimPrefix(next, titanxsim.BasePath)
	}),
	"paging=link": paged(func(_ *testing.T, resp response) string {
		m := regexp.MustCompile(`^<(.*)>; rel="next"$`).FindStringSubmatch(resp.header.Get("Link"))
		if m == nil {
			return ""
		}
		return strings.TrimPrefix(m[1], titanxsim.BasePath)
	}),
	"paging=pages": paged(func(t *testing.T, resp response) string {
		page, total := at(resp.json(t), "page").(float64), at(resp.json(t), "totalPages").(float64)
		if page == total {
			return ""
		}
		return fmt.Sprintf("/webhooks?page=%v", page+1)
	}),
	"list-lag=2": func(t *testing.T, b *bench) {
		id := b.create().ID
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 0)
		expectStatus(t, b.do("GET", "/webhooks/"+id, ""), 200)
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 1)
	},
	"invalid=422": func(t *testing.T, b *bench) { expectStatus(t, b.do("POST", "/webhooks", `{}`), 422) },
	"error-body=error-object": errorBody(func(t *testing.T, r response) string {
		expect(t, at(r.json(t), "error", "code"), "bad_request")
		return at(r.json(t), "error", "message").(string)
	}),
	"error-body=message": errorBody(func(t *testing.T, r response) string {
		expect(t, at(r.json(t), "statusCode"), 400.0)
		return at(r.json(t), "message").(string)
	}),
	"error-body=errors": errorBody(func(t *testing.T, r response) string {
		first := at(r.json(t), "errors").([]any)[0]
		expect(t, at(first, "path"), "name")
		return at(first, "message").(string)
	}),
	"error-body=text": errorBody(func(_ *testing.T, r response) string { return r.body }),
	"error-body=html": func(t *testing.T, b *bench) {
		resp := b.do("POST", "/webhooks", `{}`)
		expectStatus(t, resp, 400)
		expect(t, strings.Contains(resp.body, "<html>"), true)
	},
	"error-body=empty": func(t *testing.T, b *bench) { expectEmpty(t, b.do("POST", "/webhooks", `{}`), 400) },
	"error-body=ok-error": func(t *testing.T, b *bench) {
		resp := b.do("POST", "/webhooks", `{}`)
		expectStatus(t, resp, 200)
		expect(t, at(resp.json(t), "error") != nil, true)
		expectStatus(t, b.as("unknown", "GET", titanxsim.BasePath+"/webhooks", ""), 401)
	},
	"daily-suffix=Daily": func(t *testing.T, b *bench) {
		b.sim.SetLimits(titanxsim.Limits{Day: 5})
		got := rateHeaders(b.do("GET", "/webhooks", "").header)
		expect(t, got["Limit Daily"], "5")
		expect(t, got["Limit Day"], "")
	},
	"limit-headers=not-on-429": func(t *testing.T, b *bench) {
		b.sim.SetLimits(titanxsim.Limits{Day: 1})
		expect(t, len(rateHeaders(b.do("GET", "/webhooks", "").header)), 3)
		expect(t, len(rateHeaders(b.refused(t).header)), 0)
	},
	"retry-after=seconds": func(t *testing.T, b *bench) { expect(t, b.refused(t).header.Get("Retry-After"), "43200") },
	"retry-after=date": func(t *testing.T, b *bench) {
		expect(t, b.refused(t).header.Get("Retry-After"), "Sat, 03 Jan 2026 00:00:00 GMT")
	},
	"limit-body=text":  func(t *testing.T, b *bench) { expect(t, b.refused(t).body, "Too Many Requests") },
	"limit-body=html":  func(t *testing.T, b *bench) { expect(t, strings.Contains(b.refused(t).body, "<html>"), true) },
	"limit-body=empty": func(t *testing.T, b *bench) { expect(t, b.refused(t).body, "") },
}

// existing posts a webhook like one that exists, which is answered with that
// one's id, and changed only where it is written over.
func existing(second string, overwritten bool) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		const rest = `,"events":["job.completed"]}`
		first := at(b.do("POST", "/webhooks", `{"name":"a","url":"https://a.example"`+rest).json(t), "payload").(map[string]any)
		resp := b.do("POST", "/webhooks", "{"+second+rest)
		got := at(resp.json(t), "payload").(map[string]any)
		expect(t, got["id"], first["id"])
		expect(t, got["createdAt"], first["createdAt"])
		expect(t, got["secret"] != nil, overwritten)
		all := b.sim.Webhooks("ada")
		expect(t, len(all), 1)
		expect(t, all[0].Name+all[0].URL != "ahttps://a.example", overwritten)
	}
}

func nameForm(asked, stored string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		body := fmt.Sprintf(`{"name":%q,"url":"https://a.example","events":["job.completed"]}`, asked)
		expect(t, at(b.do("POST", "/webhooks", body).json(t), "payload", "name"), stored)
		expect(t, b.sim.Webhooks("ada")[0].Name, stored)
	}
}

func urlForm(asked, stored string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		body := fmt.Sprintf(`{"name":"a","url":%q,"events":["job.completed"]}`, asked)
		expect(t, at(b.do("POST", "/webhooks", body).json(t), "payload", "url"), stored)
		expect(t, b.sim.Webhooks("ada")[0].URL, stored)
	}
}

// statusSet asks for inactive.
func statusSet(answered, stored string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		t.Helper()
		resp := b.do("POST", "/webhooks/"+b.create().ID+"/inactive", "")
		expect(t, at(resp.json(t), "payload", "status"), answered)
		expect(t, b.sim.Webhooks("ada")[0].Status, stored)
	}
}

func TestDialect_onTheWire(t *testing.T) {
	t.Parallel()
	noon := func() time.Time { return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC) }
	for _, d := range titanxsim.Variations() {
		check := wireChecks[d.String()]
		if check == nil {
			t.Errorf("%s has no check", d)
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			t.Parallel()
			check(t, start(t, titanxsim.Config{Dialect: d, Now: noon}))
		})
	}
	if len(wireChecks) != len(titanxsim.Variations()) {
		t.Errorf("%d checks, %d variations", len(wireChecks), len(titanxsim.Variations()))
	}
}

func TestDialect_changedWhileServing(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{})
	id := b.create().ID
	b.sim.SetDialect(titanxsim.Dialect{Envelope: "data"})
	expect(t, at(b.do("GET", "/webhooks/"+id, "").json(t), "data", "id"), id)
}

func TestDialect_createSecret(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{"absent": false, "null": true, "present": true} {
		b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{CreateSecret: in, SecretOnRead: "masked"}})
		secret, has := at(b.do("POST", "/webhooks", validCreate).json(t), "payload").(map[string]any)["secret"]
		expect(t, has, want)
		expect(t, secret == b.sim.Webhooks("ada")[0].Secret, in == "present")
	}
}

func TestPaging_noSuchPage(t *testing.T) {
	t.Parallel()
	for paging, queries := range map[string][]string{
		"cursor": {"cursor=x", "cursor=after-"},
		"pages":  {"page=0", "page=2", "page=x"},
	} {
		b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: paging}})
		b.create()
		for _, q := range queries {
			expectStatus(t, b.do("GET", "/webhooks?"+q, ""), 400)
		}
	}
}

func TestPaging_deletedCursor(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "next"}})
	var ids []string
	for range 4 {
		ids = append(ids, b.create().ID)
	}
	next := at(b.do("GET", "/webhooks", "").json(t), "next").(string)
	b.sim.Remove("ada", ids[0])
	b.sim.Remove("ada", ids[1])
	got := at(b.as(b.keys["ada"], "GET", next, "").json(t), "payload")
	expectLen(t, got, 2)
	expect(t, at(got.([]any)[0], "id"), ids[2])
}

func TestPaging_listLag(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{Paging: "pages", ListLag: 2}})
	for range 3 {
		b.sim.Put("ada", titanxsim.Webhook{Name: "seed"})
	}
	b.create()
	expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload"), 2)
	expectLen(t, at(b.do("GET", "/webhooks?page=2", "").json(t), "payload"), 1) // still the first list
	b.do("GET", "/webhooks?page=1", "")
	expectLen(t, at(b.do("GET", "/webhooks?page=2", "").json(t), "payload"), 2)
}

func TestPaging_bareArray(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{Envelope: "bare", Paging: "cursor", PageSize: 1}})
	b.create()
	b.create()
	got := b.do("GET", "/webhooks", "").json(t)
	expectLen(t, at(got, "items"), 1)
	expect(t, at(got, "nextCursor") != nil, true)
}

func TestPaging_nestedList(t *testing.T) {
	t.Parallel()
	b := start(t, titanxsim.Config{Dialect: titanxsim.Dialect{List: "results", Paging: "cursor"}})
	for range 3 {
		b.create()
	}
	expect(t, at(b.do("GET", "/webhooks", "").json(t), "payload", "nextCursor") != nil, true)
}

func lenient(ignored string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		expectStatus(t, b.do("POST", "/webhooks", validCreate), 201)
		expectStatus(t, b.do("POST", "/webhooks", `{"name":"x","url":"https://a.example",`+ignored+`:["job.completed"]}`), 400)
	}
}

func strict(known, unknown string, status int) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		resp := b.do("POST", "/webhooks", validCreate)
		expectStatus(t, resp, status)
		expect(t, strings.Contains(resp.body, "'"+unknown+"'"), true)
		expect(t, strings.Contains(resp.body, "'"+known+"'"), false)
		expect(t, len(b.sim.Webhooks("ada")), 0)
		one := `{"name":"x","url":"https://a.example","` + known + `":["job.completed"]`
		expectStatus(t, b.do("POST", "/webhooks", one+`}`), 201)
		expectStatus(t, b.do("POST", "/webhooks", one+`,"more":1}`), status)
	}
}

func eventsOut(key string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		got := at(b.do("GET", "/webhooks/"+b.create().ID, "").json(t), "payload")
		expectLen(t, at(got, key), 1)
		expect(t, at(got, "triggers"), nil)
	}
}

func missing(key string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		created := at(b.do("POST", "/webhooks", validCreate).json(t), "payload").(map[string]any)
		read := at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0].(map[string]any)
		for _, got := range []map[string]any{created, read} {
			_, has := got[key]
			expect(t, has, false)
		}
	}
}

func secretOnRead(want any) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		id := b.create().ID
		list := at(b.do("GET", "/webhooks", "").json(t), "payload").([]any)[0]
		for _, got := range []any{list, at(b.do("GET", "/webhooks/"+id, "").json(t), "payload")} {
			secret, has := got.(map[string]any)["secret"]
			expect(t, has, true)
			expect(t, secret, want)
		}
	}
}

// secretReading checks a delivery against the key that is made of what follows
// the secret's prefix.
func secretReading(key func(*testing.T, string) []byte) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		var sig, body string
		receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			read, _ := io.ReadAll(r.Body)
			sig, body = r.Header.Get("X-TitanX-Signature"), string(read)
		}))
		t.Cleanup(receiver.Close)
		for _, prefix := range []string{"whsec_", "wh_sk_"} {
			secret := rand.Text() + rand.Text()
			w := b.sim.Put("ada", titanxsim.Webhook{URL: receiver.URL, EventTypes: []string{"job.completed"}, Secret: prefix + secret})
			b.sim.Fire("ada", "job.completed", nil)
			waitForDeliveries(t, b.sim)
			b.sim.Remove("ada", w.ID)
			mac := hmac.New(sha256.New, key(t, secret))
			mac.Write([]byte(body))
			expect(t, sig, base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		}
	}
}

func nested(key string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		b.create()
		expectLen(t, at(b.do("GET", "/webhooks", "").json(t), "payload", key), 1)
	}
}

// paged follows next over five webhooks on pages of two, and wants each once
// and in order.
func paged(next func(*testing.T, response) string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		var want, got []string
		for range 5 {
			want = append(want, b.create().ID)
		}
		pages := 0
		for path := "/webhooks"; path != "" && pages < 4; pages++ {
			resp := b.do("GET", path, "")
			for _, w := range at(resp.json(t), "payload").([]any) {
				got = append(got, at(w, "id").(string))
			}
			path = next(t, resp)
		}
		expect(t, strings.Join(got, " "), strings.Join(want, " "))
		expect(t, pages, 3)
	}
}

func errorBody(message func(*testing.T, response) string) func(*testing.T, *bench) {
	return func(t *testing.T, b *bench) {
		resp := b.do("POST", "/webhooks", `{}`)
		expectStatus(t, resp, http.StatusBadRequest)
		expect(t, message(t, resp), "name must have at least 1 character")
	}
}

// refused creates a request that finds the day exhausted.
func (b *bench) refused(t *testing.T) response {
	t.Helper()
	b.sim.SetLimits(titanxsim.Limits{Day: 1})
	b.do("GET", "/webhooks", "")
	resp := b.do("GET", "/webhooks", "")
	expectStatus(t, resp, http.StatusTooManyRequests)
	return resp
}

func expect(t *testing.T, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func expectLen(t *testing.T, list any, want int) {
	t.Helper()
	if items, ok := list.([]any); !ok || len(items) != want {
		t.Errorf("got %v, want an array of %d", list, want)
	}
}

func expectStatus(t *testing.T, resp response, want int) {
	t.Helper()
	if resp.status != want {
		t.Errorf("got %d %s, want %d", resp.status, resp.body, want)
	}
}

func expectEmpty(t *testing.T, resp response, status int) {
	t.Helper()
	expectStatus(t, resp, status)
	expect(t, resp.body, "")
}
