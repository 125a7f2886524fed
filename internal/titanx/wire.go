// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// This file has the JSON shapes that TitanX may use. Its documentation
// contradicts itself (docs.titanx.io, "Webhooks"), so every doubt about the
// body of a request or a response is decided here, and for the pages of a list
// in paging.go.

// eventKeys are the two documented names of the events array in a create
// request.
var eventKeys = []string{"events", "eventTypes"}

// encodeCreate writes a create request with the events under each of the given
// keys.
func encodeCreate(req CreateRequest, keys []string) []byte {
	body := map[string]any{"name": req.Name, "url": req.URL, "status": req.Status}
	for _, key := range keys {
		body[key] = eventSet(req.EventTypes)
	}
	encoded, _ := json.Marshal(body) // texts always encode
	return encoded
}

// What frameworks say of a key that they do not know. The key is named as a
// whole word: "eventTypes[0]: unknown event type" is about a value.
var (
	unknownKeyBefore = regexp.MustCompile(
		`(?i:(?:unknown|unrecogni[sz]ed|unexpected|unsupported|unpermitted|additional|extra|invalid)\s+(?:key|propert|field|parameter|attribute|argument|member|input)[a-z()]*(?:\s+(?:in|for|on)\s+\w+)?)[\s:\\"'` + "`" + `.\[]*(eventTypes|events)\b(?:[^\[\w]|$)`)
	unknownKeyAfter = regexp.MustCompile(`(?:^|[^\w\]])(eventTypes|events)["'` + "`" +
		`]?:?\s+(?i:(?:this )?(?:field |key |property |parameter )?(?:is|are|was) (?:not (?:an? )?(?:allowed|permitted|recogni[sz]ed|expected|supported|known|defined)|unknown|unexpected|prohibited)|should not exist|(?:is|are) an? (?:unknown|unexpected|unrecogni[sz]ed|unsupported|additional|extra)\b|not (?:allowed|permitted|expected)|extra inputs|must not have additional|(?:unknown|unexpected|unrecogni[sz]ed|additional|extra) (?:key|propert|field|parameter|attribute))`)
	bothKeys = regexp.MustCompile(`^[\\"'` + "`" + `]*(?:,| and)\s*[\\"'` + "`" + `]*(?:eventTypes|events)\b`)
)

// unknownEventKey returns the events key that a refused create names as
// unknown, or "".
func unknownEventKey(err error) string {
	var refusal *Error
	if !errors.As(err, &refusal) ||
		refusal.StatusCode != http.StatusBadRequest && refusal.StatusCode != http.StatusUnprocessableEntity {
		return ""
	}
	for _, form := range []*regexp.Regexp{unknownKeyBefore, unknownKeyAfter} {
		found := form.FindStringSubmatchIndex(refusal.Message)
		if found == nil {
			continue
		}
		if bothKeys.MatchString(refusal.Message[found[3]:]) {
			return ""
		}
		return refusal.Message[found[2]:found[3]]
	}
	return ""
}

// webhookJSON is one webhook under all documented names. A zero field was not
// returned, or is null.
type webhookJSON struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	URL        string          `json:"url"`
	Triggers   eventList       `json:"triggers"`
	Events     eventList       `json:"events"`
	EventTypes eventList       `json:"eventTypes"`
	Status     string          `json:"status"`
	Secret     string          `json:"secret"`
	CreatedAt  json.RawMessage `json:"createdAt"`
	UpdatedAt  json.RawMessage `json:"updatedAt"`

	DeletedAt  json.RawMessage `json:"deletedAt"`
	DeletedAt2 json.RawMessage `json:"deleted_at"`
	Deleted    json.RawMessage `json:"deleted"`
	IsDeleted  json.RawMessage `json:"isDeleted"`
}

// eventList decodes an array of at most maxEvents names: what an element
// decodes to takes more memory than its text.
type eventList []string

const maxEvents = 1000

func (l *eventList) UnmarshalJSON(raw []byte) error {
	if bytes.Count(raw, []byte{','}) >= maxEvents {
		return fmt.Errorf("%w: more than %d events", ErrUnreadable, maxEvents)
	}
	return json.Unmarshal(raw, (*[]string)(l))
}

func (w webhookJSON) webhook() Webhook {
	events := w.Triggers
	for _, other := range []eventList{w.Events, w.EventTypes} {
		if len(events) == 0 {
			events = other
		}
	}
	return Webhook{
		ID:         w.ID,
		Name:       w.Name,
		URL:        w.URL,
		EventTypes: eventSet(events),
		Status:     w.status(),
		CreatedAt:  timestamp(w.CreatedAt),
		UpdatedAt:  timestamp(w.UpdatedAt),
	}
}

