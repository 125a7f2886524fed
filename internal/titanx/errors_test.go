// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestErrorMessage_shapes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                  "",
		`null`:                              "",
		`{}`:                                "",
		`[]`:                                "",
		`17`:                                "",
		`{"code": 7, "id": "w1"}`:           "",
		`"bad url"`:                         "bad url",
		"bad url\n":                         "bad url",
		`{"error": "bad url"}`:              "bad url",
		`{"error": {"message": "bad url"}}`: "bad url",
		`{"error": {"code": "invalid", "message": "bad url", "details": ["no host", "no path"]}}`: "bad url; no host; no path",
		`{"message": "bad url"}`: "bad url",
		`{"message": ["bad url", "bad name"], "error": "Bad Request"}`:                     "Bad Request; bad url; bad name",
		`{"errors": ["bad url", "bad name"]}`:                                              "bad url; bad name",
		`{"errors": [{"path": "url", "message": "bad url"}]}`:                              "url: bad url",
		`{"detail": [{"loc": ["body", "url"], "msg": "bad"}]}`:                             "url: bad",
		`{"detail": [{"loc": [], "msg": "bad"}]}`:                                          "bad",
		`{"errors": [{"path": "", "message": "bad url"}]}`:                                 "bad url",
		`{"detail": "bad", "path": "url"}`:                                                 "bad",
		`{"errors": [{"params": {"additionalProperty": "events"}, "message": "extra"}]}`:   "events: extra",
		`{"error": "bad url", "message": "bad url"}`:                                       "bad url",
		`{"errors": [["deep"]]}`:                                                           "deep",
		`{"errors": [[[["too deep"]]]]}`:                                                   "",
		`{"error": {"error": {"error": {"error": {"error": "too deep"}}}}}`:                "",
		`{"error": {"issues": [{"path": ["url"], "message": "bad"}], "name": "ZodError"}}`: "url: bad",
		`{"title": "Bad", "violations": [{"propertyPath": "url", "message": "bad"}]}`:      "url: bad",
		`{"url": ["bad", "no path"], "name": ["too long"]}`:                                "name: too long; url: bad; url: no path",
		`{"title": "Bad", "errors": {"url": ["bad"]}}`:                                     "url: bad",
		`{"id": "w1", "events": ["job.completed"], "secret": "CANARY"}`:                    "",
		`{"errors": [1, 2, 3, 4, 5, 6, 7, 8, "beyond the eighth"]}`:                        "",
		`{"detail": "bad url"}`:                                                            "bad url",
		"  two\r\n\tlines\x00and \x1b[31mcolour  ":                                         "two linesand [31mcolour",
		"not \xff UTF-8":               "not UTF-8",
		`{"message": "cut in the mid`:  "",
		`[{"message": "cut in the mid`: "",
	} {
		if got := newError(&answer{status: 400, body: []byte(body)}).Message; got != want {
			t.Errorf("%q: message %q, want %q", body, got, want)
		}
	}
}

func TestErrorMessage_redacted(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"no whsec_CANARY here", `{"error": "no wh_sk_CANARY here"}`, `{"message": "whsec_CANARY"}`, "Authorization: Bearer  CANARY",
		strings.Repeat("x ", maxMessage/2-3) + "whsec_CANARY", "a\nBearer\nCANARY",
	} {
		got := newError(&answer{status: 500, body: []byte(body)}).Message
		if strings.Contains(got, "CANARY") || !strings.Contains(got, "(re") {
			t.Errorf("%q: message %q", body, got)
		}
	}
}

func TestErrorMessage_urls(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"message": "https://a.example/CANARY?k=CANARY is not reachable"}`:          "https://a.example/… is not reachable",
		`{"message": "cannot reach \"https://a.example:8443/CANARY\", retry later"}`: `cannot reach "https://a.example:8443/…", retry later`,
		`cannot reach HTTPS://a.example?CANARY.`:                                     "cannot reach HTTPS://a.example/….",
		`{"error": "{\"url\":\"https:\\/\\/a.example\\/CANARY\"}"}`:                  `{"url":"https:\/\/a.example/…"}`,
		`cannot reach https://a.example`:                                             "cannot reach https://a.example",
		`cannot reach https://a.example/ at all`:                                     "cannot reach https://a.example/ at all",
	} {
		if got := newError(&answer{status: 400, body: []byte(body)}).Message; got != want {
			t.Errorf("%s: message %q, want %q", body, got, want)
		}
	}
}

func keeps(secrets ...string) *redactor {
	r := &redactor{}
	r.add(secrets...)
	return r
}

func TestErrorMessage_withoutKey(t *testing.T) {
	t.Parallel()
	const key = "CANARY-API-KEY"
	for before := range 2 * maxMessage {
		got := newError(&answer{status: 200, body: []byte(strings.Repeat("x", before) + key), redact: keeps(key)}).Message
		if strings.Contains(got, "CANARY") {
			t.Errorf("after %d characters: message %q", before, got)
		}
	}
	if got := newError(&answer{status: 401, body: []byte("CANARY\xff-API-KEY"), redact: keeps(key)}).Message; got != "(redacted)" {
		t.Errorf("message %q", got)
	}
}

