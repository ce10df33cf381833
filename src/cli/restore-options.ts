import path from 'node:path'
import { compilePatterns, readPatternFile } from '#filesystem'
import type { AttributeNames, Patterns } from '#filesystem'
import type { Overwrite, Select } from '#restorer'
import type { CliCommand } from './command.ts'
import { flag, listFlag, valueFlag } from './command.ts'
import type { CommandContext, CommandFlags } from './context.ts'
import { addFilterFlags, latestNote } from './snapshot-flags.ts'

/** The flags of `restore`, and what they say. */

export interface RestoreOptions {
  readonly target: string
  readonly overwrite: Overwrite
  readonly delete: boolean
  readonly dryRun: boolean
  readonly verify: boolean
  readonly sparse: boolean
  readonly foreign: boolean
  readonly attributes: AttributeNames | undefined
  readonly ownersByName: boolean
  readonly select: Select | undefined
}

export function addRestoreFlags(command: CliCommand): void {
  for (const option of [
    valueFlag('-t, --target <folder>', 'folder to restore into; it is made if it is not there'),
    listFlag('-i, --include <pattern>', 'restore only what matches (several times)'),
    listFlag('--iinclude <pattern>', 'the same, whatever the case of letters'),
    listFlag('--include-file <file>', 'file of patterns to restore, one a line (several times)'),
    listFlag('--iinclude-file <file>', 'the same, whatever the case of letters'),
    listFlag('-e, --exclude <pattern>', 'leave out what matches (several times)'),
    listFlag('--iexclude <pattern>', 'the same, whatever the case of letters'),
    listFlag('--exclude-file <file>', 'file of patterns to leave out, one a line (several times)'),
    listFlag('--iexclude-file <file>', 'the same, whatever the case of letters'),
    valueFlag('--overwrite <when>', 'files that are there: always, if-changed, if-newer or never (default: always)'),
    flag('--delete', 'delete what the snapshot has not, in the folders that are restored'),
    flag('-n, --dry-run', 'write nothing, only show the plan; with -vv for every file'),
    flag('--verify', 'read every restored file again and compare it'),
    flag('--sparse', 'long runs of zeros become holes'),
    flag('--foreign', "a snapshot of somebody else's: no owners, setuid bits, devices and capabilities"),
    listFlag('--include-xattr <pattern>', 'restore only extended attributes whose names match (several times)'),
    listFlag('--exclude-xattr <pattern>', 'leave extended attributes alone whose names match (several times)'),
    flag('--ownership-by-name', 'owners and groups by their names on this machine, not by their numbers'),
  ]) {
    command.addOption(option)
  }
  addFilterFlags(command, { note: latestNote })
}

const overwrites: readonly string[] = ['always', 'if-changed', 'if-newer', 'never'] satisfies readonly Overwrite[]

export function readRestoreOptions(context: CommandContext, flags: CommandFlags): RestoreOptions {
  const { target, overwrite = 'always' } = flags as { readonly target?: string; readonly overwrite?: string }
  if (target === undefined || target === '') throw context.refuse('restore wants a folder to restore into: --target')
  if (!overwrites.includes(overwrite))
    throw context.refuse(`"${overwrite}" is no way to overwrite; there are ${overwrites.join(', ')}`)
  const dryRun = flags.dryRun === true
  if (dryRun && flags.verify === true) throw context.refuse('--dry-run and --verify exclude each other')
  const select = readSelection(context, flags)
  const root = path.resolve(target)
  if (flags.delete === true && !select && root === path.parse(root).root) {
    throw context.refuse(`--delete for ${root} wants a filter: --include or --exclude`)
  }
  return {
    target: root,
    overwrite: overwrite as Overwrite,
    delete: flags.delete === true,
    dryRun,
    verify: flags.verify === true,
    sparse: flags.sparse === true,
    foreign: flags.foreign === true,
    attributes: readAttributeNames(context, flags),
    ownersByName: flags.ownershipByName === true,
    select,
  }
}

function readSelection(context: CommandContext, flags: CommandFlags): Select | undefined {
  const includes = readPatterns(context, flags, {
    exact: ['include', 'includeFile'],
    any: ['iinclude', 'iincludeFile'],
  })
  const excludes = readPatterns(context, flags, {
    exact: ['exclude', 'excludeFile'],
    any: ['iexclude', 'iexcludeFile'],
  })
  if (includes.length > 0 && excludes.length > 0) throw context.refuse('--include and --exclude exclude each other')
  if (includes.length > 0) return includeBy(includes)
  return excludes.length > 0 ? excludeBy(excludes) : undefined
}

function readAttributeNames(context: CommandContext, flags: CommandFlags): AttributeNames | undefined {
  const [include, exclude] = [flags.includeXattr, flags.excludeXattr] as (string[] | undefined)[]
  if (include && exclude) throw context.refuse('--include-xattr and --exclude-xattr exclude each other')
  const patterns = include ?? exclude
  if (!patterns) return undefined
  compilePatterns(patterns) // said now, not in the midst of the restore
  return { how: include ? 'include' : 'exclude', patterns }
}

interface PatternFlags {
  readonly exact: readonly [patterns: string, files: string]
  /** The same for any case of letters. */
  readonly any: readonly [patterns: string, files: string]
}

/** The compiled patterns of some flags and files. */
export function readPatterns({ env }: CommandContext, flags: CommandFlags, { exact, any }: PatternFlags): Patterns[] {
  const read = ([name, fileName]: readonly [string, string]) => {
    const files = (flags[fileName] as string[] | undefined) ?? []
    const given = (flags[name] as string[] | undefined) ?? []
    return [...given, ...files.flatMap((file) => readPatternFile(file, env.variables))]
  }
  const [exactPatterns, anyPatterns] = [read(exact), read(any)]
  return [
    ...(exactPatterns.length > 0 ? [compilePatterns(exactPatterns)] : []),
    ...(anyPatterns.length > 0 ? [compilePatterns(anyPatterns, { insensitive: true })] : []),
  ]
}

function includeBy(lists: readonly Patterns[]): Select {
  return (entry, isFolder) => {
    const matches = lists.map((list) => list.match(entry.toString('utf8')))
    const selected = matches.some(({ matched }) => matched)
    return { selected, childrenMayBe: isFolder && matches.some(({ childMayMatch }) => childMayMatch) }
  }
}

function excludeBy(lists: readonly Patterns[]): Select {
  return (entry, isFolder) => {
    const selected = !lists.some((list) => list.match(entry.toString('utf8')).matched)
    return { selected, childrenMayBe: selected && isFolder }
  }
}
