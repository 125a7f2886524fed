// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Package receivers_test runs the example receivers: byte by byte, and against
// the simulator behind a proxy that terminates TLS.
package receivers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/titanx-io/terraform-provider-titanx/internal/titanxsim"
)

// TestReceiver_requests sends every request to every receiver. A genuine
// delivery follows on the same connection: it is handled, or the connection is
// closed.
func TestReceiver_requests(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		p := l.start(t, prepare(t, secret))
		for i, c := range requestCases {
			t.Run(c.name, func(t *testing.T) {
				conn := p.dial()
				resp, err := exchange(conn, c)
				if err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != c.status {
					t.Errorf("answer %d, want %d", resp.StatusCode, c.status)
				}
				next := requestCase{body: delivery(fmt.Sprint("next-", i))}
				resp2, err := exchange(conn, next)
				if err != nil {
					if resp2, err = exchange(p.dial(), next); err != nil {
						t.Fatal(err)
					}
				}
				if resp2.StatusCode != 204 {
					t.Errorf("the next delivery is answered %d, want 204", resp2.StatusCode)
				}
				var want []string
				if c.handled != "" {
					want = []string{"handled " + c.handled}
				}
				if diff := cmp.Diff(want, p.printsUntil(fmt.Sprint("handled job.completed next-", i))); diff != "" {
					t.Errorf("handled (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// TestReceiver_secretsFiles starts every receiver with every secrets file, and
// writes the file of one that runs.
func TestReceiver_secretsFiles(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		for _, reading := range []string{"", "after-prefix", "decoded"} {
			t.Run("reading "+reading, func(t *testing.T) {
				t.Parallel()
				env := "TITANX_SECRET_READING=" + reading
				p := l.start(t, prepare(t, goodFile(reading)), env)
				for i, c := range secretsCases {
					if c.reading != reading {
						continue
					}
					t.Run(c.name, func(t *testing.T) { //nolint:paralleltest // one file for all
						write(t, filepath.Join(p.folder, "secrets"), c.file)
						want := 204
						if c.says != "" {
							want = 503
						}
						if got := p.deliver(delivery(fmt.Sprint("event-", i)), c.key).StatusCode; got != want {
							t.Errorf("answer %d, want %d", got, want)
						}
						if c.says != "" {
							p.logs("secrets file: " + c.says + "\n")
						}
						if c.says != "" && !slices.ContainsFunc(secretsCases[:i], func(other secretsCase) bool { return other.says == c.says }) {
							refusesToStart(t, l, c, env)
						}
						discreet(t, p.log.String(), c)
						write(t, filepath.Join(p.folder, "secrets"), goodFile(reading))
						if got := p.deliver(delivery(fmt.Sprint("next-", i)), secret).StatusCode; got != 204 {
							t.Errorf("once the file is usable again: answer %d, want 204", got)
						}
						lines := p.printsUntil(fmt.Sprint("handled job.completed next-", i))
						if handled := len(lines) > 0; handled != (c.says == "") {
							t.Errorf("handled: %q", lines)
						}
					})
				}
			})
		}
	})
}

// goodFile is a secrets file whose key is the secret.
func goodFile(reading string) string {
	for _, c := range secretsCases {
		if c.reading == reading && c.key == secret && c.says == "" {
			return c.file
		}
	}
	return prefix + secret
}

func refusesToStart(t *testing.T, l language, c secretsCase, env string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := l.run(ctx, t, prepare(t, c.file), env).CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("start: %v, want exit code 1", err)
	}
	if !strings.Contains(string(out), "secrets file: "+c.says+"\n") {
		t.Errorf("start: the receiver says %q, want %q", out, c.says)
	}
	discreet(t, string(out), c)
}

// discreet expects that a log has nothing of a secrets file.
func discreet(t *testing.T, log string, c secretsCase) {
	t.Helper()
	for _, word := range []string{"CANARY", "secret of ours", "new secret", "é"} {
		if strings.Contains(log, word) && strings.Contains(c.file, word) {
			t.Errorf("the log quotes the file: %q", log)
		}
	}
}

func TestReceiver_startRefused(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		first := l.start(t, prepare(t, secret))
		first.handles("first")
		_, port, _ := strings.Cut(first.address, ":")
		before, err := os.ReadFile(filepath.Join(first.folder, "events"))
		if err != nil {
			t.Fatal(err)
		}
		for name, env := range map[string]string{
			"a second process on the port": "PORT=" + port,
			"an unknown reading":           "TITANX_SECRET_READING=guess",
			"no events file":               "TITANX_EVENTS_FILE=" + filepath.Join(first.folder, "no", "events"),
			"a folder for an events file":  "TITANX_EVENTS_FILE=" + first.folder,
			"no secrets file":              "TITANX_SECRETS_FILE=" + filepath.Join(first.folder, "no"),
			"no secrets file named":        "TITANX_SECRETS_FILE=",
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			out, err := l.run(ctx, t, first.folder, env).CombinedOutput()
			cancel()
			if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 1 || len(bytes.TrimSpace(out)) == 0 {
				t.Errorf("%s: %v, want exit code 1 and a message: %s", name, err, out)
			}
			if bytes.Contains(out, []byte("Traceback")) || bytes.Contains(out, []byte("    at ")) {
				t.Errorf("%s: the receiver says\n%s", name, out)
			}
		}
		after, err := os.ReadFile(filepath.Join(first.folder, "events"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before), string(after)); diff != "" {
			t.Errorf("the events file changed (-before +after):\n%s", diff)
		}
	})
}

// TestReceiver_attackers lets an attacker use the connection of genuine
// deliveries: directly, and through a proxy that has but one.
func TestReceiver_attackers(t *testing.T) {
	t.Parallel()
	const inner = "POST /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
	hidden := fmt.Sprint(len(inner))
	hostile := map[string]string{
		"a length and chunks":    "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: " + hidden + "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner,
		"chunks and a length":    "POST /titanx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
		"two lengths":            "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: " + hidden + "\r\n\r\n" + inner,
		"a signed length":        "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde",
		"a length in a list":     "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde",
		"another coding":         "PUT /titanx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
		"two codings":            "PUT /titanx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
		"chunks of no size":      "PUT /titanx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nabcde\r\n0\r\n\r\n",
		"chunks of a wrong size": "PUT /titanx HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n",
		"an unknown method":      "TITANX /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
		"a method in lower case": "put /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
		"another protocol":       "PUT /titanx HTTP/1.7\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
		"no protocol":            "PUT /titanx\r\n\r\n",
		"no request":             "\r\n\r\nabcde\r\n\r\n",
		"a header of no name":    "PUT /titanx HTTP/1.1\r\nHost: x\r\n: y\r\nContent-Length: 5\r\n\r\nabcde",
		"a space in a header":    "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nabcde",
		"a folded header":        "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n 5\r\n\r\nabcde",
		"an upgrade":             "GET /titanx HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
		"a tunnel":               "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"large headers":          "PUT /titanx HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 2<<20) + "\r\nContent-Length: 5\r\n\r\nabcde",
		"a large body":           "PUT /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + strings.Repeat("x", 4_000_000),
	}
	inEach(t, func(t *testing.T, l language) {
		p := l.start(t, prepare(t, secret))
		for name, request := range hostile {
			conn := p.dial()
			next := requestCase{body: delivery(strings.ReplaceAll(name, " ", "-"))}
			if _, err := conn.Write([]byte(request)); err == nil {
				if resp, err := answer(conn, requestCase{}); err == nil && !resp.Close {
					if resp, err := exchange(conn, next); errors.Is(err, errTwice) || err == nil && resp.StatusCode != 204 {
						t.Errorf("after %s: the next delivery is answered %v, %v", name, resp, err)
					}
				}
			}
			p.answers(204, next.body) // TitanX repeats it
			p.prints("handled job.completed " + strings.ReplaceAll(name, " ", "-"))
		}

		proxy := pool(t, p)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "TITANX"} {
			for _, path := range []string{"/titanx", "/other"} {
				for _, body := range []string{"", "abcde", strings.Repeat("x", mebibyte+1)} {
					for _, reader := range []io.Reader{strings.NewReader(body), io.MultiReader(strings.NewReader(body))} { // a length, and chunks
						request(t, proxy.URL+path, method, reader, "") // may fail: the proxy sends on what the receiver no longer reads
						id := fmt.Sprintf("%s-%s-%d-%T", method, path, len(body), reader)
						status := 502
						for status >= 500 { // as TitanX does
							status = request(t, proxy.URL+"/titanx", http.MethodPost, strings.NewReader(delivery(id)), sign(secret, delivery(id)))
						}
						if status != 204 {
							t.Errorf("%s: the next delivery is answered %d", id, status)
						}
						p.prints("handled job.completed " + id)
					}
				}
			}
		}
	})
}

