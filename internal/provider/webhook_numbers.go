// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"bytes"
	"strconv"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// numbersAsText writes the whole numbers of a state as text, which core accepts
// for a number. Terraform 1.11 compares the states before and after a refresh,
// the precision of their numbers included. It reads the first from JSON and the
// second from msgpack, so an integer always looks changed, and plan
// -refresh-only -detailed-exitcode returns 2. Terraform 1.15 does not.
func numbersAsText(state *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	if state == nil || len(state.MsgPack) == 0 {
		return state
	}
	var out bytes.Buffer
	from, to := msgpack.NewDecoder(bytes.NewReader(state.MsgPack)), msgpack.NewEncoder(&out)
	attributes, err := from.DecodeMapLen()
	if err != nil || attributes < 0 || to.EncodeMapLen(attributes) != nil {
		return state
	}
	for range attributes {
		name, err := from.DecodeString()
		if err != nil || to.EncodeString(name) != nil {
			return state
		}
		value, err := from.DecodeRaw()
		if err != nil || to.Encode(asText(value)) != nil {
			return state
		}
	}
	return &tfprotov6.DynamicValue{MsgPack: out.Bytes()}
}

func asText(value msgpack.RawMessage) any {
	if code := value[0]; !msgpcode.IsFixedNum(code) && (code < msgpcode.Uint8 || code > msgpcode.Int64) {
		return value
	}
	n, err := msgpack.NewDecoder(bytes.NewReader(value)).DecodeInt64()
	if err != nil {
		return value
	}
	return strconv.FormatInt(n, 10)
}
