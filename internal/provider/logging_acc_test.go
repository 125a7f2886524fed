// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// No key or secret in a log, on the console, or in a file.

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

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
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

// TestAccCanaries looks for the API key and for every secret in all that a run
// leaves behind.
func TestAccCanaries(t *testing.T) {
	t.Parallel()
	s := simulate(t, titanxsim.Config{Limits: titanxsim.Limits{Second: 50, Minute: 2000}})
	c := newCLI(t, s, webhookHCL(`status = var.status`)+`
variable "status" { default = "active" }
output "secret" {
  value     = titanx_webhook.test.secret
  sensitive = true
}`)
	var console strings.Builder
	secrets := map[string]bool{}
	run := func(want int, args ...string) {
		t.Helper()
		out, code := c.run(args...)
		if code != want {
			t.Fatalf("%v ended with %d, want %d:\n%s", args, code, want, out)
		}
		console.WriteString(out)
		for _, w := range s.Webhooks(simUser) {
			secrets[w.Secret] = true
		}
	}
	run(0, "apply", "-auto-approve")
	run(0, "apply", "-auto-approve", "-var=status=inactive")
	s.Inject(titanxsim.Fault{Call: titanxsim.CallList, Kind: titanxsim.FaultStatus, Status: 401, Body: []byte(`{"error":"the key ` + s.apiKey + ` is not valid"}`)})
	run(1, "plan")
	s.ClearFaults()
	s.Inject(titanxsim.Fault{Call: titanxsim.CallCreate, Kind: titanxsim.FaultCut, Commit: true, Times: 1})
	run(0, "apply", "-auto-approve", "-replace=titanx_webhook.test")
	id := s.only().ID
	run(0, "plan", "-out=saved.tfplan")
	run(0, "state", "rm", "titanx_webhook.test")
	run(0, "import", "titanx_webhook.test", id)
	run(0, "plan", "-out=saved.tfplan")
	run(0, "apply", "saved.tfplan")
	if state := c.read("terraform.tfstate"); !strings.Contains(state, s.only().Secret) {
		t.Error("the state does not hold the secret")
	}
	run(0, "destroy", "-auto-approve")

	if len(secrets) < 3 {
		t.Fatalf("%d secrets were issued, want at least 3", len(secrets))
	}
	log := c.read("trace.log")
	if !strings.Contains(log, "TitanX request") {
		t.Error("the log does not hold the provider's own lines")
	}
	for where, text := range map[string]string{"log": log, "console": console.String()} {
		if strings.Contains(text, s.apiKey) {
			t.Errorf("the API key is in the %s", where)
		}
		for secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("a secret is in the %s", where)
			}
		}
	}
	if strings.Contains(c.read("terraform.tfstate")+c.readPlan("saved.tfplan"), s.apiKey) {
		t.Error("the API key is in the state or the plan")
	}
}
