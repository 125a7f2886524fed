// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Dialect has one switch per point that TitanX's documentation leaves open or
// contradicts. An empty field has the first of its values; the zero Dialect is
// the generated schema, the most detailed of the documented contracts. The tags
// hold each switch's name for ParseDialect and its values; a number takes any
// value from 0, and "try" those of Variations.
type Dialect struct {
	// Envelope is the key that answers stand under.
	Envelope string `sim:"envelope" values:"payload data bare"`
	// EventsIn is the key that a create reads its events from. With a status
	// after it, the server is strict: any unknown key is refused with that
	// status and a message that names it.
	EventsIn string `sim:"events-in" values:"both events eventTypes events-400 events-422 eventTypes-400 eventTypes-422"`
	// EventsOut is the key that answers show the events under.
	EventsOut string `sim:"events-out" values:"triggers events eventTypes"`
	// UnknownEvent says what becomes of an event type that is not documented.
	UnknownEvent string `sim:"unknown-event" values:"refused accepted"`
	// NameOut and UpdatedAt say whether answers hold these.
	NameOut   string `sim:"name-out" values:"present absent absent-on-create"`
	UpdatedAt string `sim:"updated-at" values:"present absent"`
	// StatusOut and CreatedAtOut say whether answers hold these.
	StatusOut    string `sim:"status-out" values:"present absent"`
	CreatedAtOut string `sim:"created-at-out" values:"present absent"`
	// InitialStatus says what becomes of the status in a create.
	InitialStatus string `sim:"initial-status" values:"honored ignored"`
	// Stamp says which time a create that is committed late has.
	Stamp string `sim:"stamp" values:"receipt commit"`
	// SameURL and SameName say what becomes of a second subscription of one
	// url, or of one name: it is accepted, refused, answered with the webhook
	// that exists, or written over that one with a new secret.
	SameURL  string `sim:"same-url" values:"accepted 409 existing overwritten"`
	SameName string `sim:"same-name" values:"accepted 409 existing overwritten"`
	// NameForm, URLForm and EventsForm say in which form a create stores its
	// values.
	NameForm   string `sim:"name-form" values:"kept trimmed lower upper cut decomposed"`
	URLForm    string `sim:"url-form" values:"kept punycode escapes-upper lower no-query masked"`
	EventsForm string `sim:"events-form" values:"kept added"`
	// StatusSet says what a change of status does: as it is told, or it sets
	// and answers with another status, or it answers as told and changes
	// nothing.
	StatusSet string `sim:"status-set" values:"obeyed failed pending_verification ignored"`

	// CreateStatus is the code of a successful create.
	CreateStatus string `sim:"create-status" values:"201 200"`
	// CreateSecret says whether a create's answer holds the secret: documented,
	// yet the case to be ready for.
	CreateSecret string `sim:"create-secret" values:"present absent null"`
	// SecretPrefix begins a secret.
	SecretPrefix string `sim:"secret-prefix" values:"whsec_ wh_sk_"`
	// SecretOnRead is what every answer but a create's shows for the secret.
	SecretOnRead string `sim:"secret-on-read" values:"absent null masked empty"`
	// SecretReading is how deliveries get their HMAC key from the secret: a
	// signature.Reading.
	SecretReading string `sim:"secret-reading" values:"whole after-prefix decoded"`
	// StatusAnswer is the answer to a change of status.
	StatusAnswer string `sim:"status-answer" values:"object empty-200 empty-204 text"`
	// DeleteAnswer is the answer to a delete.
	DeleteAnswer string `sim:"delete-answer" values:"204 200-object 200-empty 202"`
	// Get says whether one webhook can be read, and else how the route's
	// absence looks.
	Get string `sim:"get" values:"exists absent-html absent-json absent-405"`
	// Deleted says what lists show of a deleted webhook: nothing, or the
	// webhook with the status "deleted" or with the time of its deletion. In
	// the last case it can also still be read at its own address.
	Deleted string `sim:"deleted" values:"gone status timestamp"`
	// AbsentID is the code for an id that does not exist.
	AbsentID string `sim:"absent-id" values:"404 410"`
	// ID is the form of a new webhook's id.
	ID string `sim:"id" values:"uuid prefixed"`

	// List is where the array of a list stands: at once under the envelope, or
	// one level deeper under this key.
	List string `sim:"list" values:"array webhooks items results"`
	// ListForm is in which form lists show a url.
	ListForm string `sim:"list-form" values:"whole masked"`
	// Paging is how a list shows that it goes on: nextCursor, a next address in
	// the body, a Link header, or a page count. A bare array cannot hold more:
	// with the paging in its body it becomes an object with "items".
	Paging string `sim:"paging" values:"none cursor next link pages"`
	// PageSize is the number of webhooks on a page; 0 is 2, so that a handful
	// shows the paging.
	PageSize int `sim:"page-size"`
	// ListLag, if not 0, shows a created webhook only from the given list after
	// it on (1 is the first).
	ListLag int `sim:"list-lag" try:"2"`
	// ListDelay and GetDelay are for how many seconds after its creation a
	// webhook is missing in lists, and from its own address.
	ListDelay int `sim:"list-delay" try:"10"`
	GetDelay  int `sim:"get-delay" try:"10"`

	// Invalid is the code of a refused validation.
	Invalid string `sim:"invalid" values:"400 422"`
	// ErrorBody is the shape of an error. With ok-error a refused validation is
	// a 200 with a non-null "error".
	ErrorBody string `sim:"error-body" values:"error error-object message errors text html empty ok-error"`
	// DailySuffix ends the names of the day's rate headers.
	DailySuffix string `sim:"daily-suffix" values:"Day Daily"`
	// LimitHeaders says whether a 429 has the rate headers, too.
	LimitHeaders string `sim:"limit-headers" values:"always not-on-429"`
	// RetryAfter is the form of that header on a 429.
	RetryAfter string `sim:"retry-after" values:"absent seconds date"`
	// LimitBody is the body of a 429; json is the error body.
	LimitBody string `sim:"limit-body" values:"json text html empty"`
}

