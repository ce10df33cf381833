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
  /**
   * For each pattern: the parts that may come next; undefined when it has matched, here or in a folder above. Equal ones
   * match equally below, however deep they are.
   */
  readonly next: readonly (readonly Position[] | undefined)[]
}

/**
 * A part that may come next, and what its `**` still lack. restic tries a `**` for so many folders only that at least one
 * name is left for each `**` after it (the limit of the loop in `match`, internal/filter/filter.go): `/a` with two `**`
 * below it matches what lies in `/a`, not `/a` itself. Such a name may stand anywhere but at a part that matches one name:
 * among those that these `**` take, below the match, or above the beginning of a pattern that is not rooted.
 */
interface Position {
  readonly at: number
  /** Names above the beginning, as far as the `**` that come can use them. The root is one. */
  readonly spare: number
  /** So many names must still come beside those that match parts. */
  readonly owed: number
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
  /** An absolute pattern begins at the root; any other begins with `anywhere`. */
  readonly rooted: boolean
  readonly parts: readonly Part[]
  /** For each part, and for the end: how many `**` there are from there on. */
  readonly anyFrom: readonly number[]
  /** The positions at the root folder. */
  readonly begin: readonly Position[]
}

/** `any` is `**`: any number of components, also none. So is `anywhere`, without the limits of `**`. */
type Part = 'anywhere' | 'any' | ComponentMatcher

function compile(pattern: string): Pattern {
  const negated = pattern.startsWith('!')
  const clean = cleanPattern(negated ? pattern.slice(1) : pattern)
  const rooted = clean.startsWith('/')
  // The pattern `/` is the root and then an empty component, which restic takes for `**`.
  const components = (rooted ? clean.slice(1) : clean).split('/')
  const parts = components.map((component): Part =>
    component === '**' || component === '' ? 'any' : compileComponent(component, pattern),
  )
  return withBegin({ negated, rooted, parts: rooted ? parts : ['anywhere', ...parts] })
}

function withBegin(pattern: Pick<Pattern, 'negated' | 'rooted' | 'parts'>): Pattern {
  const anyFrom = [0]
  for (const part of pattern.parts.toReversed()) anyFrom.unshift((anyFrom[0] as number) + (part === 'any' ? 1 : 0))
  const begin: Position[] = []
  reach({ ...pattern, anyFrom }, { at: 0, spare: pattern.rooted ? 0 : 1, owed: 0 }, begin)
  return { ...pattern, anyFrom, begin }
}

function cleanPattern(pattern: string): string {
  const clean = path.posix.normalize(pattern)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

function listOf(patterns: readonly Pattern[]): Patterns {
  const root = stateOf(
    patterns,
    // No pattern that may begin anywhere matches the root.
    patterns.map((pattern) => (pattern.rooted ? doneIfMatched(pattern, pattern.begin) : pattern.begin)),
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
function step(pattern: Pattern, next: readonly Position[] | undefined, name: string): readonly Position[] | undefined {
  if (next === undefined || staysAtBegin(pattern, next, name)) return next
  const after: Position[] = []
  for (const position of next) advance(pattern, position, name, after)
  return doneIfMatched(pattern, after)
}

/** What most names do to patterns that may begin anywhere: nothing, quickly. A second name to spare helps three `**` only. */
function staysAtBegin({ parts, anyFrom, begin }: Pattern, next: readonly Position[], name: string): boolean {
  if (next !== begin || parts[0] !== 'anywhere' || (anyFrom[0] as number) > 2) return false
  return begin.every(({ at }) => {
    const part = parts[at]
    return typeof part === 'string' || (part !== undefined && !part(name))
  })
}

function advance(pattern: Pattern, { at, spare, owed }: Position, name: string, after: Position[]): void {
  const part = pattern.parts[at]
  if (part === 'anywhere') reach(pattern, { at, spare: spare + 1, owed }, after)
  // `**` takes the name and stays; so does the end, of which names are still owed.
  else if (part === 'any' || part === undefined) reach(pattern, { at, spare, owed: Math.max(0, owed - 1) }, after)
  else if (part(name)) reach(pattern, { at: at + 1, spare, owed }, after)
}

/** Adds a position, and what may come in its place because `**` can stand for nothing. */
function reach(
  pattern: Pick<Pattern, 'parts' | 'anyFrom'>,
  { at, spare, owed }: Position,
  positions: Position[],
): void {
  const { parts, anyFrom } = pattern
  // More than this makes no difference to any `**` from here on.
  const useful = Math.max(0, (anyFrom[at] as number) - 1)
  add(positions, { at, spare: Math.min(spare, useful), owed })
  const part = parts[at]
  if (part === 'anywhere') reach(pattern, { at: at + 1, spare, owed }, positions)
  if (part === 'any') reach(pattern, { at: at + 1, spare, owed: owedAfter(pattern, at, { spare, owed }) }, positions)
}

/** What is owed when the `**` at `at` takes no more. */
function owedAfter({ anyFrom }: Pick<Pattern, 'anyFrom'>, at: number, { spare, owed }: Omit<Position, 'at'>): number {
  return Math.max(owed, (anyFrom[at + 1] as number) - spare)
}

/** Of two positions at a part one is often as good in both ways: what is kept are at most as many for each part as there are `**`. */
function add(positions: Position[], added: Position): void {
  if (positions.some((one) => isAsGood(one, added))) return
  for (let i = positions.length - 1; i >= 0; i--) {
    if (isAsGood(added, positions[i] as Position)) positions.splice(i, 1)
  }
  positions.push(added)
}

function isAsGood(one: Position, other: Position): boolean {
  return one.at === other.at && one.spare >= other.spare && one.owed <= other.owed
}

function doneIfMatched({ parts }: Pattern, positions: readonly Position[]): readonly Position[] | undefined {
  return positions.some(({ at, owed }) => at === parts.length && owed === 0) ? undefined : positions
}

/** Later patterns overrule earlier ones: `!` takes back what matched so far. */
function stateOf(patterns: readonly Pattern[], next: PatternState['next']): PatternState {
  let matched = false
  let childMayMatch = false
  patterns.forEach(({ negated }, index) => {
    const isMatch = next[index] === undefined
    if (negated) {
      matched &&= !isMatch
      childMayMatch &&= !isMatch
    } else {
      matched ||= isMatch
      childMayMatch ||= isMatch || (next[index] as readonly Position[]).length > 0
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
function completes(pattern: Pattern, next: readonly Position[] | undefined, name: string): boolean {
  if (next === undefined) return true
  for (const position of next) if (endsWith(pattern, position, name)) return true
  return false
}

/** A `**` takes the name to no avail: it could as well have ended above, and owe no more than the end does. */
function endsWith(pattern: Pattern, position: Position, name: string): boolean {
  const { parts, anyFrom } = pattern
  const { at, owed } = position
  const part = parts[at]
  if (part === undefined) return owed <= 1
  if (typeof part === 'string') return false
  const after = parts.length - at - 1
  if (anyFrom[at + 1] !== after) return false
  return (after === 0 ? owed : owedAfter(pattern, at + 1, position)) === 0 && part(name)
}
