// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package delivery_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/delivery"
)

var types = []string{delivery.ContactScored, delivery.JobCompleted, "job.invented.tomorrow"}

func sample(eventType string) delivery.Event {
	return delivery.Event{
		ID: "0b8f7f0e-3f57-4c57-9d4e-0d9f5f0f7c11", Type: eventType, Time: time.UnixMilli(1790000000000),
		Payload: delivery.SamplePayload(eventType),
	}
}

func TestEvent_body(t *testing.T) {
	t.Parallel()
	e := sample("job.completed")
	e.Payload = []byte(`{ "a" :1.0 }`)
	want := `{"payload": { "a" :1.0 },"eventType":"job.completed","timestamp":1790000000000,"apiVersion":"v2","id":"` + e.ID + "\"}\n"
	if got := string(e.Body()); got != want {
		t.Errorf("Body = %q, want %q", got, want)
	}
	e.ID, e.Type = `"`, `\`
	if !json.Valid(e.Body()) {
		t.Errorf("Body = %q, want JSON", e.Body())
	}
}

// TestSamplePayload_traps checks that a sample has every form that some encoder
// writes in another way.
func TestSamplePayload_traps(t *testing.T) {
	t.Parallel()
	for _, eventType := range types {
		body := string(sample(eventType).Body())
		if !json.Valid([]byte(body)) {
			t.Errorf("%s: %s is not JSON", eventType, body)
		}
		for _, trap := range []string{"ë", `\u00eb`, `\/`, ":1.0,", ":9007199254740993}", `": {`, `":"`} {
			if !strings.Contains(body, trap) {
				t.Errorf("%s: %s lacks %s", eventType, body, trap)
			}
		}
		if !strings.HasSuffix(body, "}\n") {
			t.Errorf("%s: %q does not end in a newline", eventType, body)
		}
	}
}

// encoders are programs that parse standard input and encode it again, each in
// one way that receivers do this.
var encoders = map[string][]string{
	"JSON.stringify":               {"node", "-e", `process.stdout.write(JSON.stringify(JSON.parse(require("fs").readFileSync(0, "utf8"))))`},
	"JSON.stringify, indented":     {"node", "-e", `process.stdout.write(JSON.stringify(JSON.parse(require("fs").readFileSync(0, "utf8")), null, 2))`},
	"json.dumps":                   {"python3", "-c", `import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin)))`},
	"json.dumps, compact":          {"python3", "-c", `import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin), separators=(",", ":")))`},
	"json.dumps, raw":              {"python3", "-c", `import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin), ensure_ascii=False))`},
	"json.dumps, raw, compact":     {"python3", "-c", `import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin), ensure_ascii=False, separators=(",", ":")))`},
	"json.dumps, sorted, indented": {"python3", "-c", `import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin), sort_keys=True, indent=1))`},
}

// goEncoders do the same in Go.
var goEncoders = map[string]func([]byte) ([]byte, error){
	"Marshal of any": func(body []byte) ([]byte, error) {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		return json.Marshal(v)
	},
	"Marshal of exact numbers": func(body []byte) ([]byte, error) {
		var v any
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		if err := decoder.Decode(&v); err != nil {
			return nil, err
		}
		return json.Marshal(v)
	},
	"Marshal of a struct": func(body []byte) ([]byte, error) {
		var v struct {
			Payload    json.RawMessage `json:"payload"`
			EventType  string          `json:"eventType"`
			Timestamp  int64           `json:"timestamp"`
			APIVersion string          `json:"apiVersion"`
			ID         string          `json:"id"`
		}
		if err := json.Unmarshal(body, &v); err != nil {
			return nil, err
		}
		return json.Marshal(v)
	},
	"Compact": func(body []byte) ([]byte, error) {
		var b bytes.Buffer
		err := json.Compact(&b, body)
		return b.Bytes(), err
	},
	"Indent": func(body []byte) ([]byte, error) {
		var b bytes.Buffer
		err := json.Indent(&b, body, "", "  ")
		return b.Bytes(), err
	},
}

// TestEvent_reencoded checks that no encoder reproduces a sample, with or
// without a final newline.
func TestEvent_reencoded(t *testing.T) {
	t.Parallel()
	all := map[string]func([]byte) ([]byte, error){}
	for name, command := range encoders {
		all[name] = func(body []byte) ([]byte, error) {
			cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
			cmd.Stdin, cmd.Stderr = bytes.NewReader(body), t.Output()
			return cmd.Output()
		}
	}
	maps.Copy(all, goEncoders)
	for name, encode := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, eventType := range types {
				body := sample(eventType).Body()
				encoded, err := encode(body)
				if err != nil {
					t.Fatal(err)
				}
				if !json.Valid(encoded) {
					t.Fatalf("%s: %q is not JSON", eventType, encoded)
				}
				if slices.Equal(encoded, body) || slices.Equal(append(encoded, '\n'), body) {
					t.Errorf("%s: encoding does not change the body", eventType)
				}
			}
		})
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	a, b := delivery.NewID(), delivery.NewID()
	if len(a) != 36 || a[14] != '4' || strings.Count(a, "-") != 4 || a == b {
		t.Errorf("NewID = %q, %q, want two random UUIDs", a, b)
	}
}

func TestVerdictOf(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]delivery.Verdict{
		200: delivery.Delivered, 204: delivery.Delivered, 299: delivery.Delivered,
		301: delivery.Final, 307: delivery.Final, 400: delivery.Final, 401: delivery.Final, 404: delivery.Final, 410: delivery.Final,
		408: delivery.Repeated, 429: delivery.Repeated, 500: delivery.Repeated, 503: delivery.Repeated, 599: delivery.Repeated,
	} {
		if got := delivery.VerdictOf(status); got != want {
			t.Errorf("VerdictOf(%d) = %s, want %s", status, got, want)
		}
	}
}

func TestVerdict_string(t *testing.T) {
	t.Parallel()
	for verdict, want := range map[delivery.Verdict]string{
		delivery.Delivered: "delivered", delivery.Repeated: "will send this again", delivery.Final: "will never send this again",
	} {
		if got := verdict.String(); !strings.Contains(got, want) {
			t.Errorf("String = %q, want %q", got, want)
		}
	}
}
