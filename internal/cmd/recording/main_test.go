// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDraw(t *testing.T) {
	t.Parallel()
	picture := draw("make <demo>", []line{{text: "Terraform & friends"}, {text: ""}, {text: "✓ plan: \"no changes\"", after: 1500 * time.Millisecond}})

	var texts, delays []string
	depth := 0
	for in := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Local == "text" {
				texts, depth = append(texts, ""), 1
			}
			for _, a := range token.Attr {
				if a.Name.Local == "style" {
					delays = append(delays, a.Value)
				}
			}
		case xml.EndElement:
			if token.Name.Local == "text" {
				depth = 0
			}
		case xml.CharData:
			if depth > 0 {
				texts[len(texts)-1] += string(token)
			}
		}
	}
	if diff := cmp.Diff([]string{"$ make <demo>", "Terraform & friends", "", "✓ plan: \"no changes\""}, texts); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"animation-delay:0.60s", "animation-delay:0.60s", "animation-delay:2.10s"}, delays); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "picture.svg")
	if err := run(t.Context(), []string{"-title", "go env", "-o", file, "go", "env", "GOVERSION"}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(before), ">go1.") {
		t.Fatalf("%v: the picture lacks the command's output:\n%s", err, before)
	}
	if err := run(t.Context(), []string{"-o", file, "go", "no-such-command"}, io.Discard, io.Discard); err == nil {
		t.Error("no error from a command that fails")
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
		t.Errorf("%v: a command that failed changed the picture", err)
	}
}