// status returns statusDeleted for a webhook that is kept only as a record of a
// deletion, and the documented statuses in the documented case.
func (w webhookJSON) status() string {
	if !timestamp(w.DeletedAt).IsZero() || !timestamp(w.DeletedAt2).IsZero() ||
		string(w.Deleted) == "true" || string(w.IsDeleted) == "true" {
		return statusDeleted
	}
	for _, known := range []string{StatusActive, StatusInactive, statusDeleted} {
		if strings.EqualFold(w.Status, known) {
			return known
		}
	}
	return w.Status
}

// timestamp reads RFC 3339, the form of every sample. Another form counts as
// not returned.
func timestamp(raw json.RawMessage) time.Time {
	t, err := time.Parse(time.RFC3339, strings.Trim(string(raw[:min(len(raw), 64)]), `"`))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// eventSet returns the events sorted and each once: their order means nothing.
// An empty set is nil.
func eventSet(events []string) []string {
	if len(events) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(events)))
}

// wrappers are the keys under which a response may hold its object or list.
var wrappers = []string{"payload", "data", "webhook", "webhooks", "items", "results"}

// maxNesting bounds how deep a list or object may be wrapped.
const maxNesting = 3

// decodeWebhook reads an object under "payload", under "data", or bare.
func decodeWebhook(a *answer) (webhookJSON, error) {
	return decodeNested(a, a.body, maxNesting)
}

// decodeNested prefers the inner object: an id beside an envelope is that of
// the request or the page.
func decodeNested(a *answer, raw json.RawMessage, depth int) (w webhookJSON, err error) {
	fields, err := object(a, raw)
	if err != nil {
		return webhookJSON{}, err
	}
	if inner := unwrap(fields, '{'); inner != nil && depth > 0 {
		if w, err := decodeNested(a, inner, depth-1); !errors.Is(err, ErrUnreadable) {
			if w.Secret == "" {
				_ = json.Unmarshal(fields["secret"], &w.Secret) // "" if it is no text
			}
			return w, err
		}
	}
	if _, ok := fields["id"]; !ok {
		return webhookJSON{}, fmt.Errorf("%w: no webhook in it", ErrUnreadable)
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return webhookJSON{}, unreadable(err)
	}
	return w, w.check()
}

// unwrap returns the wrapped value that begins with the first possible of some
// characters, or nil.
func unwrap(fields map[string]json.RawMessage, begin ...byte) json.RawMessage {
	for _, c := range begin {
		for _, key := range wrappers {
			if startsWith(fields[key], c) {
				return fields[key]
			}
		}
	}
	return nil
}

// object reads the fields of one level, and returns a 2xx that says that it
// failed as the error it is.
func object(a *answer, raw json.RawMessage) (map[string]json.RawMessage, error) {
	fields, err := readFields(raw)
	if err != nil {
		return nil, err
	}
	if saysFailed(fields) {
		return nil, newError(a)
	}
	return fields, nil
}

// saysFailed reports whether an object has a non-null "error", or says in the
// word of another common envelope that nothing was done.
func saysFailed(fields map[string]json.RawMessage) bool {
	for _, key := range []string{"error", "errors"} {
		if value := fields[key]; len(value) > 0 &&
			!slices.Contains([]string{"null", "[]", "{}", `""`, "false", "0"}, string(value)) {
			return true
		}
	}
	if string(fields["success"]) == "false" || string(fields["ok"]) == "false" {
		return true
	}
	_, isWebhook := fields["id"] // its status is its own
	return !isWebhook && slices.Contains([]string{`"error"`, `"fail"`}, string(fields["status"]))
}

// errorInside returns the error that a 2xx carries, nil if it carries none.
func errorInside(a *answer) error {
	var refusal *Error
	if _, err := decodeWebhook(a); errors.As(err, &refusal) {
		return refusal
	}
	return nil
}

// maxFields bounds an object, of which there may be millions of fields.
const maxFields = 1000

// readFields returns the fields of one level by their names in lower case,
// without underscores.
func readFields(raw json.RawMessage) (map[string]json.RawMessage, error) {
	if !startsWith(raw, '{') {
		return nil, fmt.Errorf("%w: not a JSON object", ErrUnreadable)
	}
	fields := map[string]json.RawMessage{}
	from := json.NewDecoder(bytes.NewReader(raw))
	_, err := from.Token()
	for err == nil && from.More() && len(fields) < maxFields {
		var key json.Token
		var value json.RawMessage
		if key, err = from.Token(); err != nil {
			break
		}
		err = from.Decode(&value)
		fields[strings.ToLower(strings.ReplaceAll(fmt.Sprint(key), "_", ""))] = value
	}
	if err == nil {
		_, err = from.Token()
	}
	if _, rest := from.Token(); err != nil || !errors.Is(rest, io.EOF) {
		return nil, fmt.Errorf("%w: not valid JSON", ErrUnreadable)
	}
	return fields, nil
}

