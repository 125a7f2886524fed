// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// hostileServer answers every request with bytes of its own choosing, in which
// KEY stands for the API key, and then sends more of them unasked.
func hostileServer(t *testing.T, response string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				key := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
				io.WriteString(conn, strings.ReplaceAll(response, "KEY", key))
				conn.SetReadDeadline(time.Now().Add(time.Minute))
				io.Copy(io.Discard, conn)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestAccLeaks lets a server repeat the API key wherever it can. Neither the
// console nor a log at any level shows it.
func TestAccLeaks(t *testing.T) {
	t.Parallel()
	body := func(status, text string) string {
		return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(text), text)
	}
	for name, response := range map[string]string{
		"status line":          "HTTP/1.1 KEY KEY\r\n\r\n",
		"reason":               "HTTP/1.1 500 KEY\r\nContent-Length: 0\r\n\r\n",
		"header":               "HTTP/1.1 200 OK\r\nKEY\r\n\r\n",
		"length":               "HTTP/1.1 200 OK\r\nContent-Length: KEY\r\n\r\n",
		"encoding":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: KEY\r\n\r\n",
		"not HTTP":             "KEY\r\n\r\n",
		"location":             "HTTP/1.1 302 Found\r\nLocation: https://KEY.example/KEY\r\nContent-Length: 0\r\n\r\n",
		"error":                body("400 Bad Request", `{"error":"KEY \u001b[31m\u202e"}`),
		"plain text":           body("403 Forbidden", "no KEY\x1b[31m"),
		"unreadable":           body("200 OK", `{"KEY":`),
		"unsolicited response": body("200 OK", "[]") + "KEY unasked",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCLI(t, &simulation{apiKey: "CANARY-key-of-the-leak-test", baseURL: hostileServer(t, response)}, "data \"titanx_webhooks\" \"all\" {}\n")
			c.write("provider_override.tf", hurried)
			out, _ := c.run("plan")
			for where, text := range map[string]string{"console": out, "log": c.read("trace.log")} {
				for _, canary := range []string{"CANARY-key", "\x1b[31m", "\u202e"} {
					if strings.Contains(text, canary) {
						t.Errorf("%q is in the %s", canary, where)
					}
				}
			}
		})
	}
}

// TestAccLeaks_privateKeyAsRecipient returns a private key by mistake.
func TestAccLeaks_privateKeyAsRecipient(t *testing.T) {
	t.Parallel()
	c := newCLI(t, &simulation{apiKey: "CANARY-key", baseURL: "http://127.0.0.1:1"}, webhookHCL(`secret_recipients = ["AGE-SECRET-KEY-1CANARY0WRONGLY0GIVEN"]`))
	out, code := c.run("plan")
	c.mustSay(out, "private key")
	for where, text := range map[string]string{"console": out, "log": c.read("trace.log")} {
		if code != 1 || strings.Contains(strings.ReplaceAll(text, "secret_recipients = [\"AGE-SECRET-KEY-1CANARY0WRONGLY0GIVEN\"]", ""), "CANARY0WRONGLY") {
			t.Errorf("the private key is in the %s (exit %d)", where, code)
		}
	}
}