// pool returns a proxy that sends all requests over one connection, as long as
// the receiver keeps it open.
func pool(t *testing.T, p *process) *httptest.Server {
	t.Helper()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: p.address})
	forward.Transport = &http.Transport{MaxConnsPerHost: 1}
	forward.ErrorLog = log.New(io.Discard, "", 0)
	forward.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // whole: the receiver may answer before it has read it
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if r.ContentLength != 0 {
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	return proxy
}

func request(t *testing.T, address, method string, body io.Reader, signature string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-TitanX-Signature", signature)
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		return http.StatusBadGateway
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// event returns a body of a type that the tests' handle knows.
func event(eventType, id string) string {
	return fmt.Sprintf(`{"id":%q,"eventType":%q,"timestamp":%d}`, id, eventType, milliseconds)
}

// goOn ends the waiting of the tests' handle.
func (p *process) goOn() {
	p.t.Helper()
	write(p.t, filepath.Join(p.folder, "go-on"), "")
}

// TestReceiver_stop expects that what is accepted before and during the end is
// handled.
func TestReceiver_stop(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		p := l.scripted(t).start(t, prepare(t, secret))
		p.answers(204, event("test.wait", "long"))
		p.prints("begun test.wait long")
		accepted := []string{}
		for i := range 25 {
			accepted = append(accepted, fmt.Sprint("before-", i))
			p.answers(204, delivery(accepted[i]))
		}
		kept, begun := p.dial(), p.dial()
		if _, err := exchange(kept, requestCase{line: "GET / HTTP/1.1"}); err != nil {
			t.Fatal(err)
		}
		half := requestCase{body: delivery("half")}.bytes()
		if _, err := begun.Write(half[:len(half)-5]); err != nil {
			t.Fatal(err)
		}
		p.answers(204, delivery("after-half")) // the server has accepted the connection before this one's
		accepted = append(accepted, "after-half")

		p.terminate()
		for i := 0; ; i++ {
			id := fmt.Sprint("during-", i)
			resp := p.deliver(delivery(id), secret)
			if resp.StatusCode == 503 {
				if !resp.Close {
					t.Error("the connection of a request after the signal is not closed")
				}
				break
			}
			if accepted = append(accepted, id); len(accepted) == 500 {
				t.Fatal("the receiver accepts as before the signal")
			}
		}
		if resp, err := exchange(kept, requestCase{body: delivery("kept")}); err == nil && (resp.StatusCode != 503 || !resp.Close) {
			t.Errorf("on a kept connection: answer %d, closed %t, want 503 and true", resp.StatusCode, resp.Close)
		}
		if _, err := begun.Write(half[len(half)-5:]); err != nil {
			t.Fatal(err)
		}
		resp, err := answer(begun, requestCase{})
		switch {
		case err != nil:
			t.Fatal(err)
		case !resp.Close:
			t.Error("the connection of a request before the signal is not closed")
		case resp.StatusCode == 204 && l.name != "waitress": // shows a request when it is read
			accepted = append(accepted, "half")
		case resp.StatusCode != 503 || l.name != "waitress":
			t.Errorf("a request that began before the signal: answer %d", resp.StatusCode)
		}
		p.goOn()

		want := []string{"handled test.wait long"}
		for _, id := range accepted {
			want = append(want, "begun job.completed "+id, "handled job.completed "+id)
		}
		if diff := cmp.Diff(want, p.ended()); diff != "" {
			t.Errorf("printed after the signal (-want +got):\n%s", diff)
		}
		if again := l.scripted(t).start(t, p.folder); again.deliver(delivery("next"), secret).StatusCode == 204 {
			again.prints("begun job.completed next", "handled job.completed next")
		}
	})
}

