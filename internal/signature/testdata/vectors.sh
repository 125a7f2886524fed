#!/bin/sh
# Copyright (c) TitanX
# SPDX-License-Identifier: MPL-2.0
#
# Prints 1,000 random vectors made by openssl, one a line: secret, body in base64 (- when empty), signature.
# vectors.txt is its output: sh vectors.sh > vectors.txt
set -eu
body=$(mktemp)
trap 'rm -f "$body"' EXIT
i=0
while [ $i -lt 1000 ]; do
	secret=$(openssl rand -base64 $((1 + i % 80)) | tr -d '\n')
	head -c $((i * 7 % 61)) /dev/urandom > "$body"
	encoded=$(openssl base64 -A -in "$body")
	echo "$secret ${encoded:--} $(openssl dgst -sha256 -hmac "$secret" -binary "$body" | openssl base64 -A)"
	i=$((i + 1))
done
