import { createReadStream } from 'node:fs'
import type { Alias } from 'yaml'
import { plainMessage } from '../failure-text.ts'
import { CallError } from './errors.ts'

/** Bytes of a file at most: the server takes no longer call. */
const longest = 1 << 20
/** More mistakes than these help nobody. */
const mostMistakes = 10
/** More than people write. */
const mostAliases = 100

/** What a file in YAML (or JSON, which is YAML) says. */
export interface YamlText {
  readonly value: unknown
  /** Line on which what stands there begins, from 1; of a name that is there, the line of the name. */
  lineOf(path: readonly PropertyKey[]): number
}

/**
 * Reads a file; `-` is standard input. Throws `VALUE_FILE_INVALID` with the line of each mistake: a name given twice, a tag
 * or an alias that is too much, two documents.
 */
export async function readYamlFile(path: string): Promise<YamlText> {
  const shown = path === '-' ? 'Standard input' : path
  return await parseYaml(await readBounded(path, shown), shown)
}

async function readBounded(path: string, shown: string): Promise<string> {
  const fail = (reason: string, cause?: unknown) => new CallError('VALUE_FILE_INVALID', { path: shown, reason, cause })
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of (path === '-' ? process.stdin : createReadStream(path)) as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > longest) throw fail('it is longer than 1 MiB')
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (thrown) {
    if (thrown instanceof CallError) throw thrown
    throw fail(thrown instanceof TypeError ? 'it is no text in UTF-8' : plainMessage(thrown), thrown)
  }
}

export async function parseYaml(text: string, shown: string): Promise<YamlText> {
  const { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument, visit } = await import('yaml')
  const fail = (reason: string) => new CallError('VALUE_FILE_INVALID', { path: shown, reason })
  if (isTooDeep(text)) throw fail(`it is nested deeper than ${deepest} levels`)
  const lineCounter = new LineCounter()
  const lineAt = (offset: number) => lineCounter.linePos(offset).line
  const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, logLevel: 'error' })
  const mistakes = [...document.errors, ...document.warnings].map(({ message, pos: [at] }) => ({ at, message }))
  const aliases: Alias[] = []
  visit(document, {
    Alias: (_, alias) => void aliases.push(alias),
    // The parser’s own look for names given twice compares each with each.
    Map: (_, { items }) => {
      const seen = new Set<unknown>()
      for (const { key } of items) {
        const at = isNode(key) ? (key.range?.[0] ?? 0) : 0
        const name = isScalar(key) ? key.value : undefined
        if (typeof name !== 'string') mistakes.push({ at, message: 'A name must be a text' })
        else if (seen.has(name)) mistakes.push({ at, message: `"${name}" is given twice` })
        seen.add(name)
      }
    },
  })
  if (aliases.length > mostAliases) throw fail('it has more aliases than anybody needs')
  for (const alias of aliases) {
    if (!alias.resolve(document))
      mistakes.push({ at: alias.range?.[0] ?? 0, message: `No "&${alias.source}" is above` })
  }
  if (mistakes.length > 0) {
    const told = mistakes.slice(0, mostMistakes).toSorted((a, b) => a.at - b.at)
    throw fail(told.map(({ at, message }) => `line ${lineAt(at)}: ${message.replace(/\.$/, '')}`).join('; '))
  }
  try {
    // Few aliases may stand for much, one within the other.
    const value: unknown = document.toJS({ maxAliasCount: mostAliases })
    JSON.stringify(value) // throws where an alias stands for what it is in
    return { value, lineOf: (path) => lineAt(offsetOf(document, path)) }
  } catch {
    throw fail('its aliases stand for more than anybody needs, or for what they are in')
  }

  /** Of the name that leads to what stands there, else of that itself, else of the nearest thing around it. */
  function offsetOf({ contents }: typeof document, path: readonly PropertyKey[]): number {
    let [node, offset] = [contents as unknown, 0]
    for (const part of path) {
      const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === part) : undefined
      const next = pair ? pair.value : isSeq(node) ? node.items[Number(part)] : undefined
      const place = pair ? pair.key : next
      if (!isNode(place)) break
      offset = place.range?.[0] ?? offset
      node = next
    }
    return offset
  }
}

/** Nothing that people write is deeper; a parser that calls itself is led astray by what others write. */
const deepest = 64
const mostIndented = 200

function isTooDeep(text: string): boolean {
  let deep = 0
  for (const char of text) {
    if (char === '[' || char === '{') deep++
    else if (char === ']' || char === '}') deep = Math.max(0, deep - 1)
    if (deep > deepest) return true
  }
  return text.split('\n').some((line) => {
    const [, indent = '', marks = ''] = /^([ \t]*)((?:[-?:][ \t]+)*)/.exec(line) ?? []
    return indent.length > mostIndented || marks.length > 2 * deepest
  })
}
