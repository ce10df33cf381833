import path from 'node:path'

import { compileComponent } from './glob.ts'
import type { ComponentMatcher } from './glob.ts'
import { lowerCase } from './raw-text.ts'

/**
 * Lists of patterns as restic has them (restic: internal/filter): `*.o`, `/home/user/cache`, `**` for any number of folders,
 * and `!keep` for exceptions. A pattern that matches a folder matches everything in it. Paths are absolute.
 *
 * A path is matched component by component, so that a walk carries the state of the folder it is in and each name in it
 * costs one step; nothing is matched twice.
 */
export interface Patterns {
  /** The state at the root folder. */
  readonly root: PatternState
  /** The state one component further down: of a folder in the folder that `state` stands for. */
  enter(state: PatternState, name: string): PatternState
  /** The same as `enter(state, name).matched`, for entries that are not entered. */
  matches(state: PatternState, name: string): boolean
  /** For a whole path. */
  match(absolutePath: string): PatternMatch
}

export interface PatternMatch {
  readonly matched: boolean
  /** False when nothing below the path can match: a folder need not be entered for the sake of these patterns. */
  readonly childMayMatch: boolean
}

export interface PatternState extends PatternMatch {
  /** For each pattern: the parts that may come next; undefined when it has matched, here or in a folder above. */
  readonly next: readonly (readonly number[] | undefined)[]
}

/** Throws PATTERN_INVALID. Empty patterns are passed over. */
export function compilePatterns(
  patterns: readonly string[],
  { insensitive = false }: { readonly insensitive?: boolean } = {},
): Patterns {
  const compiled = patterns
    .filter((pattern) => pattern !== '')
    .map((pattern) => compile(insensitive ? lowerCase(pattern) : pattern))
  return insensitive ? ignoringCase(listOf(compiled)) : listOf(compiled)
}

interface Pattern {
  readonly negated: boolean
  /** An absolute pattern begins at the root; any other may begin at every component. */
  readonly rooted: boolean
  readonly parts: readonly Part[]
  /** The parts that may come first. */
  readonly start: readonly number[]
}

/** `any` is `**`: any number of components, also none. */
type Part = 'any' | ComponentMatcher

function compile(pattern: string): Pattern {
  const negated = pattern.startsWith('!')
  const clean = cleanPattern(negated ? pattern.slice(1) : pattern)
  const rooted = clean.startsWith('/')
  // The pattern `/` is the root and then an empty component, which restic takes for `**`.
  const components = (rooted ? clean.slice(1) : clean).split('/')
  const parts = components.map((component): Part =>
    component === '**' || component === '' ? 'any' : compileComponent(component, pattern),
  )
  return { negated, rooted, parts, start: skipAny(parts, 0) }
}

function cleanPattern(pattern: string): string {
  const clean = path.posix.normalize(pattern)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

/** `at`, and what may come in its place because `**` can stand for nothing. */
function skipAny(parts: readonly Part[], at: number): number[] {
  const positions = [at]
  while (parts[at] === 'any') positions.push(++at)
  return positions
}

function listOf(patterns: readonly Pattern[]): Patterns {
  const root = stateOf(
    patterns,
    patterns.map((pattern) => (pattern.rooted ? doneIfMatched(pattern, pattern.start) : [])),
  )
  const enter = (state: PatternState, name: string): PatternState =>
    stateOf(
      patterns,
      patterns.map((pattern, index) => step(pattern, state.next[index], name)),
    )
  return {
    root,
    enter,
    matches: (state, name) => matchesName(patterns, state, name),
    match: (absolutePath) => componentsOf(absolutePath).reduce(enter, root),
  }
}

function componentsOf(absolutePath: string): string[] {
  return absolutePath.split('/').filter((component) => component !== '')
}

function ignoringCase(inner: Patterns): Patterns {
  return {
    root: inner.root,
    enter: (state, name) => inner.enter(state, lowerCase(name)),
    matches: (state, name) => inner.matches(state, lowerCase(name)),
    match: (absolutePath) => inner.match(lowerCase(absolutePath)),
  }
}

/** What may come after `name`; undefined when the pattern has matched. */
function step(pattern: Pattern, next: readonly number[] | undefined, name: string): readonly number[] | undefined {
  if (next === undefined) return undefined
  const after: number[] = []
  for (const at of next) advance(pattern, at, name, after)
  if (!pattern.rooted) for (const at of pattern.start) advance(pattern, at, name, after)
  return doneIfMatched(pattern, after)
}

function advance({ parts }: Pattern, at: number, name: string, after: number[]): void {
  const part = parts[at]
  if (part === undefined) return
  // `**` takes the name and stays; otherwise the part must match.
  const reached = part === 'any' ? at : part(name) ? at + 1 : undefined
  if (reached === undefined) return
  for (const position of skipAny(parts, reached)) if (!after.includes(position)) after.push(position)
}

function doneIfMatched({ parts }: Pattern, positions: readonly number[]): readonly number[] | undefined {
  return positions.includes(parts.length) ? undefined : positions
}

/** Later patterns overrule earlier ones: `!` takes back what matched so far. */
function stateOf(patterns: readonly Pattern[], next: PatternState['next']): PatternState {
  let matched = false
  let childMayMatch = false
  patterns.forEach(({ negated, rooted }, index) => {
    const isMatch = next[index] === undefined
    if (negated) {
      matched &&= !isMatch
      childMayMatch &&= !isMatch
    } else {
      matched ||= isMatch
      childMayMatch ||= isMatch || !rooted || (next[index] as readonly number[]).length > 0
    }
  })
  return { next, matched, childMayMatch }
}

function matchesName(patterns: readonly Pattern[], { next }: PatternState, name: string): boolean {
  let matched = false
  for (let index = 0; index < patterns.length; index++) {
    const pattern = patterns[index] as Pattern
    // An exception cannot take back what has not matched, and a match need not be found twice.
    if (matched !== pattern.negated) continue
    if (completes(pattern, next[index], name)) matched = !pattern.negated
  }
  return matched
}

/** True when the pattern has matched above, or does with `name` as the last component. Allocates nothing. */
function completes({ parts, rooted, start }: Pattern, next: readonly number[] | undefined, name: string): boolean {
  if (next === undefined) return true
  for (const at of next) if (isLast(parts, at) && (parts[at] as ComponentMatcher)(name)) return true
  if (rooted) return false
  for (const at of start) {
    if (parts[at] === undefined || (isLast(parts, at) && (parts[at] === 'any' || parts[at](name)))) return true
  }
  return false
}

/** True when nothing but `**` follows the part. Positions on a `**` at the end have matched already, so they never occur. */
function isLast(parts: readonly Part[], at: number): boolean {
  for (let after = at + 1; after < parts.length; after++) if (parts[after] !== 'any') return false
  return at < parts.length
}
