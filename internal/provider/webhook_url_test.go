// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

func TestURLProblem(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("a", 63)
	for text, want := range map[string]string{ // "" is no problem
		"https://hooks.example.com":                    "",
		"https://hooks.example.com:65535/a?b=c":        "",
		"https://hooks.example.com./":                  "",
		"https://my_host.example.com/":                 "",
		"https://a--b.example.com/":                    "",
		"https://b\u00fccher.example.com/a":            "",
		"https://xn--bcher-kva.example.com/a":          "",
		"https://b%C3%BCcher.example.com/a":            "",
		"https://hooks.example.com/a%20b%2Fc?x=%C3%BC": "",
		"https://8.8.8.8/":                             "",
		"https://[2001:db8::1]:8443/":                  "",
		"https://" + label + ".example.com/":           "",

		"https://hooks.example.com/a\n":       "trimspace(",
		"\ufeffhttps://hooks.example.com/a":   "invisible",
		" https://hooks.example.com/a":        "trimspace(",
		"https://hooks.example.com/a\r\n":     "trimspace(",
		"https://hooks.example.com/a\u00a0":   "trimspace(",
		"https://hooks.example.com/a b":       "%20",
		"https://hooks.example.com/?q=a b":    "%20",
		"https://hooks.\u00a0example.com/":    "space",
		"https://hooks.example.com/\u2003a":   "%20",
		"https://hooks.example.com/a\nb":      "line break",
		"https://hooks.example.com/a\tb":      "control character",
		"https://hooks.example.com/a\x7fb":    "control character",
		"https://hooks.example.com/a\u0085":   "trimspace(",
		"https://hooks.example.com/\u200ba":   "invisible",
		"https://hooks.example.com/\u00e9":    "urlencode(",
		"https://hooks.example.com/?q=\u65e5": "urlencode(",

		"https://hooks.example.com:0/":                    "1 to 65535",
		"https://hooks.example.com:65536/":                "1 to 65535",
		"https://hooks.example.com:99999999999999999999/": "1 to 65535",
		"https://hooks.example.com:00/":                   "1 to 65535",
		"https://[2001:db8::1]:0/":                        "1 to 65535",

		"https://.example.com/":                                 "dot",
		"https://hooks..example.com/":                           "two dots",
		"https://hooks.example.com../":                          "two dots",
		"https://hooks\u3002\u3002example.com/":                 "two dots",
		"https://./":                                            "dot",
		"https://*.example.com/":                                "one host",
		"https://*/":                                            "one host",
		"https://" + label + "a.example.com/":                   "63",
		"https://" + strings.Repeat("\u00fc", 60) + ".example/": "63",
		"https://" + strings.Repeat(label+".", 4) + "example/":  "253",
		"https://ex\"ample.com/":                                "letters",
		"https://ex'ample.com/":                                 "letters",
		"https://256.1.1.1/":                                    "IPv4",
		"https://1.2.3.4.5/":                                    "IPv4",
		"https://08.8.8.8/":                                     "IPv4",
		"https://0x1ffffffff/":                                  "IPv4",
		"https://hooks.example.123/":                            "IPv4",
		"https://[::g]/":                                        "cannot be read",
		"https://[fe80::1%25eth0]/":                             "zone",
	} {
		got := urlProblem(text)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestUnreachableURL spells addresses as C libraries and browsers read them.
func TestUnreachableURL(t *testing.T) {
	t.Parallel()
	for host, reachable := range map[string]bool{
		"127.1": false, "127.0.1": false, "0177.0.0.1": false, "0x7f.1": false, "0x7f000001": false, "2130706433": false, "017700000001": false,
		"0X7F.0.0.0x1": false, "127.0.0.1.": false, "127.1.": false,
		"10.1": false, "0xa.0.0.1": false, "012.1.2.3": false, "167772161": false, "192.168.257": false, "0xc0a80101": false, "0254.16.1": false,
		"169.254.43518": false, "0xa9fea9fe": false, "100.64.1": false, "0": false, "0x0": false, "0.1.2.3": false,
		"224.1": false, "255.255.255.255": false,
		"\uff11\uff12\uff17.0.0.1": false, "127\u30020\u30020\u30021": false, "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54": false,
		"[::ffff:7f00:1]": false, "[::127.0.0.1]": false, "[64:ff9b::10.0.0.1]": false, "[2002:7f00:1::]": false, "[::]": false,
		"localhost": false, "intranet": false, "a.localhost.": false,

		"8.8": true, "134744072": true, "0x08080808": true, "[2606:4700::1111]": true, "[64:ff9b::8.8.8.8]": true,
		"hooks.example.com": true, "127.example.com": true, "10.0.0.1.example.com": true, "0x7f.example": true, "b\u00fccher.example.com": true,
	} {
		if got := unreachableURL("https://"+host+"/titanx") == ""; got != reachable {
			t.Errorf("%s: reachable %t", host, got)
		}
	}
}