// TestReceiver_stopDuringRequest ends a receiver while an attacker holds a
// request open. It is cut off, and not waited for until it is too slow.
func TestReceiver_stopDuringRequest(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		p := l.start(t, prepare(t, secret))
		attacker := p.dial()
		if _, err := attacker.Write([]byte("POST /titanx HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		p.handles("first")
		p.terminate()
		p.ended()
		if resp, err := answer(attacker, requestCase{}); err == nil {
			t.Errorf("the attacker is answered %d", resp.StatusCode)
		}
	})
}

// TestReceiver_kill ends a receiver without notice, and goes on in another
// language.
func TestReceiver_kill(t *testing.T) {
	t.Parallel()
	for i, l := range languages {
		next := languages[(i+1)%len(languages)]
		t.Run(l.name+" to "+next.name, func(t *testing.T) {
			t.Parallel()
			first := l.scripted(t).start(t, prepare(t, secret))
			separators := delivery("separators", "\"payload\":\"\u2028\u2029\u0085\"")
			first.answers(204, delivery("done"))
			first.prints("begun job.completed done", "handled job.completed done")
			first.answers(204, event("test.wait", "long"))
			first.prints("begun test.wait long") // and so the mark of the first is written
			first.answers(204, separators)
			first.answers(204, "\ufeff"+delivery("marked"))
			first.answers(204, separators)
			first.kill()
			first.goOn()

			second := next.scripted(t).start(t, first.folder)
			second.prints("begun test.wait long", "handled test.wait long", "begun job.completed separators", "handled job.completed separators",
				"begun job.completed marked", "handled job.completed marked")
			second.answers(204, delivery("done"))
			second.answers(204, separators)
			second.answers(204, delivery("next"))
			second.prints("begun job.completed next", "handled job.completed next")
			second.terminate()
			second.ended()
			if diff := cmp.Diff(map[string]string{
				"done": "result of done", "long": "result of long", "separators": "result of separators", "marked": "result of marked", "next": "result of next",
			}, results(t, first.folder)); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			third := l.scripted(t).start(t, first.folder)
			third.answers(204, delivery("done"))
			third.answers(204, separators)
			third.answers(204, delivery("last"))
			third.prints("begun job.completed last", "handled job.completed last")
		})
	}
}