func TestErrorMessage_bounded(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"x", "é", "漢", "word ", "\xff", "\u0301"} {
		got := newError(&answer{status: 500, body: []byte(strings.Repeat(unit, 1<<20))}).Message
		if n := utf8.RuneCountInString(got); n > maxMessage+1 {
			t.Errorf("1 MiB of %q: %d characters", unit, n)
		}
	}
	if got := new(redactor).clean(strings.Repeat("x", maxMessage)); got != strings.Repeat("x", maxMessage) {
		t.Errorf("what just fits is cut: %q", got)
	}
}

func TestError_webPage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		contentType, body string
		want              bool
	}{
		{"text/html", "", true},
		{"text/html; charset=utf-8", "Not Found", true},
		{"TEXT/HTML", "x", true},
		{"application/xhtml+xml", "x", true},
		{"", "<!DOCTYPE html><title>x</title>", true},
		{"", "\n  <html>", true},
		{"text/plain", "<!doctype HTML>", true},
		{"", "<!-- the edge's own page --><html>", true},
		{"application/xml", "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", true},
		{"", strings.Repeat(" ", 100) + "<html>", true},
		{"application/json", `{"error": "<html>"}`, false},
		{"", "", false},
		{"text/plain", "not found", false},
		{"nonsense; =", "not found", false},
	} {
		e := newError(&answer{status: 404, header: http.Header{"Content-Type": {c.contentType}}, body: []byte(c.body)})
		if e.HTML != c.want || e.HTML && e.Message != "" {
			t.Errorf("%q %q: HTML %t, message %q", c.contentType, c.body, e.HTML, e.Message)
		}
	}
}

func TestError_location(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "", 299: "", 300: "https://x.example", 399: "https://x.example", 400: ""} {
		header := http.Header{"Location": {"https://x.example/path?query"}}
		if got := newError(&answer{status: status, header: header}).Location; got != want {
			t.Errorf("%d: %q", status, got)
		}
	}
}

func TestError_Is(t *testing.T) {
	t.Parallel()
	classes := map[string]error{
		"not found": ErrNotFound, "no route": ErrNoRoute, "unauthorized": ErrUnauthorized, "forbidden": ErrForbidden, "unreadable": ErrUnreadable,
	}
	for _, c := range []struct {
		status int
		html   bool
		want   string
	}{
		{404, false, "not found"},
		{404, true, "no route"},
		{410, false, "not found"},
		{405, false, "no route"},
		{405, true, "no route"},
		{501, false, "no route"},
		{401, false, "unauthorized"},
		{401, true, "unauthorized"},
		{403, false, "forbidden"},
		{403, true, "forbidden"},
		{200, false, ""},
		{302, false, ""},
		{400, false, ""},
		{408, false, ""},
		{409, false, ""},
		{422, false, ""},
		{429, false, ""},
		{500, true, ""},
		{503, false, ""},
	} {
		err := fmt.Errorf("get webhook w1: %w", &Error{StatusCode: c.status, HTML: c.html, aboutOne: true})
		for name, class := range classes {
			if got := errors.Is(err, class); got != (name == c.want) {
				t.Errorf("%d, HTML %t: is %q: %t", c.status, c.html, name, got)
			}
		}
	}
}

func TestIsRefusalInside2xx(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{199: false, 200: true, 299: true, 300: false, 500: false} {
		if got := isRefusalInside2xx(fmt.Errorf("create webhook: %w", &Error{StatusCode: status})); got != want {
			t.Errorf("%d: %t", status, got)
		}
	}
	if isRefusalInside2xx(ErrUnreadable) {
		t.Error("an unreadable response is a refusal")
	}
}

func TestError_Error(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*Error{
		"TitanX answered 500 Internal Server Error":                                         {StatusCode: 500},
		"TitanX answered 400 Bad Request: bad url":                                          {StatusCode: 400, Message: "bad url"},
		"TitanX answered 404 Not Found with a web page":                                     {StatusCode: 404, HTML: true},
		"TitanX answered 302 Found, a redirect to https://x.example, which is not followed": {StatusCode: 302, Location: "https://x.example"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Whatever a body holds, its message is one short printable line without a
// secret.
func FuzzErrorMessage(f *testing.F) {
	for _, name := range []string{"generated-schema.json", "hand-written-sample.json", "data-envelope.json", "page_variant.json"} {
		f.Add("application/json", documented(f, name).body)
	}
	for _, body := range []string{
		"", `{"error":"x"}`, `{"error":{"message":"whsec_CANARY"}}`, `{"message":["a","b"]}`, `{"errors":[{"message":"wh_sk_CANARY"}]}`,
		"<!doctype html>", "plain CANARY-KEY", `"Bearer CANARY"`, "\xff\x00\u2028",
	} {
		f.Add("", []byte(body))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		e := newError(&answer{status: 500, header: http.Header{"Content-Type": {contentType}}, body: body, redact: keeps("CANARY-KEY")})
		switch {
		case utf8.RuneCountInString(e.Message) > maxMessage+1:
			t.Errorf("%d characters", utf8.RuneCountInString(e.Message))
		case looksSecret.MatchString(e.Message) || strings.Contains(e.Message, "CANARY-KEY"):
			t.Errorf("a secret in %q", e.Message)
		case strings.ContainsFunc(e.Message, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Errorf("unprintable: %q", e.Message)
		case e.HTML && e.Message != "":
			t.Errorf("a web page is quoted: %q", e.Message)
		}
	})
}
