import { readFileSync } from 'node:fs'
import path from 'node:path'

import { FilesystemError } from './errors.ts'
import { compileComponent } from './glob.ts'
import { linesOf, readListFile, readTextFile } from './pattern-file.ts'
import { platform, toRaw } from './platform/index.ts'
import { textOfRaw } from './raw-text.ts'

/** Where the targets of a backup are named. `-` for a file means standard input. */
export interface TargetLists {
  readonly arguments: readonly string[]
  /** Files of patterns, one a line, with comments. */
  readonly filesFrom?: readonly string[] | undefined
  /** Files of paths, one a line, taken as they are. */
  readonly filesFromVerbatim?: readonly string[] | undefined
  /** Files of paths, each ended by a NUL. */
  readonly filesFromRaw?: readonly string[] | undefined
}

export interface CollectedTargets {
  /** Raw bytes, in the order that restic has: from the files, then the arguments. */
  readonly targets: readonly Buffer[]
  /** Patterns that nothing matched. */
  readonly unmatched: readonly string[]
}

/** Reads all lists. Throws NOTHING_TO_BACK_UP when they name nothing at all. */
export function collectTargets(lists: TargetLists, readStdin: () => Buffer = () => readFileSync(0)): CollectedTargets {
  const readText = (file: string) => (file === '-' ? readStdin() : readTextFile(file))
  const patterns = (lists.filesFrom ?? []).flatMap((file) => linesOf(readText(file)).map((line) => line.trim()))
  const unmatched: string[] = []
  const expanded = patterns.filter(isPattern).flatMap((pattern) => {
    const found = expandGlob(pattern)
    if (found.length === 0) unmatched.push(textOfRaw(pattern))
    return found
  })
  const verbatim = (lists.filesFromVerbatim ?? []).flatMap((file) =>
    linesOf(readText(file)).filter((line) => line !== ''),
  )
  const raw = (lists.filesFromRaw ?? []).flatMap((file) => splitRaw(file === '-' ? readStdin() : readListFile(file)))
  const targets = [...expanded, ...verbatim, ...raw].map((target) => Buffer.from(target, 'latin1'))
  targets.push(...lists.arguments.map((argument) => Buffer.from(argument)))
  if (targets.length === 0) throw new FilesystemError('NOTHING_TO_BACK_UP')
  return { targets, unmatched }
}

function isPattern(line: string): boolean {
  return line !== '' && !line.startsWith('#')
}

function splitRaw(bytes: Buffer): string[] {
  const names = toRaw(bytes).split('\0')
  // A list that was cut off must not pass for a whole one; and an empty name would mean the working folder.
  if (names.pop() !== '') throw new FilesystemError('LIST_CUT_OFF')
  if (names.includes('')) throw new FilesystemError('LIST_HAS_EMPTY_NAME')
  return names
}

const wildcards = /[*?[\\]/

/** Go's `filepath.Glob`: every existing path that the pattern matches, sorted in each folder; what cannot be read is empty. */
export function expandGlob(pattern: string): string[] {
  if (!wildcards.test(pattern)) return exists(pattern) ? [pattern] : []
  const cut = pattern.lastIndexOf('/')
  const file = pattern.slice(cut + 1)
  const matches = compileComponent(textOfRaw(file), textOfRaw(pattern))
  return foldersOf(pattern, cut).flatMap((folder) =>
    namesIn(folder)
      .filter((name) => matches(textOfRaw(name)))
      .map((name) => path.posix.join(folder, name)),
  )
}

function foldersOf(pattern: string, cut: number): string[] {
  if (cut < 0) return ['.']
  if (cut === 0) return ['/']
  const folder = pattern.slice(0, cut)
  return wildcards.test(folder) ? expandGlob(folder) : [folder]
}

function exists(target: string): boolean {
  try {
    platform.stat(target, { follow: false })
    return true
  } catch {
    return false
  }
}

function namesIn(folder: string): string[] {
  try {
    if (platform.stat(folder, { follow: true }).type !== 'dir') return []
    // Through a symlink, as the shell does: `/.` makes the last component a folder.
    using open = platform.openFolder(`${folder}/.`)
    return open.names()
  } catch {
    return []
  }
}
