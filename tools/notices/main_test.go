// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const self = "github.com/google/licenseclassifier/v2"

// texts returns the folder with the license texts that the classifier knows.
func texts(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", self).Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "assets", "License")
}

// TestRun runs the program for a program with one dependency.
func TestRun(t *testing.T) {
	known := texts(t)
	for name, test := range map[string]struct{ file, license, want string }{
		"compatible":   {"LICENSE", "MIT", ""},
		"incompatible": {"LICENSE", "GPL-3.0", "license GPL-3.0 in"},
		"unknown":      {"LICENSE", "", "unknown license in"},
		"missing":      {"README", "MIT", "example.com/dependency v1.0.0: no license"},
	} {
		t.Run(name, func(t *testing.T) {
			text := []byte("All rights are with somebody.")
			if test.license != "" {
				found, err := filepath.Glob(filepath.Join(known, test.license, "*.txt"))
				if err != nil || len(found) == 0 {
					t.Fatalf("no text of %s in %s", test.license, known)
				}
				if text, err = os.ReadFile(found[0]); err != nil {
					t.Fatal(err)
				}
			}
			dir := t.TempDir()
			for file, content := range map[string]string{
				"go.mod":                    "module example.com/program\n\ngo 1.26.0\n\nrequire example.com/dependency v1.0.0\n\nreplace example.com/dependency => ./dependency\n",
				"main.go":                   "package main\n\nimport _ \"example.com/dependency\"\n\nfunc main() {}\n",
				"dependency/go.mod":         "module example.com/dependency\n",
				"dependency/dependency.go":  "package dependency\n",
				"dependency/" + test.file:   string(text),
				"dependency/NOTICE.txt":     "CANARY of a notice",
				"dependency/unused/LICENSE": "All rights are with somebody.",
			} {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			var out strings.Builder
			err := run(&out, []string{"linux/amd64", "windows/arm64"})
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Fatalf("error %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"The Go standard library go1.", "\nexample.com/dependency v1.0.0\nLicense: MIT\n", "CANARY of a notice"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the notices lack %q", want)
				}
			}
		})
	}
}
