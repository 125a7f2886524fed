// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
)

// newProviderSchemas puts the schema under the provider's short name:
// tfplugindocs looks for that or for a source in the hashicorp namespace.
func newProviderSchemas(
	p *tfprotov6.GetProviderSchemaResponse, ids *tfprotov6.GetResourceIdentitySchemasResponse,
) tfjson.ProviderSchemas {
	return tfjson.ProviderSchemas{
		FormatVersion: "1.0",
		Schemas: map[string]*tfjson.ProviderSchema{"titanx": {
			ConfigSchema:             newSchema(p.Provider),
			ResourceSchemas:          mapValues(p.ResourceSchemas, newSchema),
			DataSourceSchemas:        mapValues(p.DataSourceSchemas, newSchema),
			EphemeralResourceSchemas: mapValues(p.EphemeralResourceSchemas, newSchema),
			ListResourceSchemas:      mapValues(p.ListResourceSchemas, newSchema),
			ActionSchemas: mapValues(p.ActionSchemas, func(a *tfprotov6.ActionSchema) *tfjson.ActionSchema {
				return &tfjson.ActionSchema{Block: newBlock(a.Schema.Block)}
			}),
			Functions:               mapValues(p.Functions, newFunction),
			ResourceIdentitySchemas: mapValues(ids.IdentitySchemas, newIdentity),
		}},
	}
}

func newSchema(s *tfprotov6.Schema) *tfjson.Schema {
	//nolint:gosec // versions count up from 0
	return &tfjson.Schema{Version: uint64(s.Version), Block: newBlock(s.Block)}
}

// newBlock leaves out nested blocks, as newFunction does a variadic parameter:
// the provider has none. TestAccDump_sameAsCLI fails when it gets one.
func newBlock(b *tfprotov6.SchemaBlock) *tfjson.SchemaBlock {
	return &tfjson.SchemaBlock{
		Attributes:      newAttributes(b.Attributes),
		Description:     b.Description,
		DescriptionKind: descriptionKind(b.DescriptionKind),
		Deprecated:      b.Deprecated,
	}
}

func newAttributes(from []*tfprotov6.SchemaAttribute) map[string]*tfjson.SchemaAttribute {
	attributes := make(map[string]*tfjson.SchemaAttribute, len(from))
	for _, a := range from {
		to := &tfjson.SchemaAttribute{
			Description:     a.Description,
			DescriptionKind: descriptionKind(a.DescriptionKind),
			Deprecated:      a.Deprecated,
			Required:        a.Required,
			Optional:        a.Optional,
			Computed:        a.Computed,
			Sensitive:       a.Sensitive,
			WriteOnly:       a.WriteOnly,
		}
		if a.NestedType != nil {
			to.AttributeNestedType = &tfjson.SchemaNestedAttributeType{
				Attributes:  newAttributes(a.NestedType.Attributes),
				NestingMode: tfjson.SchemaNestingMode(strings.ToLower(a.NestedType.Nesting.String())),
			}
		} else {
			to.AttributeType = newType(a.Type)
		}
		attributes[a.Name] = to
	}
	return attributes
}

func newFunction(f *tfprotov6.Function) *tfjson.FunctionSignature {
	to := &tfjson.FunctionSignature{
		Description:        f.Description,
		Summary:            f.Summary,
		DeprecationMessage: f.DeprecationMessage,
		ReturnType:         newType(f.Return.Type),
	}
	for _, p := range f.Parameters {
		to.Parameters = append(to.Parameters, &tfjson.FunctionParameter{
			Name:        p.Name,
			Description: p.Description,
			IsNullable:  p.AllowNullValue,
			Type:        newType(p.Type),
		})
	}
	return to
}

func newIdentity(s *tfprotov6.ResourceIdentitySchema) *tfjson.IdentitySchema {
	attributes := make(map[string]*tfjson.IdentityAttribute, len(s.IdentityAttributes))
	for _, a := range s.IdentityAttributes {
		attributes[a.Name] = &tfjson.IdentityAttribute{
			IdentityType:      newType(a.Type),
			Description:       a.Description,
			RequiredForImport: a.RequiredForImport,
			OptionalForImport: a.OptionalForImport,
		}
	}
	//nolint:gosec // versions count up from 0
	return &tfjson.IdentitySchema{Version: uint64(s.Version), Attributes: attributes}
}

// newType uses the JSON that both libraries use for types. A type that only one
// of them knew would be a bug.
func newType(t tftypes.Type) cty.Type {
	encoded, err := t.MarshalJSON() //nolint:staticcheck // deprecated for other callers than the wire and this
	if err != nil {
		panic(err)
	}
	var to cty.Type
	if err := to.UnmarshalJSON(encoded); err != nil {
		panic(err)
	}
	return to
}

func descriptionKind(k tfprotov6.StringKind) tfjson.SchemaDescriptionKind {
	if k == tfprotov6.StringKindMarkdown {
		return tfjson.SchemaDescriptionKindMarkdown
	}
	return tfjson.SchemaDescriptionKindPlain
}

func mapValues[From, To any](from map[string]From, convert func(From) To) map[string]To {
	to := make(map[string]To, len(from))
	for name, value := range from {
		to[name] = convert(value)
	}
	return to
}