// A record is a line of the events file.
type record struct {
	State     string  `json:"state"`
	ID        string  `json:"id"`
	Timestamp float64 `json:"timestamp"`
	Body      string  `json:"body,omitempty"`
	Result    string  `json:"result,omitempty"`
}

func (r record) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func records(t *testing.T, folder string) (found []record) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "events"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil {
			found = append(found, r)
		}
	}
	return found
}

// results returns those of the events that are done. Each is done once.
func results(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, r := range records(t, folder) {
		if r.State != "done" {
			continue
		}
		if _, ok := found[r.ID]; ok {
			t.Errorf("%s is done twice", r.ID)
		}
		found[r.ID] = r.Result
	}
	return found
}

// TestReceiver_eventsFile starts with a file that has everything in it.
func TestReceiver_eventsFile(t *testing.T) {
	t.Parallel()
	now, old := float64(milliseconds), float64(milliseconds-5*24*3600*1000)
	waits := func(id string) record {
		return record{State: "waiting", ID: id, Timestamp: now, Body: delivery(id)}
	}
	text := fmt.Sprintln(
		record{State: "done", ID: "forgotten", Timestamp: old}, "\n", record{State: "done", ID: "done", Timestamp: now, Result: "of its handle"}, "\n",
		waits("done-later"), "\n", waits("waiting"), "\n", waits("failed"), "\n", "\n", waits("failed-once"), "\n", waits("failed-once"), "\n",
		record{State: "failed", ID: "failed", Timestamp: now}, "\n", record{State: "failed", ID: "failed-once", Timestamp: now}, "\n",
		record{State: "done", ID: "done-later", Timestamp: now}, "\n", record{State: "waiting", ID: "late", Timestamp: old, Body: stamped("late", fmt.Sprint(milliseconds-5*24*3600*1000))}, "\n",
		waits("torn").String()[:50], "\n", `null`, "\n", `{"state":"waiting","id":"empty","timestamp":1,"body":"{}"}`, "\n", `[1]`, "\n", waits("last").String()[:60])
	inEach(t, func(t *testing.T, l language) {
		folder := prepare(t, secret)
		write(t, filepath.Join(folder, "events"), strings.TrimSuffix(text, "\n"))
		write(t, filepath.Join(folder, "events.new"), "of a start that did not come to its end")
		p := l.scripted(t).start(t, folder)
		for _, id := range []string{"waiting", "failed-once", "late"} {
			p.prints("begun job.completed "+id, "handled job.completed "+id)
		}
		for line := 13; line <= 17; line++ {
			p.logs(fmt.Sprintf("events file: line %d is not whole, and is dropped\n", line))
		}
		for _, id := range []string{"forgotten", "late"} {
			p.answers(503, stamped(id, fmt.Sprint(milliseconds-5*24*3600*1000)))
		}
		for _, id := range []string{"done", "done-later", "waiting", "failed-once"} {
			p.answers(204, delivery(id))
		}
		for _, id := range []string{"failed", "torn"} {
			p.answers(204, delivery(id))
			p.prints("begun job.completed "+id, "handled job.completed "+id)
		}
		p.terminate()
		p.ended()
		got := map[string]int{}
		for _, r := range records(t, folder) {
			got[r.State+" "+r.ID]++
			if r.ID == "done" && r.Result != "of its handle" {
				t.Errorf("the result of an event that is done became %q", r.Result)
			}
		}
		want := map[string]int{"done done": 1, "done done-later": 1, "waiting waiting": 1, "done waiting": 1, "waiting failed-once": 1, "done failed-once": 1,
			"waiting late": 1, "done late": 1, "waiting failed": 1, "done failed": 1, "waiting torn": 1, "done torn": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("events file (-want +got):\n%s", diff)
		}
		info, err := os.Stat(filepath.Join(folder, "events"))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("the events file has mode %v, want 0600", info.Mode().Perm())
		}
	})
}

