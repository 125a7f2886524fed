// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// A receiver as a process: how tests start it, send to it, read it and end it.

package receivers_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/signature"
)

// A language is one of the receivers, and how to run it.
type language struct {
	name    string
	source  string
	handle  *regexp.Regexp // the function that a user replaces
	scripts string         // what the tests replace it by
	command func(t *testing.T, source string) []string
}

// The tests' handle fails, panics or waits as the event's type says.
var languages = []language{
	{
		name: "go", source: "go/main.go", handle: regexp.MustCompile(`(?s)func handle\(.*?\n}\n`),
		scripts: `func handle(e event) (result any, err error) {
	fmt.Println("begun", e.Type, e.ID)
	switch e.Type {
	case "test.fail":
		if os.Remove(os.Getenv("TEST_FOLDER")+"/fail") == nil {
			return nil, errors.New("the test says so")
		}
	case "test.panic":
		panic("the test says so")
	case "test.wait":
		for _, err := os.Stat(os.Getenv("TEST_FOLDER") + "/go-on"); err != nil; _, err = os.Stat(os.Getenv("TEST_FOLDER") + "/go-on") {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println("handled", e.Type, e.ID)
	return "result of " + e.ID, nil
}
`,
		command: func(t *testing.T, source string) []string {
			t.Helper()
			return []string{built(t, source)}
		},
	},
	{
		name: "node", source: "node/receiver.js", handle: regexp.MustCompile(`(?s)async function handle\(.*?\n}\n`),
		scripts: `async function handle(event) {
  console.log('begun ' + event.eventType + ' ' + event.id);
  const folder = process.env.TEST_FOLDER;
  if (event.eventType === 'test.fail' && fs.existsSync(folder + '/fail')) {
    fs.rmSync(folder + '/fail');
    throw new Error('the test says so');
  }
  if (event.eventType === 'test.panic') null.property;
  while (event.eventType === 'test.wait' && !fs.existsSync(folder + '/go-on')) await delay(1);
  console.log('handled ' + event.eventType + ' ' + event.id);
  return 'result of ' + event.id;
}
`,
		command: func(t *testing.T, source string) []string {
			t.Helper()
			return []string{find(t, "node"), source}
		},
	},
	{
		name: "python", source: "python/receiver.py", handle: pythonHandle, scripts: pythonScripts,
		command: func(t *testing.T, source string) []string {
			t.Helper()
			return []string{find(t, "python3"), "-B", "-S", source} // -S: without waitress
		},
	},
	{
		name: "waitress", source: "python/receiver.py", handle: pythonHandle, scripts: pythonScripts,
		command: func(t *testing.T, source string) []string {
			t.Helper()
			return []string{pythonWith(t, "waitress"), "-B", source}
		},
	},
}

var pythonHandle = regexp.MustCompile(`(?s)def handle\(event.*?\n{3}`)

const pythonScripts = `def handle(event):
    print("begun", event["eventType"], event["id"], flush=True)
    folder = os.environ["TEST_FOLDER"]
    if event["eventType"] == "test.fail" and os.path.exists(folder + "/fail"):
        os.remove(folder + "/fail")
        raise ValueError("the test says so")
    if event["eventType"] == "test.panic":
        sys.exit("the test says so")
    while event["eventType"] == "test.wait" and not os.path.exists(folder + "/go-on"):
        time.sleep(0.001)
    print("handled", event["eventType"], event["id"], flush=True)
    return "result of " + event["id"]


`

// inEach runs a test for each language.
func inEach(t *testing.T, test func(t *testing.T, l language)) {
	t.Helper()
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
		})
	}
}

// scripted returns the language with the tests' handle.
func (l language) scripted(t *testing.T) language {
	t.Helper()
	text, err := os.ReadFile(l.source)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(l.handle.FindAllIndex(text, -1)); n != 1 {
		t.Fatalf("%s has %d functions handle, want 1", l.source, n)
	}
	source := filepath.Join(t.TempDir(), filepath.Base(l.source))
	text = l.handle.ReplaceAllLiteral(text, []byte(l.scripts))
	if err := os.WriteFile(source, text, 0o600); err != nil {
		t.Fatal(err)
	}
	l.source = source
	return l
}

var (
	buildMu sync.Mutex
	builds  = map[string]string{} // a binary by its source's text
)

// TestMain removes what the tests have built.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, binary := range builds {
		os.RemoveAll(filepath.Dir(binary))
	}
	os.Exit(code)
}

// built compiles a copy of a source outside the repository: it needs no module.
func built(t *testing.T, source string) string {
	t.Helper()
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	buildMu.Lock()
	defer buildMu.Unlock()
	if binary := builds[string(text)]; binary != "" {
		return binary
	}
	folder, err := os.MkdirTemp("", "receiver") //nolint:usetesting // outlives the test
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "main.go"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", "receiver.exe", "main.go")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	builds[string(text)] = filepath.Join(folder, "receiver.exe")
	return builds[string(text)]
}

func find(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is not on PATH: install it to test its receiver", program)
	}
	return path
}

// pythonWith returns a Python that has the modules: the first on PATH, or the
// system's.
func pythonWith(t *testing.T, modules ...string) string {
	t.Helper()
	for _, python := range []string{find(t, "python3"), "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import "+strings.Join(modules, ", ")).Run() == nil {
			return python
		}
	}
	t.Skipf("python3 has no %s", strings.Join(modules, ", "))
	return ""
}

// A process is a receiver that runs.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string      // host:port
	folder  string      // with its secrets, its events, and what the tests' handle looks for
	lines   chan string // that it prints
	early   []string    // before it listened
	printed chan struct{}
	log     logged
}

