// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The requests and secrets files that every receiver must treat alike.

package receivers_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"
)

// secret is in the secrets file of every case.
const secret = "CANARY-secret-of-the-receiver"

// A requestCase is a request, byte by byte, and what every receiver does with
// it.
type requestCase struct {
	name    string
	line    string   // "POST /titanx HTTP/1.1" if empty
	headers []string // the signature alone if nil; SIGNATURE is replaced by the right one
	body    string
	chunks  bool // send the body in chunks
	status  int
	handled string // type and id that the receiver handles
}

const signed = "X-TitanX-Signature: SIGNATURE"

var milliseconds = time.Now().UnixMilli()

// delivery returns a body with an id, and with further members or other ones.
func delivery(id string, members ...string) string {
	fields := []string{fmt.Sprintf(`"id":%q,"eventType":"job.completed","timestamp":%d`, id, milliseconds)}
	return "{" + strings.Join(append(fields, members...), ",") + "}"
}

// stamped returns a body with any text for a timestamp.
func stamped(id, timestamp string) string {
	return fmt.Sprintf(`{"id":%q,"eventType":"job.completed","timestamp":%s}`, id, timestamp)
}

func padded(id string, size int) string {
	body := delivery(id, `"payload":""`)
	return body[:len(body)-2] + strings.Repeat("x", size-len(body)) + `"}`
}

func nested(id string, levels int) string {
	return delivery(id, `"payload":`+strings.Repeat("[", levels-1)+strings.Repeat("]", levels-1))
}

const mebibyte = 1 << 20