// TestReceiver_fullDisk lets the events file grow no further, in the middle of
// a line.
func TestReceiver_fullDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no limit of a file's size")
	}
	inEach(t, func(t *testing.T, l language) {
		l, folder := l.scripted(t), prepare(t, secret)
		limited := l
		limited.command = func(t *testing.T, source string) []string {
			t.Helper()
			return append([]string{"sh", "-c", `trap "" XFSZ; ulimit -f 8; exec "$@"`, "sh"}, l.command(t, source)...)
		}
		p := limited.start(t, folder)
		p.answers(204, delivery("first"))
		p.prints("begun job.completed first", "handled job.completed first")
		p.marked("done", "first")
		large := delivery("large", `"payload":"`+strings.Repeat("x", 16_000)+`"`)
		p.answers(503, large)
		p.logs("events file: ")
		events := filepath.Join(folder, "events")
		info, err := os.Stat(events)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(events, info.Size()-2000); err != nil { // as if there was room again
			t.Fatal(err)
		}
		p.answers(204, event("test.wait", "second"))
		p.prints("begun test.wait second")
		p.kill()
		p.goOn()
		p = l.start(t, folder)
		p.prints("begun test.wait second", "handled test.wait second")
		p.answers(204, delivery("first"))
		p.answers(204, large)
		p.prints("begun job.completed large", "handled job.completed large")
	})
}

