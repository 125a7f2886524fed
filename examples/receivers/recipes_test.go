// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The recipes for frameworks in examples/receivers/recipes.

package receivers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// copied returns a folder with a recipe and the receiver that it uses.
func copied(t *testing.T, files ...string) string {
	t.Helper()
	folder := prepare(t, secret)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(folder, filepath.Base(file)), string(text))
	}
	return folder
}

// expressModules returns where make frameworks has installed Express.
func expressModules(t *testing.T) string {
	t.Helper()
	modules, err := filepath.Abs("../../.cache/express/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "express")); err != nil {
		t.Skip("Express is not installed: make frameworks")
	}
	return modules
}

func TestRecipe_express(t *testing.T) {
	t.Parallel()
	modules := expressModules(t)
	folder := copied(t, "recipes/express.js", "node/receiver.js")
	l := language{name: "express", source: filepath.Join(folder, "express.js"), command: func(t *testing.T, source string) []string {
		t.Helper()
		return []string{find(t, "node"), source}
	}}
	recipe(t, l.start(t, folder, "NODE_PATH="+modules))
}

var uvicorn = regexp.MustCompile(`Uvicorn running on http://(\S+)`)

func TestRecipe_fastAPI(t *testing.T) {
	t.Parallel()
	python := pythonWith(t, "fastapi", "uvicorn")
	folder := copied(t, "recipes/fastapi_app.py", "python/receiver.py")
	l := language{name: "fastapi", command: func(t *testing.T, _ string) []string {
		t.Helper()
		return []string{python, "-B", "-m", "uvicorn", "--app-dir", folder, "--port", "0", "--no-access-log", "fastapi_app:app"}
	}}
	p := l.begin(t, folder)
	p.logs("Uvicorn running on http://")
	p.address = uvicorn.FindStringSubmatch(p.log.String())[1]
	recipe(t, p)
}

// recipe sends an application every request for its route, and stops it.
func recipe(t *testing.T, p *process) {
	t.Helper()
	for i, c := range requestCases {
		if c.line != "" || !c.chunks && c.body == "" {
			continue
		}
		resp, err := exchange(p.dial(), c)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if resp.StatusCode != c.status {
			t.Errorf("%s: answer %d, want %d", c.name, resp.StatusCode, c.status)
		}
		next := fmt.Sprint("next-", i)
		p.answers(204, delivery(next))
		var want []string
		if c.handled != "" {
			want = []string{"handled " + c.handled}
		}
		if diff := cmp.Diff(want, p.printsUntil("handled job.completed "+next)); diff != "" {
			t.Errorf("%s: handled (-want +got):\n%s", c.name, diff)
		}
	}
	p.terminate()
	p.ended()
}

// TestRecipe_lambda calls the function with each request as a function URL, API
// Gateway and a load balancer do, and with a queue that fails.
func TestRecipe_lambda(t *testing.T) {
	t.Parallel()
	folder := copied(t, "recipes/lambda.js", "node/receiver.js")
	sdk := filepath.Join(folder, "node_modules", "@aws-sdk", "client-sqs")
	if err := os.MkdirAll(sdk, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(sdk, "index.js"), `
exports.SendMessageCommand = class { constructor(input) { this.input = input; } };
exports.SQSClient = class {
  async send({ input }) {
    if (input.QueueUrl !== 'queue') throw new Error('no queue');
    exports.sent = input.MessageDeduplicationId;
    JSON.parse(input.MessageBody.replace(/^\ufeff/, ''));
  }
};
`)
	write(t, filepath.Join(folder, "run.js"), `
const sqs = require('@aws-sdk/client-sqs');
const { handler } = require('./lambda.js');
(async () => {
  const results = [];
  for (const { request, queue, secrets } of JSON.parse(require('fs').readFileSync(0))) {
    Object.assign(process.env, { QUEUE_URL: queue, TITANX_SECRETS: secrets });
    sqs.sent = '';
    const { statusCode } = await handler(request);
    results.push(statusCode + ' ' + sqs.sent);
  }
  console.log(JSON.stringify(results));
})();
`)
	type call struct {
		Request map[string]any `json:"request"`
		Queue   string         `json:"queue"`
		Secrets string         `json:"secrets"`
	}
	var calls []call
	var want, names []string
	add := func(name string, request map[string]any, queue, secrets, result string) {
		calls, want, names = append(calls, call{request, queue, secrets}), append(want, name+": "+result), append(names, name)
	}
	for _, c := range requestCases {
		if c.line != "" || c.status == 413 {
			continue
		}
		headers, many := map[string]string{}, map[string][]string{}
		for _, header := range c.headers {
			name, value, _ := strings.Cut(header, ":")
			value = strings.Trim(strings.ReplaceAll(value, "SIGNATURE", sign(secret, c.body)), " \t")
			many[name] = append(many[name], value)
			headers[strings.ToLower(name)] = strings.Join(many[name], ",")
		}
		if c.headers == nil {
			many["X-TitanX-Signature"], headers["x-titanx-signature"] = []string{sign(secret, c.body)}, sign(secret, c.body)
		}
		result := fmt.Sprint(c.status, " ")
		if c.status == 204 {
			var sent struct{ ID string }
			if err := json.Unmarshal([]byte(strings.TrimPrefix(c.body, "\ufeff")), &sent); err != nil {
				t.Fatal(err)
			}
			if c.name == "ID beside id" {
				sent.ID = "exact"
			}
			result += sent.ID
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(c.body))
		add(c.name+" in base64", map[string]any{"headers": headers, "body": encoded, "isBase64Encoded": true}, "queue", secret, result)
		add(c.name+" with many headers", map[string]any{"multiValueHeaders": many, "body": encoded, "isBase64Encoded": true}, "queue", secret, result)
		if utf8.ValidString(c.body) {
			add(c.name+" as text", map[string]any{"headers": headers, "body": c.body}, "queue", secret, result)
		}
	}
	headers := map[string]string{"X-TitanX-Signature": sign(secret, delivery("other"))}
	add("no queue", map[string]any{"headers": headers, "body": delivery("other")}, "none", secret, "503 ")
	add("a note among the secrets", map[string]any{"headers": headers, "body": delivery("other")}, "queue", "# note\n"+secret, "503 ")
	add("nothing", map[string]any{}, "queue", secret, "401 ")

	input, err := json.Marshal(calls)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), find(t, "node"), filepath.Join(folder, "run.js"))
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(names) {
		t.Fatalf("%v: %s", err, out)
	}
	for i := range got {
		got[i] = names[i] + ": " + got[i]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}
