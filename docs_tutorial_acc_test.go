// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// The commands of the guide "Getting started".

package main

import (
	"cmp"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/titanx-io/terraform-provider-titanx/internal/cli"
)

var (
	tutorialBlock = regexp.MustCompile("(?s)(?:<!-- (run|shown): ([a-z]+) -->\n)?```(shell|text|terraform)\n(.*?)```\n")
	shellState    = regexp.MustCompile(`(?m)^(?:export|cd|umask) .*\n`)
	goRunAnywhere = regexp.MustCompile(`go run (\.\S+)`)
	ansi          = regexp.MustCompile("\x1b\\[[0-9;]*m")
	differs       = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|deposed object [0-9a-f]{8}|after \d+s|TF_CLI_CONFIG_FILE=\S+`)
)

// TestAccDocs_tutorial runs the guide "Getting started with the simulator" as
// it is, from the clone to the destroy, and compares what it shows. Only the
// ports are others, and the clone is of this tree.
func TestAccDocs_tutorial(t *testing.T) {
	t.Parallel()
	terraform := cmp.Or(os.Getenv(cli.PathVariable), "terraform")
	if path, err := exec.LookPath(terraform); err != nil || runtime.GOOS == "windows" {
		t.Skipf("needs a POSIX shell and a CLI: %v", err)
	} else {
		terraform = path
	}
	text, err := os.ReadFile("templates/guides/getting-started.md")
	if err != nil {
		t.Fatal(err)
	}
	home, commands := t.TempDir(), t.TempDir()
	shell(t, ".", `git ls-files -coz --exclude-standard | tar --null -T - -cf - | tar -xf - -C `+home+`
		cd `+home+` && git init -q && git add -A && git -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false commit -qm tree`)
	if err := os.Symlink(terraform, filepath.Join(commands, "terraform")); err != nil {
		t.Fatal(err)
	}
	simulator, front, receiver := freeAddress(t), freeAddress(t), freeAddress(t)
	_, port, _ := net.SplitHostPort(receiver)
	place := strings.NewReplacer("127.0.0.1:8080", simulator, "127.0.0.1:8443", front, "127.0.0.1:8000", receiver, "PORT=8000", "PORT="+port,
		"titanxsim\n", "titanxsim -addr "+simulator+" -front "+front+" -receiver http://"+receiver+"\n", "titanxsim fire", "titanxsim fire -addr "+simulator)
	setup := "export PATH=" + commands + ":$PATH CHECKPOINT_DISABLE=1 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url." + home + ".insteadOf\n" +
		"export GIT_CONFIG_VALUE_0=https://github.com/titanx-io/terraform-provider-titanx\nunset TF_CLI_CONFIG_FILE TF_DATA_DIR TF_LOG TITANX_BASE_URL TITANX_API_KEY\n"
	work := t.TempDir()
	clone := filepath.Join(work, "terraform-provider-titanx")
	state, printed, handled := setup, func() string { return "" }, 0
	logs := map[string]string{}
	for _, block := range tutorialBlock.FindAllStringSubmatch(string(text), -1) {
		what, name, script := block[1], block[2], place.Replace(block[4])
		switch {
		case what == "run" && name == "shell":
			out := shell(t, work, state+script)
			state += strings.Join(shellState.FindAllString(script, -1), "")
			printed = func() string { return out }
		case what == "run" && name == "simulator":
			logs[name] = serve(t, clone, script, simulator)
			printed = func() string { return readLog(t, logs["simulator"]) }
		case what == "run" && name == "receiver":
			binary := filepath.Join(t.TempDir(), "receiver")
			shell(t, filepath.Join(clone, "try"), "go build -o "+binary+" "+goRunAnywhere.FindStringSubmatch(script)[1])
			logs[name] = serve(t, filepath.Join(clone, "try"), goRunAnywhere.ReplaceAllString(script, binary), receiver)
		case what == "shown":
			handled++
			for !strings.Contains(readLog(t, logs[name]), strings.Join(strings.Fields(script)[:2], " ")) {
				<-time.After(10 * time.Millisecond)
			}
			missing(t, script, readLog(t, logs[name]))
		case what == "" && block[3] == "text":
			missing(t, script, printed())
		default:
			t.Errorf("a block is not run:\n%s", script)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	if handled != 2 {
		t.Errorf("the receiver is shown to handle %d events, want 2", handled)
	}
}

func readLog(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// missing wants each line of the page in what was printed, in the same order.
// Other lines may be between them.
func missing(t *testing.T, page, printed string) {
	t.Helper()
	normal := func(text string) []string {
		return strings.Split(differs.ReplaceAllString(ansi.ReplaceAllString(text, ""), "DIFFERS"), "\n")
	}
	lines := normal(printed)
	for _, want := range normal(page) {
		at := slices.Index(lines, want)
		if at < 0 {
			t.Errorf("the page shows %q, but the commands printed:\n%s", want, printed)
			return
		}
		lines = lines[at+1:]
	}
}
