import { FilesystemError } from './errors.ts'

/**
 * One component of a pattern, matched as Go's `path/filepath.Match` does: `*`, `?`, `[a-z]`, `[^a-z]`, and `\` before a
 * character that stands for itself. Characters are code points; a byte that is no UTF-8 counts as one (`raw-text.ts`).
 */
export type ComponentMatcher = (name: string) => boolean

type Token =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly char: string }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }

const special = /[\\[\]*?]/

/** `whole` is the pattern that messages show. */
export function compileComponent(component: string, whole: string): ComponentMatcher {
  if (!special.test(component)) return (name) => name === component
  const tokens = parse(component, whole)
  return quickMatcher(tokens) ?? ((name) => matchTokens(tokens, Array.from(name)))
}

/** Throws PATTERN_INVALID. */
function parse(component: string, whole: string): Token[] {
  const chars = Array.from(component)
  const tokens: Token[] = []
  for (let at = 0; at < chars.length;) {
    const char = chars[at++] as string
    if (char === '*') {
      if (tokens.at(-1)?.kind !== 'star') tokens.push({ kind: 'star' })
    } else if (char === '?') tokens.push({ kind: 'any' })
    else if (char === '[') {
      const parsed = parseClass(chars, at, whole)
      tokens.push(parsed.token)
      at = parsed.end
    } else if (char === '\\') {
      const escaped = chars[at++]
      if (escaped === undefined) throw invalid(whole)
      tokens.push({ kind: 'literal', char: escaped })
    } else tokens.push({ kind: 'literal', char })
  }
  return tokens
}

function parseClass(
  chars: readonly string[],
  start: number,
  whole: string,
): { readonly token: Token; readonly end: number } {
  let at = start
  const negated = chars[at] === '^'
  if (negated) at++
  const ranges: [string, string][] = []
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = classChar(chars, at, whole)
    at = low.end
    let high = low
    if (chars[at] === '-') {
      high = classChar(chars, at + 1, whole)
      at = high.end
    }
    ranges.push([low.char, high.char])
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 }
}

function classChar(
  chars: readonly string[],
  start: number,
  whole: string,
): { readonly char: string; readonly end: number } {
  const isEscaped = chars[start] === '\\'
  const at = isEscaped ? start + 1 : start
  const char = chars[at]
  // A class must be closed, so something has to follow. An unescaped `-` or `]` cannot begin a range.
  if (char === undefined || at + 1 >= chars.length || (!isEscaped && (char === '-' || char === ']')))
    throw invalid(whole)
  return { char, end: at + 1 }
}

function invalid(pattern: string): FilesystemError {
  return new FilesystemError('PATTERN_INVALID', { pattern })
}

/** `*.o`, `cache*`, `*tmp*` and `a*b` are what people write; they need no walk over characters. */
function quickMatcher(tokens: readonly Token[]): ComponentMatcher | undefined {
  const pieces: string[] = ['']
  for (const token of tokens) {
    if (token.kind === 'star') pieces.push('')
    else if (token.kind === 'literal') pieces[pieces.length - 1] += token.char
    else return undefined
  }
  const [first = '', second = '', third] = pieces
  if (pieces.length === 1) return (name) => name === first
  if (pieces.length === 2) {
    const shortest = first.length + second.length
    return (name) => name.length >= shortest && name.startsWith(first) && name.endsWith(second)
  }
  if (pieces.length === 3 && first === '' && third === '') return (name) => name.includes(second)
  return undefined
}

/** Goes back only to the last star, which is enough for globs: the time is at most name × pattern, never exponential. */
function matchTokens(tokens: readonly Token[], chars: readonly string[]): boolean {
  let at = 0
  let token = 0
  let starToken = -1
  let starAt = 0
  while (at < chars.length) {
    const current = tokens[token]
    if (current?.kind === 'star') {
      starToken = token++
      starAt = at
    } else if (current && matchesChar(current, chars[at] as string)) {
      token++
      at++
    } else if (starToken >= 0) {
      token = starToken + 1
      at = ++starAt
    } else return false
  }
  while (tokens[token]?.kind === 'star') token++
  return token === tokens.length
}

function matchesChar(token: Token, char: string): boolean {
  if (token.kind === 'literal') return token.char === char
  if (token.kind !== 'class') return true
  const point = char.codePointAt(0) as number
  const isInside = token.ranges.some(
    ([low, high]) => (low.codePointAt(0) as number) <= point && point <= (high.codePointAt(0) as number),
  )
  return isInside !== token.negated
}