// TestReceiver_fullQueue accepts no more than it may.
func TestReceiver_fullQueue(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		folder := prepare(t, secret)
		var text strings.Builder
		fmt.Fprintln(&text, record{State: "waiting", ID: "0", Timestamp: float64(milliseconds), Body: event("test.wait", "0")})
		for i := 1; i < 1000; i++ {
			fmt.Fprintln(&text, record{State: "waiting", ID: fmt.Sprint(i), Timestamp: float64(milliseconds), Body: delivery(fmt.Sprint(i))})
		}
		write(t, filepath.Join(folder, "events"), text.String())
		p := l.scripted(t).start(t, folder)
		p.answers(503, delivery("more"))
		p.logs("1000 events wait: no more is accepted\n")
		p.goOn()
		p.printsUntil("handled job.completed 999")
		p.until("accept events again", func() bool { return p.deliver(delivery("more"), secret).StatusCode == 204 })
		p.prints("begun job.completed more", "handled job.completed more")
	})
}

// TestReceiver_failures lets handle fail: an event that failed may come again.
func TestReceiver_failures(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		p := l.scripted(t).start(t, prepare(t, secret))
		fail := func() { write(t, filepath.Join(p.folder, "fail"), "") }

		// A copy comes while the event waits: with the other secret, or again.
		p.answers(204, event("test.wait", "long"))
		p.prints("begun test.wait long")
		fail()
		p.answers(204, event("test.fail", "copied"))
		p.answers(204, event("test.fail", "copied"))
		p.answers(204, event("test.fail", "copied"))
		p.goOn()
		p.prints("handled test.wait long", "begun test.fail copied", "begun test.fail copied", "handled test.fail copied")
		p.logs("handle copied: the test says so\n")
		p.answers(204, event("test.fail", "copied"))

		// It comes after the event has failed.
		fail()
		p.answers(204, event("test.fail", "later"))
		p.prints("begun test.fail later")
		p.logs("handle later: the test says so\n")
		p.marked("failed", "later")
		p.answers(204, event("test.fail", "later"))
		p.prints("begun test.fail later", "handled test.fail later")

		// A panic loses its event alone.
		p.answers(204, event("test.panic", "panics"))
		p.answers(204, delivery("next"))
		p.prints("begun test.panic panics", "begun job.completed next", "handled job.completed next")
		p.logs("handle panics: ")

		// A restart knows what failed.
		p.terminate()
		p.ended()
		p = l.scripted(t).start(t, p.folder)
		p.answers(204, event("test.panic", "panics"))
		p.answers(204, event("test.fail", "later"))
		p.answers(204, delivery("last"))
		p.prints("begun test.panic panics", "begun job.completed last", "handled job.completed last")
	})
}

// TestReceiver_neverVerified expects one line about a file that verifies
// nothing.
func TestReceiver_neverVerified(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		const other, line = "CANARY-another-secret", "1 refused: no delivery has verified with the present secrets file\n"
		p := l.start(t, prepare(t, other))
		p.answers(401, delivery("first"))
		p.logs(line)
		p.answers(401, delivery("first"))
		if n := strings.Count(p.log.String(), "refused"); n != 1 {
			t.Errorf("%d lines, want 1 a minute", n)
		}

		p = l.start(t, prepare(t, secret))
		p.handles("first")
		if got := p.deliver(delivery("second"), other).StatusCode; got != 401 {
			t.Errorf("answer %d, want 401", got)
		}
		if strings.Contains(p.log.String(), "refused") {
			t.Error("a delivery has verified, and the receiver says that none has")
		}
		write(t, filepath.Join(p.folder, "secrets"), other)
		p.answers(401, delivery("third"))
		p.logs(line)
	})
}

