import { compilePatterns, isInside } from '#filesystem'
import type { Patterns } from '#filesystem'
import type { Discovery, Place, PolicyScope, Volume } from '#protocol'

/** What one backup policy takes of a place: all of it, some of it, nothing; and why not all. */
export interface Taken {
  readonly state: 'all' | 'some' | 'none'
  readonly reasons: readonly string[]
}

/** A pattern that means one part of the disk, by itself: to find the folders that it takes something from. */
interface RootedExclude {
  readonly pattern: string
  readonly patterns: Patterns
}

/** A policy's scope, ready to be asked about places. By the same matcher that leaves files out of a backup. */
export class Scope {
  readonly policy: PolicyScope
  readonly #patterns: readonly Patterns[]
  readonly #rooted: readonly RootedExclude[]
  readonly #wherever: readonly string[]
  readonly #volumes: readonly Volume[]

  /**
   * `needless` are patterns of what need not be backed up: a folder without it is still whole.
   * Throws PATTERN_INVALID.
   */
  constructor(policy: PolicyScope, { volumes }: Pick<Discovery, 'volumes'>, needless: readonly string[] = []) {
    const { excludes, insensitiveExcludes } = policy
    const plain = excludes.map(asPosix)
    const insensitive = insensitiveExcludes.map(asPosix)
    this.policy = policy
    this.#patterns = [compilePatterns(plain), compilePatterns(insensitive, { insensitive: true })]
    const leaving = [
      ...plain.map((pattern) => ({ pattern, insensitive: false })),
      ...insensitive.map((pattern) => ({ pattern, insensitive: true })),
    ].filter(({ pattern }) => pattern !== '' && !pattern.startsWith('!') && !needless.includes(pattern))
    this.#rooted = leaving
      .filter(({ pattern }) => pattern.startsWith('/'))
      .map(({ pattern, insensitive: ignoresCase }) => ({
        pattern,
        patterns: compilePatterns([pattern], { insensitive: ignoresCase }),
      }))
    this.#wherever = leaving.map(({ pattern }) => pattern).filter((pattern) => !pattern.startsWith('/'))
    this.#volumes = volumes
  }

  /** What lies in an included folder is included until it is excluded, whether it was there yesterday or not. */
  takes(place: Pick<Place, 'path'>): Taken {
    const path = asPosix(place.path)
    const includes = this.policy.include.map(asPosix)
    const around = includes.filter((include) => isInside(path, include))
    const answers = around.map((include) => this.#takesFrom(include, path))
    const best = answers.find(({ state }) => state === 'all') ?? answers.find(({ state }) => state === 'some')
    if (best) return best
    const below = includes.filter((include) => isInside(include, path) && include !== path)
    if (below.length > 0) return { state: 'some', reasons: [`"${this.policy.name}" has only ${list(below)} of it`] }
    return answers[0] ?? { state: 'none', reasons: [] }
  }

  #takesFrom(include: string, path: string): Taken {
    const { name, oneFileSystem } = this.policy
    const left = waysTo(include, path).find((step) => this.#leavesOut(step))
    if (left !== undefined) return { state: 'none', reasons: [`"${name}" leaves out ${left}`] }
    if (oneFileSystem && this.#volumeOf(include) !== this.#volumeOf(path)) {
      return { state: 'none', reasons: [`"${name}" stays on the volume of ${include}`] }
    }
    const missing = [
      ...this.#rooted.filter(({ patterns }) => mayMatchBelow(patterns, path)).map(({ pattern }) => pattern),
      ...(oneFileSystem ? this.#volumesBelow(path) : []),
    ]
    if (missing.length > 0) return { state: 'some', reasons: [`"${name}" leaves out ${list(missing)}`] }
    const wherever = this.#wherever.length > 0 ? [`"${name}" leaves out ${list(this.#wherever)} wherever it lies`] : []
    return { state: 'all', reasons: wherever }
  }

  #leavesOut(path: string): boolean {
    return this.#patterns.some((patterns) => patterns.match(path).matched)
  }

  #volumeOf(path: string): string | undefined {
    const around = this.#volumes.map((volume) => asPosix(volume.path)).filter((volume) => isInside(path, volume))
    return around.sort((a, b) => b.length - a.length)[0]
  }

  #volumesBelow(path: string): string[] {
    const paths = this.#volumes.map((volume) => asPosix(volume.path))
    return paths.filter((volume) => volume !== path && isInside(volume, path))
  }
}

/** One that matches the path itself has been taken back by an exception, for what is below as well. */
function mayMatchBelow(patterns: Patterns, path: string): boolean {
  const { matched, childMayMatch } = patterns.match(path)
  return childMayMatch && !matched
}

/** The include itself and each folder on the way to the path: what is left out takes with it what is inside. */
function waysTo(include: string, path: string): string[] {
  const steps = [path]
  for (let step = path; step !== include && step.lastIndexOf('/') >= 0 && step !== '/';) {
    step = step.slice(0, step.lastIndexOf('/')) || '/'
    steps.push(step)
  }
  return steps.reverse()
}

/** `C:\Users` as `/C:/Users`: patterns are matched part by part. */
function asPosix(path: string): string {
  const drive = /^(!?)([A-Za-z]:)[\\/]?(.*)$/s.exec(path)
  if (!drive) return path.length > 1 ? path.replace(/\/+$/, '') : path
  const [, negated = '', letter = '', rest = ''] = drive
  return `${negated}/${letter}/${rest.replaceAll('\\', '/')}`.replace(/\/+$/, '')
}

function list(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(', ')
  return paths.length > 3 ? `${shown} and ${paths.length - 3} more` : shown
}
