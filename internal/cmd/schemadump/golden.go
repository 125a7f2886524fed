// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// golden returns what the schema promises to configurations and states, one
// promise on each line: a subject, a colon, and its properties. Descriptions
// are not among them.
func golden(p *tfprotov6.GetProviderSchemaResponse, ids *tfprotov6.GetResourceIdentitySchemasResponse) string {
	var g promises
	g.schema("provider", p.Provider)
	for kind, schemas := range map[string]map[string]*tfprotov6.Schema{
		"resource":  p.ResourceSchemas,
		"data":      p.DataSourceSchemas,
		"ephemeral": p.EphemeralResourceSchemas,
		"list":      p.ListResourceSchemas,
	} {
		for name, schema := range schemas {
			g.schema(kind+" "+name, schema)
		}
	}
	for name, action := range p.ActionSchemas {
		g.schema("action "+name, action.Schema)
	}
	for name, f := range p.Functions {
		g.function("function "+name, f)
	}
	for name, identity := range ids.IdentitySchemas {
		g.add("identity "+name, fmt.Sprintf("version %d", identity.Version))
		for _, a := range identity.IdentityAttributes {
			g.add("identity "+name+" "+a.Name, typeName(a.Type), when(a.RequiredForImport, "required"),
				when(a.OptionalForImport, "optional"))
		}
	}
	slices.Sort(g)
	return strings.Join(g, "")
}

type promises []string

func (g *promises) add(subject string, properties ...string) {
	properties = slices.DeleteFunc(properties, func(p string) bool { return p == "" })
	*g = append(*g, subject+": "+strings.Join(properties, ", ")+"\n")
}

func (g *promises) schema(subject string, s *tfprotov6.Schema) {
	g.add(subject, fmt.Sprintf("version %d", s.Version), when(s.Block.Deprecated, "deprecated"))
	g.attributes(subject+" ", s.Block.Attributes)
}

func (g *promises) attributes(prefix string, attributes []*tfprotov6.SchemaAttribute) {
	for _, a := range attributes {
		name := prefix + a.Name
		var kind string
		if a.NestedType != nil {
			kind = "nested " + strings.ToLower(a.NestedType.Nesting.String())
			g.attributes(name+".", a.NestedType.Attributes)
		} else {
			kind = typeName(a.Type)
		}
		g.add(name, kind, when(a.Required, "required"), when(a.Optional, "optional"), when(a.Computed, "computed"),
			when(a.Sensitive, "sensitive"), when(a.WriteOnly, "write-only"), when(a.Deprecated, "deprecated"))
	}
}

func (g *promises) function(subject string, f *tfprotov6.Function) {
	g.add(subject, "returns "+typeName(f.Return.Type), when(f.DeprecationMessage != "", "deprecated"))
	for i, p := range f.Parameters {
		// A caller passes arguments by position, so the name is not a promise.
		g.add(fmt.Sprintf("%s parameter %d", subject, i+1), typeName(p.Type), "required",
			when(p.AllowNullValue, "null allowed"))
	}
}

func typeName(t tftypes.Type) string { return typeexpr.TypeString(newType(t)) }

func when(set bool, name string) string {
	if set {
		return name
	}
	return ""
}

// compare returns a line for each difference between two goldens. It begins
// with "breaking" if a configuration, a state or a value derived from them may
// need a change, and with "additive" if not.
func compare(before, after string) []string {
	was, is := parse(before), parse(after)
	var lines []string
	all := maps.Clone(was)
	maps.Copy(all, is)
	for subject := range all {
		old, existed := was[subject]
		now, exists := is[subject]
		switch {
		case !exists:
			lines = append(lines, fmt.Sprintf("breaking: %s is removed", subject))
		case !existed && slices.Contains(now, "required") && parentIn(was, subject):
			lines = append(lines, fmt.Sprintf("breaking: %s is new and required", subject))
		case !existed:
			lines = append(lines, fmt.Sprintf("additive: %s is new", subject))
		case !slices.Equal(old, now):
			verdict := "additive"
			if breaks(old, now) {
				verdict = "breaking"
			}
			lines = append(lines,
				fmt.Sprintf("%s: %s was %q and is %q", verdict, subject, strings.Join(old, ", "),
					strings.Join(now, ", ")))
		}
	}
	slices.Sort(lines)
	return lines
}

// breaks reports whether a change of a subject's properties may need a change
// of a configuration or a state. The first property is the type or version.
func breaks(old, now []string) bool {
	has := slices.Contains[[]string]
	gained := func(name string) bool { return has(now, name) && !has(old, name) }
	dropped := func(name string) bool { return has(old, name) && !has(now, name) }
	settable := func(properties []string) bool { return has(properties, "required") || has(properties, "optional") }
	return old[0] != now[0] || gained("required") || gained("sensitive") || gained("write-only") ||
		dropped("computed") || dropped("null allowed") || settable(old) && !settable(now)
}

func parse(golden string) map[string][]string {
	promises := map[string][]string{}
	for line := range strings.Lines(golden) {
		if subject, properties, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			promises[subject] = strings.Split(properties, ", ")
		}
	}
	return promises
}

// parentIn reports whether what a subject belongs to is in a golden.
func parentIn(promises map[string][]string, subject string) bool {
	end := strings.LastIndexAny(subject, " .")
	if strings.Contains(subject, " parameter ") {
		end = strings.Index(subject, " parameter ")
	}
	_, ok := promises[subject[:max(end, 0)]]
	return ok
}
