// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"log/slog"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// newLogger passes the client's log lines to Terraform's log, under the masks
// of their context.
func newLogger() *slog.Logger { return slog.New(logHandler{}) }

type logHandler struct{ attrs []slog.Attr }

// Enabled reports whether Terraform may show a log. Most runs have none.
func (h logHandler) Enabled(context.Context, slog.Level) bool {
	return os.Getenv(logLevelVariable) != "off"
}

func (h logHandler) Handle(ctx context.Context, record slog.Record) error {
	fields := map[string]any{}
	add := func(a slog.Attr) bool {
		fields[a.Key] = a.Value.String()
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	record.Attrs(add)
	switch {
	case record.Level >= slog.LevelError:
		tflog.Error(ctx, record.Message, fields)
	case record.Level >= slog.LevelWarn:
		tflog.Warn(ctx, record.Message, fields)
	case record.Level >= slog.LevelInfo:
		tflog.Info(ctx, record.Message, fields)
	default:
		tflog.Debug(ctx, record.Message, fields)
	}
	return nil
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logHandler{attrs: append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup implements slog.Handler. The client uses no groups: their names
// would only lengthen the keys.
func (h logHandler) WithGroup(string) slog.Handler { return h }

// masked returns a context under which no log line shows the API key or one of
// the secrets.
func (c *connection) masked(ctx context.Context, secrets ...string) context.Context {
	secrets = append(secrets, c.key)
	secrets = slices.DeleteFunc(secrets, func(s string) bool { return s == "" })
	ctx = tflog.MaskLogStrings(ctx, secrets...)
	return tflog.MaskAllFieldValuesStrings(ctx, secrets...)
}
