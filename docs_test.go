// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	frontMatter = regexp.MustCompile(`(?s)\A---\n(.+?\n)---\n`)
	description = regexp.MustCompile(`(?m)^description: (?:\|-\n {2}\S|"?[^"|\s])`)
)

// pages reads every Markdown file of the project, by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || name == "bin" || name == "dist"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(strings.TrimSuffix(name, ".tmpl"), ".md"):
			return nil
		}
		text, err := os.ReadFile(name)
		texts[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) < 20 {
		t.Fatalf("only %d pages found", len(texts))
	}
	return texts
}

// The registry shows a page's description in search results.
func TestDocsDescriptions(t *testing.T) {
	t.Parallel()
	checked := 0
	for name, text := range pages(t) {
		if !strings.HasPrefix(filepath.ToSlash(name), "docs/") {
			continue
		}
		checked++
		matter := frontMatter.FindStringSubmatch(text)
		if matter == nil {
			t.Errorf("%s has no front matter", name)
		} else if !description.MatchString(matter[1]) {
			t.Errorf("%s has no description", name)
		}
	}
	if checked < 15 {
		t.Errorf("only %d pages under docs found", checked)
	}
}

var versions = regexp.MustCompile(`(?s)\n## Versions\n(.+?)(?:\n## |\z)`)

// README.md and the registry say the same of what each CLI can do.
func TestDocsVersions(t *testing.T) {
	t.Parallel()
	texts := pages(t)
	readme, index := versions.FindStringSubmatch(texts["README.md"]), versions.FindStringSubmatch(texts[filepath.Join("docs", "index.md")])
	if readme == nil || index == nil {
		t.Fatal("a page has no versions")
	}
	if diff := cmp.Diff(strings.TrimSpace(readme[1]), strings.TrimSpace(index[1])); diff != "" {
		t.Errorf("README.md and docs/index.md differ (-README +index):\n%s", diff)
	}
}
