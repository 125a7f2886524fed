// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// summaryArgument is where the calls that make a diagnostic take its summary.
var summaryArgument = map[string]int{
	"AddError": 0, "AddWarning": 0, "AddAttributeError": 1, "AddAttributeWarning": 1,
	"NewErrorDiagnostic": 0, "NewWarningDiagnostic": 0, "NewAttributeErrorDiagnostic": 1, "NewAttributeWarningDiagnostic": 1,
	"NewFuncError": 0, "NewArgumentFuncError": 1,
	"addAPIError": 1, "api": 1, // "Unable to" and an activity
}

// TestTroubleshooting finds every message of the provider, by its summary, as a heading of the guide.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../templates/guides/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings strings.Builder
	for _, line := range regexp.MustCompile(`(?m)^### .*$`).FindAllString(string(guide), -1) {
		headings.WriteString(line + "\n")
	}
	found := summariesIn(t)
	if len(found) < 40 {
		t.Errorf("only %d messages found", len(found))
	}
	for summary, where := range found {
		if !strings.Contains(headings.String(), summary) {
			t.Errorf("%s: the guide has no heading %q", where, summary)
		}
	}
}

// summariesIn gives the summaries in this package's source, and where each is.
func summariesIn(t *testing.T) map[string]token.Position {
	t.Helper()
	set := token.NewFileSet()
	source, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	constants := map[string]string{}
	for _, name := range source {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					if text, ok := constant(spec.Values[i], nil); ok {
						constants[name.Name] = text
					}
				}
			}
			return true
		})
	}
	found := map[string]token.Position{}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := calledName(call)
			at, ok := summaryArgument[name]
			if !ok || len(call.Args) <= at {
				return true
			}
			summary, ok := constant(call.Args[at], constants)
			switch {
			case !ok && !isUnableTo(call.Args[at]):
				t.Errorf("%s: the summary is not a constant: this test cannot look for it", set.Position(call.Pos()))
			case ok && (name == "addAPIError" || name == "api"):
				found["Unable to "+summary] = set.Position(call.Pos())
			case ok:
				found[summary] = set.Position(call.Pos())
			}
			return true
		})
	}
	return found
}

func calledName(call *ast.CallExpr) string {
	switch called := call.Fun.(type) {
	case *ast.Ident:
		return called.Name
	case *ast.SelectorExpr:
		return called.Sel.Name
	}
	return ""
}

// constant reads a text that is written out, or that a constant of the package stands for.
func constant(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.Ident:
		text, ok := constants[e.Name]
		return text, ok
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	}
	return "", false
}

// isUnableTo tells whether a summary is "Unable to" and an activity, which is found where it is given.
func isUnableTo(e ast.Expr) bool {
	sum, ok := e.(*ast.BinaryExpr)
	if !ok {
		return false
	}
	text, ok := constant(sum.X, nil)
	return ok && text == "Unable to "
}
