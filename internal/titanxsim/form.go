// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanxsim

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// longestName is how many characters of a name are kept, with name-form=cut.
const longestName = 64

// Form returns a new webhook in the form in which the service stores it.
func (d Dialect) Form(w Webhook) Webhook {
	switch d.NameForm {
	case "trimmed":
		w.Name = strings.TrimSpace(w.Name)
	case "lower":
		w.Name = strings.ToLower(w.Name)
	case "upper":
		w.Name = strings.ToUpper(w.Name)
	case "cut":
		if name := []rune(w.Name); len(name) > longestName {
			w.Name = string(name[:longestName])
		}
	case "decomposed":
		w.Name = norm.NFD.String(w.Name)
	}
	w.URL = d.formURL(w.URL)
	if d.EventsForm == "added" {
		w.EventTypes = slices.Clone(w.EventTypes)
		for _, event := range knownEvents {
			if !slices.Contains(w.EventTypes, event) {
				w.EventTypes = append(w.EventTypes, event)
			}
		}
	}
	return w
}

// masked hides what may be a token in a url: all but its host.
func masked(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "***"
	}
	return u.Scheme + "://" + u.Host + "/***"
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func (d Dialect) formURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	switch d.URLForm {
	case "punycode":
		if host, err := idna.ToASCII(strings.ToLower(u.Hostname())); err == nil {
			return strings.Replace(text, u.Hostname(), host, 1)
		}
	case "escapes-upper":
		return escape.ReplaceAllStringFunc(text, strings.ToUpper)
	case "lower":
		return strings.ToLower(text)
	case "no-query":
		text, _, _ = strings.Cut(text, "?")
	case "masked":
		if before, _, ok := strings.Cut(text, "="); ok {
			return before + "=***"
		}
	}
	return text
}