// TestReceiver_deliveries runs every receiver against the simulator, behind a
// proxy that terminates TLS.
func TestReceiver_deliveries(t *testing.T) {
	t.Parallel()
	inEach(t, func(t *testing.T, l language) {
		b := newBench(t, l)
		before := b.webhook("before")
		b.accept(before.Secret)
		b.handles("an event", "job.contact.scored", map[string][]int{before.ID: {204}})
		b.handles("an event of a new kind", "job.invented.tomorrow", map[string][]int{before.ID: {204}})
		b.dropped.Store(2)
		b.handles("an event whose answer is dropped twice", "job.contact.scored", map[string][]int{before.ID: {502, 502, 204}})

		after := b.webhook("after")
		b.handles("a new webhook whose secret is not there yet", "job.contact.scored", map[string][]int{before.ID: {204}, after.ID: {401}})
		b.accept(after.Secret, before.Secret)
		b.handles("both secrets", "job.contact.scored", map[string][]int{before.ID: {204}, after.ID: {204}})
		b.accept(after.Secret)
		b.handles("the new secret alone", "job.contact.scored", map[string][]int{before.ID: {401}, after.ID: {204}})
		b.sim.Remove(user, before.ID)

		b.accept()
		if _, answers := b.fire("job.contact.scored"); !slices.Equal(answers[after.ID], []int{503, 503, 503}) {
			t.Errorf("no secret: answers %v, want 503", answers)
		}
		b.accept(after.Secret)
		b.handles("the secret is back", "job.contact.scored", map[string][]int{after.ID: {204}})
	})
}

const user = "alice"

// A bench is a receiver, the proxy in front of it, and a simulator that
// delivers to the proxy.
type bench struct {
	*process
	sim     *titanxsim.Server
	proxy   *httptest.Server
	dropped atomic.Int32 // answers that the proxy is still to drop
}

func newBench(t *testing.T, l language) *bench {
	t.Helper()
	b := &bench{process: l.start(t, prepare(t, secret))}
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: b.address})
	b.proxy = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.dropped.Add(-1) >= 0 {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(b.proxy.Close)
	b.sim = titanxsim.New(titanxsim.Config{
		Keys:              map[string]string{"CANARY-key": user},
		DeliveryTransport: b.proxy.Client().Transport,
		Backoff: func(attempt int) time.Duration {
			if attempt == 3 {
				return -1
			}
			return 0
		},
	})
	t.Cleanup(b.sim.Close)
	return b
}

// accept writes the secrets file.
func (b *bench) accept(secrets ...string) {
	b.t.Helper()
	write(b.t, filepath.Join(b.folder, "secrets"), strings.Join(secrets, "\n")+"\n")
}

func (b *bench) webhook(name string) titanxsim.Webhook {
	return b.sim.Put(user, titanxsim.Webhook{
		Name: name, URL: b.proxy.URL + "/titanx", EventTypes: []string{"job.contact.scored", "job.invented.tomorrow"},
	})
}

// fire delivers an event, and returns the answers by webhook.
func (b *bench) fire(eventType string) (id string, answers map[string][]int) {
	b.t.Helper()
	id = b.sim.Fire(user, eventType, map[string]string{"firstName": "Zoë", "lastName": "Example"})
	if err := b.sim.WaitForDeliveries(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	answers = map[string][]int{}
	for _, d := range b.sim.Deliveries() {
		if d.EventID == id {
			answers[d.WebhookID] = append(answers[d.WebhookID], d.Status)
		}
	}
	return id, answers
}

// handles fires an event that the receiver must handle exactly once: another
// line would show before the next event's.
func (b *bench) handles(what, eventType string, want map[string][]int) {
	b.t.Helper()
	id, answers := b.fire(eventType)
	if diff := cmp.Diff(want, answers); diff != "" {
		b.t.Errorf("%s: answers (-want +got):\n%s", what, diff)
	}
	b.prints("handled " + eventType + " " + id)
}
