// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package titanx

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// SameURL reports whether two webhook urls mean the same address. These make
// no difference (RFC 3986, section 6.2): the case of the scheme, the host and
// percent-encoding, punycode, the default port, and an empty path.
func SameURL(a, b string) bool { return a == b || URLKey(a) == URLKey(b) }

var percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

// URLKey returns a text that two webhook urls share if they mean the same
// address, as SameURL compares them.
func URLKey(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || strings.Count(u.Host, ":") > 1 && u.Host[0] != '[' {
		return text // no host, or several ports
	}
	u.Scheme = strings.ToLower(u.Scheme)
	u.Host = strings.ToLower(u.Host)
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	}
	u.Host = strings.TrimSuffix(u.Host, ":")
	if host, err := idna.Lookup.ToASCII(u.Hostname()); err == nil {
		u.Host = strings.Replace(u.Host, u.Hostname(), host, 1)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return percentEncoded.ReplaceAllStringFunc(u.String(), strings.ToUpper)
}

// parseBaseURL accepts https anywhere and http to a loopback address: the key
// never travels in clear. Its errors do not quote the text, which may hold a
// password.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil:
		return nil, errors.New("the base URL cannot be read as a URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the base URL must not contain a user name, a query, or a fragment")
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the base URL is not absolute: it needs https:// and a host")
	case u.Scheme == "http" && !IsLoopback(u.Hostname()):
		return nil, fmt.Errorf("the base URL would send the API key in clear text to %s: "+
			"use https, or http to a loopback address", u.Host)
	}
	return u, nil
}

// IsLoopback reports whether a host, without a port, is this machine:
// localhost or a loopback address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") || ip != nil && ip.IsLoopback()
}