// unreadable describes a JSON error without quoting the body.
func unreadable(err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.Is(err, ErrUnreadable) {
		return err
	}
	if errors.As(err, &wrongType) {
		return fmt.Errorf("%w: field %q is not a %s", ErrUnreadable, wrongType.Field, wrongType.Type)
	}
	return fmt.Errorf("%w: not valid JSON", ErrUnreadable)
}

func startsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// check returns an error for a webhook without an id, or with one that no
// person could copy: an id is in messages, commands and addresses.
func (w webhookJSON) check() error {
	switch {
	case w.ID == "":
		return fmt.Errorf("%w: a webhook without an id", ErrUnreadable)
	case len(w.ID) > maxID || strings.ContainsFunc(w.ID, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%w: a webhook whose id is too long or not printable", ErrUnreadable)
	}
	return nil
}

const maxID = 256 // bytes

// newError reads a refusal. It never fails: an unknown body results in an
// Error without a message.
func newError(a *answer) *Error {
	e := &Error{StatusCode: a.status, HTML: isHTML(a), aboutOne: a.aboutOne}
	if a.status >= 300 && a.status <= 399 {
		e.Location = a.redact.clean(redirectTarget(a.header))
	}
	if !e.HTML {
		e.Message = a.redact.clean(errorMessage(a.body[:min(len(a.body), maxErrorBody)]))
	}
	return e
}

// redirectTarget names where a redirect points, without its path and query:
// those can hold anything.
func redirectTarget(header http.Header) string {
	to, err := url.Parse(header.Get("Location"))
	switch {
	case err != nil:
		return "an address that cannot be read"
	case to.Host == "":
		return "the same host"
	}
	return to.Scheme + "://" + to.Host
}

func isHTML(a *answer) bool {
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if mediaType == "text/html" || mediaType == "application/xhtml+xml" {
		return true
	}
	return startsWith(a.body, '<')
}

// errorMessage reads the undocumented error bodies: {"error": …},
// {"message": …}, {"errors": […]}, each a text or an object, or plain text.
// JSON that was cut is not text: it may be a webhook with its secret.
func errorMessage(body []byte) string {
	var value any
	switch err := json.Unmarshal(body, &value); {
	case err == nil:
		return strings.Join(messages(value, 5), "; ")
	case startsWith(body, '{') || startsWith(body, '['):
		return ""
	}
	return string(body)
}

// messages returns the texts of an error value, at most depth levels deep.
func messages(value any, depth int) []string {
	if depth == 0 {
		return nil
	}
	var found []string
	switch v := value.(type) {
	case string:
		if v != "" {
			found = append(found, v)
		}
	case []any:
		for _, element := range v[:min(len(v), 8)] {
			found = append(found, messages(element, depth-1)...)
		}
	case map[string]any:
		for _, key := range []string{
			"error", "errors", "message", "msg", "detail", "details", "description", "issues", "violations",
		} {
			for _, text := range messages(v[key], depth-1) {
				if key == "message" || key == "msg" {
					text = subject(v) + text
				}
				if !slices.Contains(found, text) {
					found = append(found, text)
				}
			}
		}
		if len(found) == 0 {
			found = fieldMessages(v)
		}
	}
	return found
}

// fieldMessages reads an object that has nothing but lists of texts, each under
// the name of a field: {"events": ["Unknown field."]}.
func fieldMessages(fields map[string]any) []string {
	var found []string
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		list, ok := fields[key].([]any)
		if !ok {
			return nil
		}
		for _, element := range list[:min(len(list), 8)] {
			if text, ok := element.(string); ok {
				found = append(found, key+": "+text)
			}
		}
	}
	return found[:min(len(found), 8)]
}

// subject names what a message is about, where a validator says so beside the
// message: {"loc": ["body", "events"], "msg": "Extra inputs are not
// permitted"}.
func subject(fields map[string]any) string {
	for _, key := range []string{"loc", "path", "field", "property", "propertyPath", "params"} {
		value := fields[key]
		if params, ok := value.(map[string]any); ok {
			value = params["additionalProperty"]
		}
		if parts, ok := value.([]any); ok && len(parts) > 0 {
			value = parts[len(parts)-1]
		}
		if name, ok := value.(string); ok && name != "" {
			return name + ": "
		}
	}
	return ""
}
