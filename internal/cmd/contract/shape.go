// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// describe tells an answer by its status and shape, never by its contents.
func describe(x exchange) string {
	return fmt.Sprintf("%d, %s", x.status, shape(x.body))
}

func shape(body []byte) string {
	value, err := decode(body)
	at, isWebhook := find(value, webhookObject)
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return "no body"
	case isWebhook:
		return "the webhook " + at.where()
	case err == nil:
		return outline(value, 3)
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")):
		return "a web page"
	}
	return "plain text"
}

func decode(body []byte) (value any, err error) {
	err = json.Unmarshal(body, &value)
	return value, err
}

// outline shows the keys and kinds of a JSON value, at most depth levels deep.
func outline(value any, depth int) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case []any:
		if len(v) == 0 || depth == 0 {
			return "[]"
		}
		return "[" + outline(v[0], depth-1) + "]"
	case map[string]any:
		if depth == 0 {
			return "{}"
		}
		var parts []string
		for _, key := range keys(v) {
			parts = append(parts, key+": "+outline(v[key], depth-1))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "?"
}

func keys(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }

// place is where in an answer a value was found.
type place struct {
	value  any
	path   []string // the keys on the way to it
	beside []string // the keys that were passed by
}

func (p place) where() string {
	if len(p.path) == 0 {
		return "bare"
	}
	return "under " + strings.Join(p.path, ".")
}

// find gives the first value that is wanted.
func find(value any, wanted func(any) bool) (place, bool) {
	if wanted(value) {
		return place{value: value}, true
	}
	fields, _ := value.(map[string]any)
	for _, key := range keys(fields) {
		p, ok := find(fields[key], wanted)
		if !ok {
			continue
		}
		p.path = append([]string{key}, p.path...)
		others := slices.DeleteFunc(keys(fields), func(other string) bool { return other == key })
		p.beside = append(others, p.beside...)
		return p, true
	}
	return place{}, false
}

func webhookObject(value any) bool {
	fields, _ := value.(map[string]any)
	id, _ := fields["id"].(string)
	return id != ""
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// listed gives the webhook of an id in a page of the list, nil if it is not there.
func listed(page place, id string) map[string]any {
	elements, _ := page.value.([]any)
	for _, element := range elements {
		if fields, _ := element.(map[string]any); fields["id"] == id {
			return fields
		}
	}
	return nil
}

// secretShape tells of a secret all but the secret. known is the one that the create's answer gave.
func secretShape(fields map[string]any, known string) string {
	value, given := fields["secret"]
	text, isText := value.(string)
	switch {
	case !given:
		return "absent"
	case value == nil:
		return "null"
	case !isText:
		return "not a text"
	case text == "":
		return "empty"
	case known == "":
		return "given, " + prefixOf(text)
	case text == known:
		return "the secret itself"
	}
	return "masked"
}

func prefixOf(secret string) string {
	for _, prefix := range []string{"whsec_", "wh_sk_"} {
		if strings.HasPrefix(secret, prefix) {
			return "begins " + prefix
		}
	}
	return "with neither documented prefix"
}

// idForm tells whether an id is a UUID, as in the documentation's samples.
func idForm(id string) string {
	plain := strings.ToLower(id)
	if len(plain) == 36 && strings.Count(plain, "-") == 4 && strings.Trim(plain, "0123456789abcdef-") == "" {
		return "a UUID"
	}
	return "not a UUID"
}

// rateHeaders gives the rate headers of an answer, by what their names end on.
func rateHeaders(header http.Header) map[string]http.Header {
	found := map[string]http.Header{}
	for name, values := range header {
		rest, ok := strings.CutPrefix(name, "X-Ratelimit-")
		if _, suffix, cut := strings.Cut(rest, "-"); ok && cut {
			if found[suffix] == nil {
				found[suffix] = http.Header{}
			}
			found[suffix][name] = values
		}
	}
	return found
}

func retryAfterForm(header http.Header) string {
	value := header.Get("Retry-After")
	switch {
	case value == "":
		return "absent"
	case strings.Trim(value, "0123456789") == "":
		return "seconds"
	}
	return "date"
}
