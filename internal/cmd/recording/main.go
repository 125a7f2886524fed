// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Recording runs a command and draws what it prints, each line at the time it came, as an animated SVG:
//
//	go run ./internal/cmd/recording -title "make demo" -o assets/demo.svg COMMAND [ARGUMENT...]
//
// The picture follows the reader's light or dark mode, and stands still for who prefers no motion.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"
	"unicode/utf8"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "recording:", err)
		os.Exit(1)
	}
}

// run records a command. One that fails leaves the earlier picture as it was.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("recording", flag.ContinueOnError)
	flags.SetOutput(stderr)
	title := flags.String("title", "", "the command `line` that is shown")
	file := flags.String("o", "", "`file` to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *file == "" || flags.NArg() == 0 {
		return errors.New("want -o FILE and a command")
	}
	cmd := exec.CommandContext(ctx, flags.Arg(0), flags.Args()[1:]...)
	cmd.Stderr = stderr
	lines, err := record(cmd, stdout)
	if err != nil {
		return fmt.Errorf("record %s: %w", flags.Arg(0), err)
	}
	if err := os.WriteFile(*file, draw(*title, lines), 0o644); err != nil { //nolint:gosec // a picture for everyone
		return fmt.Errorf("write recording: %w", err)
	}
	return nil
}

// line is a line of output and the time since the command's first one.
type line struct {
	text  string
	after time.Duration
}

func record(cmd *exec.Cmd, echo io.Writer) ([]line, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var lines []line
	var first time.Time
	for in := bufio.NewScanner(out); in.Scan(); {
		if first.IsZero() {
			first = time.Now()
		}
		fmt.Fprintln(echo, in.Text())
		lines = append(lines, line{text: in.Text(), after: time.Since(first)})
	}
	return lines, cmd.Wait()
}

// Pixels, for a monospaced font of 13.
const (
	columnWidth = 7.85
	lineHeight  = 21
	margin      = 20
)

// draw shows the command line at once and each line of output at its time. What does not know the animation shows all.
func draw(title string, lines []line) []byte {
	columns := utf8.RuneCountInString(title) + 2
	for _, l := range lines {
		columns = max(columns, utf8.RuneCountInString(l.text))
	}
	width, height := int(float64(columns)*columnWidth)+2*margin, (len(lines)+1)*lineHeight+2*margin
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[2]d" width="%[1]d" height="%[2]d" xml:space="preserve" role="img">
<title>%[3]s</title>
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; fill: #1f2328; white-space: pre; }
rect { fill: #f6f8fa; stroke: #d0d7de; }
.prompt { fill: #59636e; }
.tick { fill: #1a7f37; }
.line { animation: appear 0.2s both; }
@keyframes appear { from { opacity: 0; } }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  rect { fill: #0d1117; stroke: #3d444d; }
  .prompt { fill: #9198a1; }
  .tick { fill: #3fb950; }
}
@media (prefers-reduced-motion: reduce) { .line { animation: none; } }
</style>
<rect x="0.5" y="0.5" width="%[4]d" height="%[5]d" rx="8"/>
`, width, height, escape(title), width-1, height-1)
	y := margin + lineHeight*2/3
	fmt.Fprintf(&b, `<text x="%d" y="%d"><tspan class="prompt">$ </tspan>%s</text>`+"\n", margin, y, escape(title))
	for _, l := range lines {
		y += lineHeight
		text := escape(l.text)
		if rest, ok := strings.CutPrefix(text, "✓"); ok {
			text = `<tspan class="tick">✓</tspan>` + rest
		}
		fmt.Fprintf(&b, `<text class="line" style="animation-delay:%.2fs" x="%d" y="%d">%s</text>`+"\n", l.after.Seconds()+0.6, margin, y, text)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
