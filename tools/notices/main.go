// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Command notices prints the license texts and notices of everything that is
// linked into the provider: the Go standard library and the packages that the
// provider imports on any system that it is released for. It fails if a
// license is missing, unknown, or not known to be compatible with MPL-2.0.
//
// Run it in the provider's module, with the systems as arguments:
//
//	notices linux/amd64 windows/arm64
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	classifier "github.com/google/licenseclassifier/v2"
	"github.com/google/licenseclassifier/v2/assets"
)

// compatible lists the licenses whose code may be distributed in a program
// under MPL-2.0.
var compatible = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unlicense"}

var (
	licenseName = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying`)
	noticeName  = regexp.MustCompile(`(?i)^notice|^patents|^copyright`)
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

// module is a module of which at least one package is linked.
type module struct {
	name  string // path and version
	files []string
}

func run(w io.Writer, systems []string) error {
	if len(systems) == 0 {
		return errors.New("no systems named")
	}
	modules, err := linked(systems)
	if err != nil {
		return err
	}
	known, err := assets.DefaultClassifier()
	if err != nil {
		return fmt.Errorf("load licenses: %w", err)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, "This program contains the following software, under the licenses that follow each name.")
	fmt.Fprintln(out, "The source code of a Go module is at https://proxy.golang.org and at the address in its name.")
	var refused []error
	for _, m := range modules {
		licenses, err := check(known, m)
		if err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", m.name, err))
			continue
		}
		fmt.Fprintf(out, "\n%s\n%s\nLicense: %s\n", strings.Repeat("=", 80), m.name, strings.Join(licenses, ", "))
		for _, file := range m.files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "\n%s\n\n", bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
		}
	}
	return errors.Join(append(refused, out.Flush())...)
}

// check returns the names of a module's licenses. It fails if one of them is
// not compatible, or if there is none.
func check(known *classifier.Classifier, m module) ([]string, error) {
	var names []string
	for _, file := range m.files {
		if !licenseName.MatchString(filepath.Base(file)) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		before := len(names)
		for _, match := range known.Match(text).Matches {
			if match.MatchType != "License" {
				continue
			}
			if !slices.Contains(compatible, match.Name) {
				return nil, fmt.Errorf("license %s in %s is not known to be compatible with MPL-2.0", match.Name, file)
			}
			names = append(names, match.Name)
		}
		if len(names) == before {
			return nil, fmt.Errorf("unknown license in %s", file)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no license")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// linked returns the modules of the packages that the program of the current
// directory imports on any of the systems, and the standard library.
func linked(systems []string) ([]module, error) {
	env, err := goOutput("", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	goroot, version, _ := strings.Cut(strings.TrimSpace(env), "\n")
	files := map[string][]string{}
	for _, system := range systems {
		listed, err := goOutput(system, "list", "-deps", "-f",
			"{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", ".")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(listed) {
			fields := strings.Split(strings.TrimSpace(line), "\t")
			if len(fields) != 3 {
				continue
			}
			found, err := textsAbove(fields[2], fields[1])
			if err != nil {
				return nil, err
			}
			files[fields[0]] = append(files[fields[0]], found...)
		}
	}
	std, err := textsIn(goroot)
	if err != nil {
		return nil, err
	}
	modules := []module{{name: "The Go standard library " + version, files: std}}
	for name, found := range files {
		slices.Sort(found)
		modules = append(modules, module{name: name, files: slices.Compact(found)})
	}
	slices.SortFunc(modules[1:], func(a, b module) int { return strings.Compare(a.name, b.name) })
	return modules, nil
}

// textsAbove returns the license and notice files of a package's directory and
// of those above it, up to its module's.
func textsAbove(dir, root string) ([]string, error) {
	var files []string
	for {
		found, err := textsIn(dir)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
		if dir == root || len(dir) < len(root) {
			return files, nil
		}
		dir = filepath.Dir(dir)
	}
}

func textsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		name := entry.Name()
		text := licenseName.MatchString(name) || noticeName.MatchString(name)
		if text && entry.Type().IsRegular() && filepath.Ext(name) != ".go" {
			files = append(files, filepath.Join(dir, name))
		}
	}
	return files, nil
}

// goOutput runs the go command for a system, or for this one if it is "".
func goOutput(system string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if goos, goarch, ok := strings.Cut(system, "/"); ok {
		cmd.Env = append(cmd.Env, "GOOS="+goos, "GOARCH="+goarch)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}