// logged is what a process has written to its standard error.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// prepare returns a folder with a secrets file.
func prepare(t *testing.T, secrets string) string {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "secrets"), secrets)
	return folder
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run returns the command of the receiver in a folder.
func (l language) run(ctx context.Context, t *testing.T, folder string, env ...string) *exec.Cmd {
	t.Helper()
	command := l.command(t, l.source)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TITANX_SECRETS_FILE="+filepath.Join(folder, "secrets"),
		"TITANX_EVENTS_FILE="+filepath.Join(folder, "events"), "TEST_FOLDER="+folder, "HOST=127.0.0.1", "PORT=0")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// start runs the receiver until the test ends or stops it, and waits until it
// listens.
func (l language) start(t *testing.T, folder string, env ...string) *process {
	t.Helper()
	p := l.begin(t, folder, env...)
	var early []string
	for ok := false; !ok; {
		line := p.line()
		if p.address, ok = strings.CutPrefix(line, "listening on http://"); !ok {
			early = append(early, line)
		}
	}
	p.early = early
	return p
}

func (l language) begin(t *testing.T, folder string, env ...string) *process {
	t.Helper()
	p := &process{t: t, folder: folder, lines: make(chan string, 10_000), printed: make(chan struct{})}
	p.cmd = l.run(context.WithoutCancel(t.Context()), t, folder, env...)
	p.cmd.Stderr = &p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.printed)
		for in := bufio.NewScanner(out); in.Scan(); {
			p.lines <- in.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.printed
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("the receiver logged:\n%s", p.log.String())
		}
	})
	return p
}

// line waits for the next line that the receiver prints.
func (p *process) line() string {
	p.t.Helper()
	if len(p.early) > 0 {
		line := p.early[0]
		p.early = p.early[1:]
		return line
	}
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("the receiver ended:\n%s", p.log.String())
		}
		return line
	case <-time.After(time.Minute):
		p.t.Fatalf("the receiver printed nothing:\n%s", p.log.String())
	}
	return ""
}

// prints expects the next lines.
func (p *process) prints(want ...string) {
	p.t.Helper()
	for _, want := range want {
		if got := p.line(); got != want {
			p.t.Fatalf("the receiver printed %q, want %q", got, want)
		}
	}
}

// printsUntil returns the lines before one.
func (p *process) printsUntil(last string) (lines []string) {
	p.t.Helper()
	for line := p.line(); line != last; line = p.line() {
		lines = append(lines, line)
	}
	return lines
}

// logs waits until the receiver has logged a text.
func (p *process) logs(text string) {
	p.t.Helper()
	p.until("log "+text, func() bool { return strings.Contains(p.log.String(), text) })
}

// until waits for a condition.
func (p *process) until(what string, condition func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			p.t.Fatalf("the receiver did not %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// terminate asks the receiver to end.
func (p *process) terminate() {
	p.t.Helper()
	if runtime.GOOS == "windows" {
		p.t.Skip("Windows has no signal that a program could catch")
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// ended waits until the receiver has ended well, and returns what it still
// printed.
func (p *process) ended() (lines []string) {
	p.t.Helper()
	select {
	case <-p.printed:
	case <-time.After(time.Minute):
		p.t.Fatal("the receiver does not end")
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the receiver ended with %v", err)
	}
	for line := range p.lines {
		lines = append(lines, line)
	}
	return lines
}

// kill ends the receiver without notice.
func (p *process) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill()
	<-p.printed
	_ = p.cmd.Wait()
}

// dial connects to the receiver.
func (p *process) dial() net.Conn {
	p.t.Helper()
	conn, err := new(net.Dialer).DialContext(p.t.Context(), "tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// deliver sends a body that is signed with a key, and returns the answer.
func (p *process) deliver(body, key string) *http.Response {
	p.t.Helper()
	resp, err := exchange(p.dial(), requestCase{body: body, headers: []string{"X-TitanX-Signature: " + sign(key, body)}})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp
}

// answers delivers a body and expects a status.
func (p *process) answers(want int, body string) {
	p.t.Helper()
	if resp := p.deliver(body, secret); resp.StatusCode != want {
		p.t.Fatalf("%.60s: the receiver answered %d, want %d\n%s", body, resp.StatusCode, want, p.log.String())
	}
}

// handles delivers a body and expects that its event, and nothing before it, is
// handled.
func (p *process) handles(id string) {
	p.t.Helper()
	p.answers(204, delivery(id))
	p.prints("handled job.completed " + id)
	p.marked("done", id)
}

// marked waits for a mark in the events file.
func (p *process) marked(state, id string) {
	p.t.Helper()
	p.until("write the mark", func() bool {
		return slices.ContainsFunc(records(p.t, p.folder), func(r record) bool { return r.State == state && r.ID == id })
	})
}

// exchange sends a request on a connection and reads the answer.
func exchange(conn net.Conn, c requestCase) (*http.Response, error) {
	if _, err := conn.Write(c.bytes()); err != nil {
		return nil, err
	}
	return answer(conn, c)
}

var errTwice = errors.New("more than one answer")

func answer(conn net.Conn, c requestCase) (*http.Response, error) {
	method, _, _ := strings.Cut(c.line, " ")
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusContinue {
			continue
		}
		_, err = new(bytes.Buffer).ReadFrom(resp.Body)
		if in.Buffered() > 0 && !resp.Close {
			return nil, errTwice
		}
		return resp, err
	}
}

func sign(key, body string) string { return signature.Sign(key, []byte(body)) }
