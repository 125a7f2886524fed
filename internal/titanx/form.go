// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// shortestCut is the fewest characters of a name that are taken for the
// beginning of a longer one: no service cuts names shorter.
const shortestCut = 20

// IsNameForm reports whether a service may store one name as another: trimmed,
// in another case, composed or decomposed, with white space as one space,
// escaped as HTML, cut, or with a part hidden.
func IsNameForm(asked, stored string) bool {
	a, s := foldName(asked), foldName(stored)
	return showsPartOf(a, s) || s != "" && (a == s || a == foldName(html.UnescapeString(stored)) ||
		len([]rune(s)) >= shortestCut && strings.HasPrefix(a, s))
}

func foldName(name string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(name))), " ")
}

// IsURLForm reports whether a service may store one url as another: in
// punycode, in another case, with other escapes, with or without a slash at the
// end, with a part hidden, or without its query.
func IsURLForm(asked, stored string) bool {
	if showsPartOf(strings.ToLower(asked), strings.ToLower(stored)) {
		return true
	}
	a, askedQuery, _ := strings.Cut(foldURL(asked), "?")
	s, storedQuery, _ := strings.Cut(foldURL(stored), "?")
	return strings.TrimRight(a, "/") == strings.TrimRight(s, "/") &&
		(storedQuery == "" || storedQuery == askedQuery || isMasked(askedQuery, storedQuery))
}

func foldURL(text string) string { return strings.ToLower(URLKey(text)) }

// isMasked reports whether a query has the parameters of another, and values
// that are the same or show that something is hidden.
func isMasked(asked, stored string) bool {
	a, errAsked := url.ParseQuery(asked)
	s, errStored := url.ParseQuery(stored)
	if errAsked != nil || errStored != nil || len(a) != len(s) {
		return false
	}
	for key, values := range s {
		hidden := slices.ContainsFunc(values, func(v string) bool {
			return strings.ContainsAny(v, "*\u2022\u2026") || v == "redacted"
		})
		if _, ok := a[key]; !ok || !hidden && !slices.Equal(a[key], values) {
			return false
		}
	}
	return true
}

// hiddenPart is what services write for a part of a value that they do not
// show.
var hiddenPart = regexp.MustCompile(`(\*{3,}|\x{2022}{2,}|\x{2026}|\.{3})`)

// WithoutMasked returns the webhook without a name or a url of which only a
// part is shown, as some services do in lists: such a value counts as not
// returned. A part that does not agree with the whole is that of another value.
// Where the whole is not known, it is "".
func (w Webhook) WithoutMasked(name, url string) Webhook {
	if name != "" && showsPartOf(name, w.Name) {
		w.Name = ""
	}
	if showsPartOf(strings.ToLower(url), strings.ToLower(w.URL)) {
		w.URL = ""
	}
	return w
}

func showsPartOf(whole, shown string) bool {
	hidden := hiddenPart.FindStringIndex(shown)
	if hidden == nil || shown == whole {
		return false
	}
	before, after := shown[:hidden[0]], shown[hidden[1]:]
	return whole == "" || len(before)+len(after) <= len(whole) && strings.HasPrefix(whole, before) &&
		strings.HasSuffix(whole, after)
}

// IsEventsForm reports whether a service may store one set of events as
// another: it adds some.
func IsEventsForm(asked, stored []string) bool {
	return !slices.ContainsFunc(asked, func(event string) bool { return !slices.Contains(stored, event) })
}