var requestCases = []requestCase{
	{name: "a delivery", body: delivery("plain"), status: 204, handled: "job.completed plain"},
	{name: "the same again", body: delivery("plain"), status: 204},
	{name: "its id with another body", body: delivery("plain", `"payload":1`), status: 204},
	{name: "a type of tomorrow", body: `{"id":"tomorrow","eventType":"x","timestamp":` + fmt.Sprint(milliseconds) + `}`, status: 204, handled: "x tomorrow"},
	{name: "a query", line: "POST /titanx?a=b HTTP/1.1", body: delivery("query"), status: 204, handled: "job.completed query"},
	{name: "HTTP/1.0", line: "POST /titanx HTTP/1.0", body: delivery("old-protocol"), status: 204, handled: "job.completed old-protocol"},
	{name: "a small header name", headers: []string{"x-titanx-signature: SIGNATURE"}, body: delivery("small"), status: 204, handled: "job.completed small"},
	{name: "100-continue", headers: []string{signed, "Expect: 100-continue"}, body: delivery("continue"), status: 204, handled: "job.completed continue"},

	// How the body is sent.
	{name: "chunks", chunks: true, body: delivery("chunks"), status: 204, handled: "job.completed chunks"},
	{name: "no body", body: "", status: 400},
	{name: "no chunk", chunks: true, body: "", status: 400},
	{name: "as large as it may be", body: padded("large", mebibyte), status: 204, handled: "job.completed large"},
	{name: "chunks as large as they may be", chunks: true, body: padded("large-chunks", mebibyte), status: 204, handled: "job.completed large-chunks"},
	{name: "too large", body: padded("too-large", mebibyte+1), status: 413},
	{name: "chunks too large", chunks: true, body: padded("too-large", mebibyte+1), status: 413},

	// The signature.
	{name: "white space after the signature", headers: []string{"X-TitanX-Signature: SIGNATURE \t "}, body: delivery("space-after"), status: 204, handled: "job.completed space-after"},
	{name: "white space before the signature", headers: []string{"X-TitanX-Signature: \t SIGNATURE"}, body: delivery("space-before"), status: 204, handled: "job.completed space-before"},
	{name: "no white space", headers: []string{"X-TitanX-Signature:SIGNATURE"}, body: delivery("no-space"), status: 204, handled: "job.completed no-space"},
	{name: "no signature", headers: []string{}, body: delivery("refused"), status: 401},
	{name: "an empty signature", headers: []string{"X-TitanX-Signature:"}, body: delivery("refused"), status: 401},
	{name: "two signatures, the second right", headers: []string{"X-TitanX-Signature: x", signed}, body: delivery("refused"), status: 401},
	{name: "two signatures, the first right", headers: []string{signed, "X-TitanX-Signature: x"}, body: delivery("refused"), status: 401},
	{name: "the signature twice", headers: []string{signed, signed}, body: delivery("refused"), status: 401},
	{name: "two signatures in one header", headers: []string{"X-TitanX-Signature: SIGNATURE, SIGNATURE"}, body: delivery("refused"), status: 401},
	{name: "a header with underscores", headers: []string{"X_TitanX_Signature: SIGNATURE"}, body: delivery("refused"), status: 401},
	{name: "a signature in quotes", headers: []string{`X-TitanX-Signature: "SIGNATURE"`}, body: delivery("refused"), status: 401},
	{name: "a signature with its algorithm", headers: []string{"X-TitanX-Signature: sha256=SIGNATURE"}, body: delivery("refused"), status: 401},
	{name: "a signature beyond ASCII", headers: []string{"X-TitanX-Signature: \xc3\xa9"}, body: delivery("refused"), status: 401},
	{name: "another secret's", headers: []string{"X-TitanX-Signature: " + sign("CANARY-another-secret", delivery("refused"))}, body: delivery("refused"), status: 401},
	{name: "another body's", headers: []string{"X-TitanX-Signature: " + sign(secret, delivery("plain"))}, body: delivery("refused"), status: 401},
	{name: "cut short", headers: []string{"X-TitanX-Signature: " + sign(secret, delivery("refused"))[:43]}, body: delivery("refused"), status: 401},
	{name: "in lower case", headers: []string{"X-TitanX-Signature: " + strings.ToLower(sign(secret, delivery("refused")))}, body: delivery("refused"), status: 401},
	{name: "of the empty secret", headers: []string{"X-TitanX-Signature: " + sign("", delivery("refused"))}, body: delivery("refused"), status: 401},

	// The body.
	{name: "a byte order mark", body: "\ufeff" + delivery("mark"), status: 204, handled: "job.completed mark"},
	{name: "two byte order marks", body: "\ufeff\ufeff" + delivery("refused"), status: 400},
	{name: "UTF-16", body: littleEndian("\ufeff" + delivery("refused")), status: 400},
	{name: "UTF-16 without a mark", body: littleEndian(delivery("refused")), status: 400},
	{name: "not UTF-8", body: delivery("refused", "\"payload\":\"\xff\""), status: 400},
	{name: "not JSON", body: "\xff", status: 400},
	{name: "a final newline", body: delivery("newline") + "\n", status: 204, handled: "job.completed newline"},
	{name: "more after the JSON", body: delivery("refused") + "{}", status: 400},
	{name: "a comment", body: delivery("refused") + "//", status: 400},
	{name: "a comma too much", body: strings.Replace(delivery("refused"), "}", ",}", 1), status: 400},
	{name: "NaN", body: delivery("refused", `"payload":NaN`), status: 400},
	{name: "Infinity", body: delivery("refused", `"payload":[-Infinity]`), status: 400},
	{name: "a huge number", body: delivery("huge", `"payload":[1e999,-1e999]`), status: 204, handled: "job.completed huge"},
	{name: "a long number", body: delivery("long", `"payload":1`+strings.Repeat("0", 5000)), status: 204, handled: "job.completed long"},
	{name: "half a character", body: delivery("half", `"payload":"\ud800"`), status: 204, handled: "job.completed half"},
	{name: "a raw control character", body: delivery("refused", "\"payload\":\"\x01\""), status: 400},
	{name: "line separators", body: delivery("separators", "\"payload\":\"\u2028\u2029\u0085\""), status: 204, handled: "job.completed separators"},
	{name: "as deep as it may be", body: nested("deep", 100), status: 204, handled: "job.completed deep"},
	{name: "too deep", body: nested("refused", 101), status: 400},
	{name: "much too deep", body: nested("refused", 100_000), status: 400},
	{name: "an array", body: "[" + delivery("refused") + "]", status: 400},
	{name: "null", body: "null", status: 400},
	{name: "a string", body: `"id"`, status: 400},

	// Its members.
	{name: "ID beside id", body: delivery("exact", `"ID":"refused","Id":"refused","EventType":"refused"`), status: 204, handled: "job.completed exact"},
	{name: "ID alone", body: strings.Replace(delivery("refused"), `"id"`, `"ID"`, 1), status: 400},
	{name: "id twice", body: delivery("first", `"id":"last"`), status: 204, handled: "job.completed last"},
	{name: "id, then null", body: delivery("refused", `"id":null`), status: 400},
	{name: "an escaped name", body: strings.Replace(delivery("escaped"), `"id"`, `"\u0069d"`, 1), status: 204, handled: "job.completed escaped"},
	{name: "no id", body: strings.Replace(delivery("refused"), `"id"`, `"x"`, 1), status: 400},
	{name: "no type", body: strings.Replace(delivery("refused"), `"eventType"`, `"x"`, 1), status: 400},
	{name: "a number for an id", body: delivery("refused", `"id":1`), status: 400},
	{name: "an array for a type", body: delivery("refused", `"eventType":["x"]`), status: 400},
	{name: "an empty id", body: delivery(""), status: 400},
	{name: "white space in the id", body: delivery("refused "), status: 400},
	{name: "a newline in the id", body: delivery("refused\n"), status: 400},
	{name: "half a character in the id", body: delivery("refused", `"id":"\ud800"`), status: 400},
	{name: "an id beyond ASCII", body: delivery("refusé"), status: 400},
	{name: "a long id", body: delivery(strings.Repeat("x", 200)), status: 204, handled: "job.completed " + strings.Repeat("x", 200)},
	{name: "too long an id", body: delivery(strings.Repeat("x", 201)), status: 400},
	{name: "an id that is a property of objects", body: delivery("__proto__"), status: 204, handled: "job.completed __proto__"},
	{name: "the same again", body: delivery("__proto__"), status: 204},

	// The timestamp.
	{name: "no timestamp", body: `{"id":"refused","eventType":"x"}`, status: 400},
	{name: "null for a timestamp", body: stamped("refused", "null"), status: 400},
	{name: "a string for a timestamp", body: stamped("refused", fmt.Sprintf("%q", fmt.Sprint(milliseconds))), status: 400},
	{name: "true for a timestamp", body: stamped("refused", "true"), status: 400},
	{name: "a timestamp without end", body: stamped("refused", "1e999"), status: 400},
	{name: "a long timestamp without end", body: stamped("refused", "1"+strings.Repeat("0", 999)), status: 400},
	{name: "a timestamp with a fraction", body: stamped("fraction", fmt.Sprintf("%d.5", milliseconds)), status: 204, handled: "job.completed fraction"},
	{name: "a timestamp with an exponent", body: stamped("exponent", fmt.Sprintf("%de-3", milliseconds*1000)), status: 204, handled: "job.completed exponent"},
	{name: "three days old", body: stamped("days", fmt.Sprint(milliseconds-3*24*3600*1000)), status: 204, handled: "job.completed days"},
	{name: "five days old", body: stamped("replay", fmt.Sprint(milliseconds-5*24*3600*1000)), status: 503},
	{name: "of next year", body: stamped("future", fmt.Sprint(milliseconds+365*24*3600*1000)), status: 204, handled: "job.completed future"},

	// The address and the method.
	{name: "another path", line: "POST /other HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "the root", line: "POST / HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "a slash behind", line: "POST /titanx/ HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "two slashes", line: "POST //titanx HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "a dot", line: "POST /./titanx HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "capitals", line: "POST /TitanX HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "an escape", line: "POST /titan%78 HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "an escaped slash", line: "POST /%2ftitanx HTTP/1.1", body: delivery("refused"), status: 404},
	{name: "GET", line: "GET /titanx HTTP/1.1", headers: []string{}, status: 405},
	{name: "GET of another path", line: "GET / HTTP/1.1", headers: []string{}, status: 404},
	{name: "HEAD", line: "HEAD /titanx HTTP/1.1", headers: []string{}, status: 405},
	{name: "PUT", line: "PUT /titanx HTTP/1.1", body: delivery("refused"), status: 405},
	{name: "PATCH", line: "PATCH /titanx HTTP/1.1", chunks: true, body: delivery("refused"), status: 405},
	{name: "DELETE", line: "DELETE /titanx HTTP/1.1", body: delivery("refused"), status: 405},
	{name: "OPTIONS", line: "OPTIONS /titanx HTTP/1.1", body: delivery("refused"), status: 405},
	{name: "PROPFIND", line: "PROPFIND /titanx HTTP/1.1", body: delivery("refused"), status: 405},
	{name: "PUT too large", line: "PUT /titanx HTTP/1.1", body: padded("refused", mebibyte+1), status: 413},
}

// bytes returns the request as it is sent.
func (c requestCase) bytes() []byte {
	line, headers := c.line, c.headers
	if line == "" {
		line = "POST /titanx HTTP/1.1"
	}
	if headers == nil {
		headers = []string{signed}
	}
	body := c.body
	switch {
	case c.chunks:
		headers = append([]string{"Transfer-Encoding: chunked"}, headers...)
		body = inChunks(body)
	case c.body != "" || strings.HasPrefix(line, http.MethodPost):
		headers = append([]string{fmt.Sprintf("Content-Length: %d", len(body))}, headers...)
	}
	head := strings.Join(append([]string{line, "Host: localhost"}, headers...), "\r\n") + "\r\n\r\n"
	return []byte(strings.ReplaceAll(head, "SIGNATURE", sign(secret, c.body)) + body)
}

// inChunks sends a first byte, the rest, an extension and a trailer.
func inChunks(body string) string {
	if body == "" {
		return "0\r\n\r\n"
	}
	text := fmt.Sprintf("1\r\n%s\r\n", body[:1])
	if len(body) > 1 {
		text += fmt.Sprintf("%X;a=b\r\n%s\r\n", len(body)-1, body[1:])
	}
	return text + "0\r\nX-Trailer: x\r\n\r\n"
}

// A secretsCase is a secrets file, and what every receiver says about it. A
// delivery that is signed with the key is accepted if it says nothing.
type secretsCase struct {
	name, reading string // of the secret; "whole" if empty
	file          string
	key           string
	says          string
}

const (
	sixteen = "CANARY-16-bytes!"
	prefix  = "whsec_"
)

var secretsCases = []secretsCase{
	{name: "one secret", file: secret, key: secret},
	{name: "a newline behind", file: secret + "\n", key: secret},
	{name: "white space around", file: "\n \t" + secret + " \t\r\n\r\n", key: secret},
	{name: "the second of two", file: "CANARY-another-secret\n" + secret + "\n", key: secret},
	{name: "sixteen bytes", file: sixteen, key: sixteen},

	// With the note, everybody could sign with "secret".
	{name: "a note", file: "# new secret\n" + secret + "\n", key: "secret", says: "line 1 begins with #"},
	{name: "a note behind", file: secret + " # new secret\n", key: "secret", says: "line 1 has white space inside"},
	{name: "white space inside", file: secret + "\n\nold secret of ours\n", key: "secret", says: "line 3 has white space inside"},
	{name: "a tab inside", file: secret + "\tsecret", key: "secret", says: "line 1 has white space inside"},
	{name: "old Mac lines", file: secret + "\r" + sixteen, key: sixteen, says: "line 1 has white space inside"},
	{name: "fifteen bytes", file: secret + "\n" + sixteen[1:], key: sixteen[1:], says: "line 2 is shorter than 16 bytes"},
	{name: "quotes", file: `"` + secret + `"`, key: secret, says: "line 1 begins with a quote"},
	{name: "single quotes", file: "'" + secret + "'", key: secret, says: "line 1 begins with a quote"},
	{name: "beyond ASCII", file: secret + "é", key: secret + "é", says: "line 1 has a character that is not printable ASCII"},
	{name: "a no-break space", file: secret + "\u00a0", key: secret, says: "line 1 has a character that is not printable ASCII"},
	{name: "a control character", file: secret + "\x7f", key: secret + "\x7f", says: "line 1 has a character that is not printable ASCII"},
	{name: "a form feed", file: secret + "\f", key: secret, says: "line 1 has a character that is not printable ASCII"},
	{name: "a byte order mark", file: "\ufeff" + secret, key: secret, says: "it begins with a byte order mark: save it without one"},
	{name: "UTF-16", file: littleEndian("\ufeff" + secret), key: secret, says: "it is UTF-16: save it as ASCII"},
	{name: "UTF-16 without a mark", file: littleEndian(secret), key: secret, says: "it is UTF-16: save it as ASCII"},
	{name: "UTF-16, big-endian", file: "\xfe\xff\x00C", key: "C", says: "it is UTF-16: save it as ASCII"},
	{name: "empty", file: "", key: "", says: "it has no secret"},
	{name: "white space alone", file: " \r\n\t\n", key: "", says: "it has no secret"},

	{name: "whole with a prefix", file: prefix + sixteen, key: prefix + sixteen},
	{name: "after its prefix", reading: "after-prefix", file: prefix + sixteen, key: sixteen},
	{name: "after its other prefix", reading: "after-prefix", file: "wh_sk_" + sixteen, key: sixteen},
	{name: "after no prefix", reading: "after-prefix", file: secret, key: secret, says: "line 1 has no prefix whsec_ or wh_sk_"},
	{name: "fifteen bytes after the prefix", reading: "after-prefix", file: prefix + sixteen[1:], key: sixteen[1:], says: "line 1 is shorter than 16 bytes"},
	{name: "decoded", reading: "decoded", file: prefix + base64.StdEncoding.EncodeToString([]byte(secret)), key: secret},
	{name: "decoded, not base64", reading: "decoded", file: prefix + "CANARY!not-base64", key: "", says: "line 1 has no base64 after its prefix"},
	{name: "decoded, without padding", reading: "decoded", file: prefix + base64.RawStdEncoding.EncodeToString([]byte(sixteen)), key: sixteen, says: "line 1 has no base64 after its prefix"},
	{name: "decoded, of another alphabet", reading: "decoded", file: prefix + base64.URLEncoding.EncodeToString([]byte("\xfb\xff\xfeCANARY-bytes-in-all")), key: "\xfb\xff\xfeCANARY-bytes-in-all", says: "line 1 has no base64 after its prefix"},
	{name: "decoded, fifteen bytes", reading: "decoded", file: prefix + base64.StdEncoding.EncodeToString([]byte(sixteen[1:])), key: sixteen[1:], says: "line 1 is shorter than 16 bytes"},
}

func littleEndian(text string) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		out.WriteByte(byte(unit & 0xff))
		out.WriteByte(byte(unit >> 8))
	}
	return out.String()
}
