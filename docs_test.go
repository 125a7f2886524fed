// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The pages of docs/ and templates/: their links, their descriptions, their
// guides.

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	fence       = regexp.MustCompile("(?s)```.*?\n```\n")
	codeSpan    = regexp.MustCompile("`[^`\n]*`")
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading     = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchor      = regexp.MustCompile(`<a id="([^"]+)">`)
	noSlug      = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
	ownAddress  = regexp.MustCompile(`^https://(?:github\.com/titanx-io/terraform-provider-titanx/(?:blob|tree)|raw\.githubusercontent\.com/titanx-io/terraform-provider-titanx)/main/`)
	outside     = regexp.MustCompile(`^(https?|mailto):`)
	frontMatter = regexp.MustCompile(`(?s)\A---\n(.+?\n)---\n`)
	description = regexp.MustCompile(`(?m)^description: (?:\|-\n {2}\S|"?[^"|\s])`)
)

// pages reads every Markdown file of the project, by its path with slashes.
func pages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || name == "bin" || name == "dist" || entry.Name() == "node_modules"):
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

func TestDocs_links(t *testing.T) {
	t.Parallel()
	texts := pages(t)
	checked := 0
	for name, text := range texts {
		for _, match := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(fence.ReplaceAllString(text, ""), ""), -1) {
			checked++
			if err := resolve(texts, name, match[1]); err != nil {
				t.Errorf("%s: %s: %v", name, match[1], err)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links found", checked)
	}
}

// resolve finds what a link on a page leads to, as far as that lies in this
// repository. A template's links are those of the page that is made from it.
func resolve(texts map[string]string, page, target string) error {
	own := ownAddress.FindString(target)
	if own == "" && outside.MatchString(target) {
		return nil
	}
	target, fragment, _ := strings.Cut(strings.TrimPrefix(target, own), "#")
	if rest, ok := strings.CutPrefix(page, "templates/"); ok {
		page = "docs/" + strings.TrimSuffix(rest, ".tmpl")
	}
	file := page
	switch {
	case own != "":
		file = path.Clean(target)
	case target != "":
		file = path.Join(path.Dir(page), target)
	}
	if _, err := os.Stat(file); err != nil {
		return err
	}
	if fragment != "" && !anchors(texts[file])[fragment] {
		return fmt.Errorf("%s has no such heading", file)
	}
	return nil
}

// anchors are those that GitHub and the registry give to a page's headings, and
// those that it sets itself.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		slug := strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")
		unique := slug
		for n := 1; found[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", slug, n)
		}
		found[unique] = true
	}
	for _, match := range anchor.FindAllStringSubmatch(text, -1) {
		found[match[1]] = true
	}
	return found
}

// The registry shows a page's description in search results.
func TestDocs_descriptions(t *testing.T) {
	t.Parallel()
	checked := 0
	for name, text := range pages(t) {
		if !strings.HasPrefix(name, "docs/") {
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

var (
	subcategory = regexp.MustCompile(`(?m)^subcategory: "[A-Z][a-z ]+"$`)
	opening     = regexp.MustCompile(`\n\nUse this guide to [^.]+ if [^.]+\.`)
	nextGuide   = regexp.MustCompile(`\nNext: \[[^\]]+\]\(([a-z-]+\.md)\)\n$`)
)

// TestDocs_guides wants each guide to say what it is for and who needs it, to
// be linked from the index, and to lead to the next.
func TestDocs_guides(t *testing.T) {
	t.Parallel()
	texts := pages(t)
	checked := 0
	for name, text := range texts {
		if !strings.HasPrefix(name, "docs/guides/") {
			continue
		}
		checked++
		if !subcategory.MatchString(text) {
			t.Errorf("%s has no subcategory", name)
		}
		if !opening.MatchString(text) {
			t.Errorf("%s does not say what it is for and who needs it", name)
		}
		if !nextGuide.MatchString(text) {
			t.Errorf("%s leads to no next guide", name)
		}
		if !strings.Contains(texts["docs/index.md"], "("+strings.TrimPrefix(name, "docs/")+")") {
			t.Errorf("docs/index.md does not link to %s", name)
		}
	}
	if checked < 12 {
		t.Errorf("only %d guides found", checked)
	}
}