// ParseDialect reads switches such as "envelope=data,get=absent-html". An empty
// string is the zero Dialect.
func ParseDialect(s string) (Dialect, error) {
	var d Dialect
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if err := d.set(name, value); err != nil {
			return Dialect{}, fmt.Errorf("parse dialect: %w", err)
		}
	}
	return d, nil
}

// String lists the switches that differ from the zero Dialect, in a form that
// ParseDialect reads.
func (d Dialect) String() string {
	var parts []string
	d.each(func(f reflect.StructField, v reflect.Value) {
		if !v.IsZero() && fmt.Sprint(v) != defaultValue(f) {
			parts = append(parts, fmt.Sprintf("%s=%v", f.Tag.Get("sim"), v))
		}
	})
	return strings.Join(parts, ",")
}

// Variations returns each single switch set to each of its other values, one at
// a time.
func Variations() []Dialect {
	var out []Dialect
	new(Dialect).each(func(f reflect.StructField, _ reflect.Value) {
		values := strings.Fields(f.Tag.Get("try"))
		if f.Type.Kind() == reflect.String {
			values = switchValues(f)[1:]
		}
		for _, value := range values {
			var d Dialect
			if err := d.set(f.Tag.Get("sim"), value); err != nil {
				panic(err)
			}
			out = append(out, d)
		}
	})
	return out
}

// DialectUsage describes every switch, one a line, its default first.
func DialectUsage() string {
	var b strings.Builder
	new(Dialect).each(func(f reflect.StructField, _ reflect.Value) {
		values := "a number"
		if f.Type.Kind() == reflect.String {
			values = strings.Join(switchValues(f), " | ")
		}
		fmt.Fprintf(&b, "  %-15s %s\n", f.Tag.Get("sim"), values)
	})
	return b.String()
}

// set stores a default as the zero value, so that equal dialects are ==.
func (d *Dialect) set(name, value string) error {
	err := fmt.Errorf("no switch %q", name)
	d.each(func(f reflect.StructField, v reflect.Value) {
		if f.Tag.Get("sim") != name {
			return
		}
		err = nil
		if v.Kind() == reflect.Int {
			n, parseErr := strconv.Atoi(value)
			if parseErr != nil || n < 0 {
				err = fmt.Errorf("switch %q takes a number from 0, not %q", name, value)
			}
			v.SetInt(int64(n))
			return
		}
		switch i := slices.Index(switchValues(f), value); i {
		case -1:
			err = fmt.Errorf("switch %q takes one of %s, not %q", name, strings.Join(switchValues(f), ", "), value)
		case 0:
			v.SetString("")
		default:
			v.SetString(value)
		}
	})
	return err
}

// resolved fills every empty switch with its default and panics on a value that
// does not exist.
func (d Dialect) resolved() Dialect {
	if _, err := ParseDialect(d.String()); err != nil {
		panic("titanxsim: " + err.Error())
	}
	d.each(func(f reflect.StructField, v reflect.Value) {
		if v.Kind() == reflect.String && v.IsZero() {
			v.SetString(defaultValue(f))
		}
	})
	if d.PageSize == 0 {
		d.PageSize = 2
	}
	return d
}

func (d *Dialect) each(visit func(reflect.StructField, reflect.Value)) {
	v := reflect.ValueOf(d).Elem()
	for i := range v.NumField() {
		visit(v.Type().Field(i), v.Field(i))
	}
}

func switchValues(f reflect.StructField) []string { return strings.Fields(f.Tag.Get("values")) }

func defaultValue(f reflect.StructField) string {
	if f.Type.Kind() != reflect.String {
		return "0"
	}
	return switchValues(f)[0]
}
