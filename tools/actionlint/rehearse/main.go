// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Command rehearse runs a GitHub workflow on this machine. Each job has a
// folder of its own. A step with shell code runs; an action does the part of
// its work that later steps see, or nothing; GitHub is the folder that
// GITHUB_STAND_IN names. The jobs run one by one, in the order that their
// needs allow. The file that RECORD names gets a line for each step.
//
//	rehearse -origin REPOSITORY -tools FOLDER [-set NAME=VALUE] [-keep JOB,…] WORKFLOW
//
// REPOSITORY is what actions/checkout clones. FOLDER has one folder for each
// action that installs a program, named for the action, with what goes on
// PATH. A value replaces an expression such as secrets.NAME. A job to keep has
// run in an earlier rehearsal, and its artifacts are still there.
package main

import (
	"cmp"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"
)

func main() {
	r := rehearsal{values: map[string]string{}, record: os.Getenv("RECORD"), hub: os.Getenv("GITHUB_STAND_IN")}
	keep := flag.String("keep", "", "jobs that an earlier rehearsal ran")
	flag.StringVar(&r.origin, "origin", "", "repository to clone")
	flag.StringVar(&r.tools, "tools", "", "folder of the installed programs")
	flag.Func("set", "expression=value", func(s string) error {
		name, value, _ := strings.Cut(s, "=")
		r.values[name] = value
		return nil
	})
	flag.Parse()
	r.keep = strings.Split(*keep, ",")
	ok, err := r.workflow(flag.Arg(0), "")
	if err != nil {
		fmt.Fprintln(os.Stderr, "rehearse:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type rehearsal struct {
	origin, tools, record, hub string
	values                     map[string]string // of expressions
	keep                       []string
}

// workflow runs the jobs of a file, and reports whether all of them succeeded.
func (r *rehearsal) workflow(file, caller string) (bool, error) {
	text, err := os.ReadFile(filepath.Join(r.origin, file))
	if err != nil {
		return false, err
	}
	parsed, problems := actionlint.Parse(text)
	if len(problems) > 0 {
		return false, problems[0]
	}
	results, waiting := map[string]string{}, maps.Clone(parsed.Jobs)
	for len(waiting) > 0 {
		job := next(waiting, results)
		if job == nil {
			return false, fmt.Errorf("%s: the needs form a circle", file)
		}
		id := job.ID.Value
		delete(waiting, id)
		needed := func(result string) bool {
			return slices.ContainsFunc(job.Needs, func(need *actionlint.String) bool {
				return results[need.Value] == result
			})
		}
		runs := !needed("failure") && !needed("skipped")
		switch condition := value(job.If); condition {
		case "":
		case "always() && contains(needs.*.result, 'failure')":
			runs = needed("failure")
		default:
			return false, fmt.Errorf("%s: job %s: unexpected condition %q", file, id, condition)
		}
		if !runs {
			results[id] = "skipped"
			r.note("%s%s: skipped", caller, id)
			continue
		}
		ok, err := r.job(caller+id, job)
		if err != nil {
			return false, fmt.Errorf("%s: job %s: %w", file, id, err)
		}
		results[id] = map[bool]string{true: "success", false: "failure"}[ok]
	}
	return !slices.Contains(slices.Collect(maps.Values(results)), "failure"), nil
}

// next returns the first job, as the file has them, that waits for none.
func next(waiting map[string]*actionlint.Job, results map[string]string) *actionlint.Job {
	jobs := slices.SortedFunc(maps.Values(waiting), func(a, b *actionlint.Job) int {
		return cmp.Compare(a.Pos.Line, b.Pos.Line)
	})
	for _, job := range jobs {
		if !slices.ContainsFunc(job.Needs, func(need *actionlint.String) bool {
			_, ok := results[need.Value]
			return !ok
		}) {
			return job
		}
	}
	return nil
}

func (r *rehearsal) job(id string, job *actionlint.Job) (bool, error) {
	if slices.Contains(r.keep, id) {
		return true, nil
	}
	if job.WorkflowCall != nil {
		return r.workflow(job.WorkflowCall.Uses.Value, id+"/")
	}
	permissions := "none"
	if job.Permissions != nil {
		var all []string
		for _, scope := range job.Permissions.Scopes {
			all = append(all, scope.Name.Value+":"+scope.Value.Value)
		}
		slices.Sort(all)
		permissions = strings.Join(all, ",")
	}
	runs := []string{""} // of a matrix with one dimension, which is called version
	if job.Strategy != nil {
		runs = nil
		for _, value := range job.Strategy.Matrix.Rows["version"].Values {
			runs = append(runs, strings.Trim(value.String(), `"`))
		}
	}
	for _, version := range runs {
		r.values["matrix.version"] = version
		ok, err := r.steps(strings.TrimSuffix(id+" "+version, " "), permissions, job.Steps)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (r *rehearsal) steps(id, permissions string, steps []*actionlint.Step) (bool, error) {
	dir, err := os.MkdirTemp("", "job")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	r.note("%s: begins with %s", id, permissions)
	path := filepath.Join(r.tools, "runner")
	env := append(os.Environ(), "GNUPGHOME="+dir+"-without-a-key", "GITHUB_PERMISSIONS="+permissions)
	for _, step := range steps {
		switch exec := step.Exec.(type) {
		case *actionlint.ExecAction:
			name, _, _ := strings.Cut(exec.Uses.Value, "@")
			if installed := filepath.Join(r.tools, filepath.Base(name)); exists(installed) {
				path = installed + string(filepath.ListSeparator) + path
			}
			if name == "crazy-max/ghaction-import-gpg" {
				env = append(env, "GNUPGHOME="+r.values["secrets.GPG_PRIVATE_KEY"])
			}
			if err := r.action(id, name, dir, permissions, exec.Inputs); err != nil {
				return false, err
			}
		case *actionlint.ExecRun:
			environment := slices.Concat(env,
				[]string{"PATH=" + path + string(filepath.ListSeparator) + os.Getenv("PATH")})
			if step.Env != nil {
				for _, variable := range step.Env.Vars {
					value, err := r.expand(variable.Value.Value)
					if err != nil {
						return false, err
					}
					environment = append(environment, variable.Name.Value+"="+value)
				}
			}
			r.note("%s: run %s", id, exec.Run.Value)
			if err := command(dir, environment, "bash", "-e", "-o", "pipefail", "-c", exec.Run.Value); err != nil {
				r.note("%s: failed", id)
				return false, nil
			}
		}
	}
	return true, nil
}

func (r *rehearsal) action(id, name, dir, permissions string, inputs map[string]*actionlint.Input) error {
	with := func(input string) string {
		if inputs[input] == nil {
			return ""
		}
		return inputs[input].Value.Value
	}
	store := filepath.Join(r.hub, "artifacts", with("name"))
	switch name {
	case "actions/checkout":
		return command(".", os.Environ(), "git", "clone", "--quiet", r.origin, dir)
	case "actions/upload-artifact":
		r.note("%s: upload artifact %s", id, with("name"))
		return copyFolder(filepath.Join(dir, with("path")), store)
	case "actions/download-artifact":
		r.note("%s: download artifact %s", id, with("name"))
		return copyFolder(store, filepath.Join(dir, with("path")))
	case "actions/attest-build-provenance":
		if !strings.Contains(permissions, "attestations:write") || !strings.Contains(permissions, "id-token:write") {
			return fmt.Errorf("no permission to attest in %q", permissions)
		}
		r.note("%s: attest %s", id, with("subject-path"))
		return r.attest(filepath.Join(dir, with("subject-path")))
	}
	return nil
}

// attest notes the checksums of what the pattern matches.
func (r *rehearsal) attest(pattern string) error {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		return fmt.Errorf("nothing to attest at %s", pattern)
	}
	var sums []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sums = append(sums, fmt.Sprintf("%x  %s\n", sha256.Sum256(text), filepath.Base(file)))
	}
	return os.WriteFile(filepath.Join(r.hub, "attested"), []byte(strings.Join(sums, "")), 0o600)
}

var expression = regexp.MustCompile(`\$\{\{ *(.+?) *\}\}`)

// expand replaces expressions by the values that were set for them.
func (r *rehearsal) expand(text string) (string, error) {
	var unknown error
	expanded := expression.ReplaceAllStringFunc(text, func(match string) string {
		name := expression.FindStringSubmatch(match)[1]
		value, ok := r.values[name]
		if !ok {
			unknown = fmt.Errorf("no value for %s", name)
		}
		return value
	})
	return expanded, unknown
}

func (r *rehearsal) note(format string, arguments ...any) {
	line := fmt.Sprintf(format, arguments...)
	fmt.Println("==>", line)
	file, err := os.OpenFile(r.record, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	fmt.Fprintln(file, line)
}

func command(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, os.Stdout, os.Stderr
	return cmd.Run()
}

func copyFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func value(s *actionlint.String) string {
	if s == nil {
		return ""
	}
	return s.Value
}
