import { FilesystemError } from './errors.ts'
import { compilePatterns } from './filter.ts'
import type { Patterns, PatternState } from './filter.ts'
import { readPatternFile } from './pattern-file.ts'
import { toRaw } from './platform/index.ts'
import { textOfRaw } from './raw-text.ts'

/** What to leave out of a backup, as the flags of restic's `backup` say it. */
export interface ExcludeOptions {
  readonly patterns?: readonly string[] | undefined
  readonly insensitivePatterns?: readonly string[] | undefined
  /** Files of patterns. */
  readonly files?: readonly string[] | undefined
  readonly insensitiveFiles?: readonly string[] | undefined
  /** Folders with a valid `CACHEDIR.TAG` keep that file and nothing else. */
  readonly caches?: boolean | undefined
  /** `FILE` or `FILE:HEADER`: a folder that has it (beginning with the header) keeps that file and nothing else. */
  readonly ifPresent?: readonly string[] | undefined
  /** Largest file to keep: whole numbers, with `b`, `k`, `m`, `g` or `t` behind. */
  readonly largerThan?: string | undefined
  readonly cloudFiles?: boolean | undefined
  /** Folders that are left out whole, by absolute path: our own cache. */
  readonly folders?: readonly (Buffer | string)[] | undefined
  /** For variables in files of patterns. */
  readonly environment?: NodeJS.ProcessEnv
}

export interface Excludes {
  /** What it was compiled from. */
  readonly lists: ExcludeLists
  readonly patterns: readonly Patterns[]
  readonly tags: readonly FolderTag[]
  /** Bytes. */
  readonly largerThan: bigint | undefined
  /** Raw strings. */
  readonly folders: readonly string[]
}

/** All excludes as plain values, files read: they can be sent to a thread, and compiled there. */
export interface ExcludeLists {
  readonly patterns: readonly string[]
  readonly insensitivePatterns: readonly string[]
  readonly tags: readonly string[]
  readonly largerThan: bigint | undefined
  readonly folders: readonly string[]
}

/** A file whose presence says that its folder need not be backed up. */
export interface FolderTag {
  /** Raw string. */
  readonly name: string
  /** What the file must begin with; empty for anything. */
  readonly header: Buffer
}

/** Reads the files of patterns and compiles everything. Throws PATTERN_INVALID, SIZE_INVALID, TAG_INVALID, LIST_NOT_READ. */
export function compileExcludes(options: ExcludeOptions = {}): Excludes {
  // On Linux there are none; elsewhere the flag of a file that says so cannot be read without native code.
  if (options.cloudFiles) throw new FilesystemError('CLOUD_FILES_UNKNOWN')
  const environment = options.environment ?? process.env
  const read = (files: readonly string[] = []) => files.flatMap((file) => readPatternFile(file, environment))
  return compileLists({
    patterns: [...(options.patterns ?? []), ...read(options.files)],
    insensitivePatterns: [...(options.insensitivePatterns ?? []), ...read(options.insensitiveFiles)],
    tags: [...(options.ifPresent ?? []), ...(options.caches ? [cacheTag] : [])],
    largerThan: options.largerThan ? parseSize(options.largerThan) : undefined,
    folders: (options.folders ?? []).map((folder) => toRaw(folder)),
  })
}

/** Throws PATTERN_INVALID, TAG_INVALID. */
export function compileLists(lists: ExcludeLists): Excludes {
  const { patterns, insensitivePatterns, tags, largerThan, folders } = lists
  return {
    lists,
    patterns: [compilePatterns(insensitivePatterns, { insensitive: true }), compilePatterns(patterns)].filter(isUsed),
    tags: tags.map(parseTag),
    largerThan,
    folders,
  }
}

/** https://bford.info/cachedir/ */
const cacheTag = 'CACHEDIR.TAG:Signature: 8a477f597d28d172789f06886806bc55'

function isUsed({ root }: Patterns): boolean {
  return root.next.length > 0
}

function parseTag(spec: string): FolderTag {
  const colon = spec.indexOf(':')
  const name = colon < 0 ? spec : spec.slice(0, colon)
  if (name === '') throw new FilesystemError('TAG_INVALID', { spec })
  return { name: toRaw(name), header: colon < 0 ? Buffer.alloc(0) : Buffer.from(spec.slice(colon + 1)) }
}

const units: Readonly<Record<string, bigint>> = { b: 1n, k: 1n << 10n, m: 1n << 20n, g: 1n << 30n, t: 1n << 40n }

/** `10M` in bytes. Throws SIZE_INVALID. */
export function parseSize(text: string): bigint {
  const [, digits, unit] = /^(\d+)([bkmgt]?)$/i.exec(text) ?? []
  if (digits === undefined || unit === undefined) throw new FilesystemError('SIZE_INVALID', { size: text })
  const size = BigInt(digits) * (units[unit.toLowerCase() || 'b'] as bigint)
  if (size >= 1n << 63n) throw new FilesystemError('SIZE_INVALID', { size: text })
  return size
}

/** Where a walk stands in each of the lists of patterns. */
export type PatternStates = readonly PatternState[]

function statesAtRoot({ patterns }: Excludes): PatternStates {
  return patterns.map(({ root }) => root)
}

export function enterFolder({ patterns }: Excludes, states: PatternStates, name: string): PatternStates {
  return patterns.map((list, index) => list.enter(states[index] as PatternState, name))
}

/** The states in a folder, by its absolute path (raw). */
export function statesOf(excludes: Excludes, folder: string): PatternStates {
  const components = folder.split('/').filter((component) => component !== '')
  return components.reduce(
    (states, component) => enterFolder(excludes, states, textOfRaw(component)),
    statesAtRoot(excludes),
  )
}

export function matchesAny({ patterns }: Excludes, states: PatternStates, name: string): boolean {
  return patterns.some((list, index) => list.matches(states[index] as PatternState, name))
}
