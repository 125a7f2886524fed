// Copyright (c) TitanX
// SPDX-License-Identifier: MPL-2.0

// Parses each Mermaid diagram in the Markdown files that the arguments name,
// and exits with 1 if one does not parse: a renderer then shows only an error.

import { readFileSync } from 'node:fs'
import { JSDOM } from 'jsdom'

globalThis.window = new JSDOM('').window // mermaid sanitizes labels with a DOM
globalThis.document = window.document
const { default: mermaid } = await import('mermaid')

let diagrams = 0
for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8')
  for (const { 1: diagram, index } of text.matchAll(/^```mermaid\n(.*?)^```/gms)) {
    diagrams++
    try {
      await mermaid.parse(diagram)
    } catch (error) {
      const line = text.slice(0, index).split('\n').length
      console.error(`${file}:${line}: ${error.message}`)
      process.exitCode = 1
    }
  }
}
console.log(`${diagrams} Mermaid diagrams read`)
