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
)

var (
	frontMatter = regexp.MustCompile(`(?s)\A---\n(.+?\n)---\n`)
	description = regexp.MustCompile(`(?m)^description: (?:\|-\n  \S|"?[^"|\s])`)
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
