import { formatLocalTime } from '#archiver'
import type { Patterns } from '#filesystem'
import { loadIndex, planRewrite } from '#repository'
import type { HeldLock, Repository, RewritePlan, RewriteRequest } from '#repository'
import { printable } from '#base'
import type { CliCommand } from '../command.ts'
import { flag, listFlag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { DamagedSnapshots } from '../damaged-snapshots.ts'
import { openForCommand, withLock } from '../open-repository.ts'
import { readPatterns } from '../restore-options.ts'
import { countingRules, excludeRules, includeRules } from '../rewrite-rules.ts'
import { printPlanned, runRewrite } from '../run-rewrite.ts'
import { addFilterFlags, findSnapshots, readFilter } from '../snapshot-flags.ts'
import { describeSnapshot } from '../snapshot-view.ts'
import { parseWallTime } from '../words.ts'

const text = `
Makes new snapshots of old ones: without what matches a pattern, or with what matches only, or with another host or time.
The originals stay, and the new ones have the tag "rewrite"; with --forget the originals go. The data that they alone need
goes with the next prune. Without ids and filters all snapshots are rewritten.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy rewrite --exclude /home/ann/secret.txt --dry-run',
      'understudy rewrite --iexclude "*.iso" --host nas --forget',
      'understudy rewrite --new-host newname 1a2b3c4d',
    ],
  })
  command.argument('[id...]', 'snapshots to rewrite')
  for (const option of [
    listFlag('-e, --exclude <pattern>', 'leave out what matches (several times)'),
    listFlag('--iexclude <pattern>', 'the same, whatever the case of letters'),
    listFlag('--exclude-file <file>', 'file of patterns to leave out, one a line (several times)'),
    listFlag('--iexclude-file <file>', 'the same, whatever the case of letters'),
    listFlag('-i, --include <pattern>', 'keep only what matches (several times)'),
    listFlag('--iinclude <pattern>', 'the same, whatever the case of letters'),
    listFlag('--include-file <file>', 'file of patterns to keep, one a line (several times)'),
    listFlag('--iinclude-file <file>', 'the same, whatever the case of letters'),
    valueFlag('--new-host <name>', 'host of the new snapshots'),
    valueFlag('--new-time <time>', "time of the new snapshots, '2026-01-31 22:08:41'"),
    flag('-s, --snapshot-summary', 'note the number and size of files in snapshots where that is missing'),
    flag('--forget', 'remove the originals when the new snapshots are stored'),
    flag('-n, --dry-run', 'change nothing, only show the plan; with -vv for every path'),
    flag('--unsafe-allow-empty', 'make new snapshots even if no file is left in them'),
  ]) {
    command.addOption(option)
  }
  addFilterFlags(command)
  runs(command, rewrite, { outlivesOutput: true })
}

async function rewrite(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const request = readRequest(context, flags)
  const dryRun = flags.dryRun === true
  if (context.globals.noLock && !dryRun) throw context.refuse('rewrite goes without a lock only with --dry-run')
  await using opened = await openForCommand(context)
  const { repository } = opened
  const wish = { exclusive: request.forget, skip: dryRun && context.globals.noLock }
  await withLock(context, repository, wish, (signal, lock) =>
    rewriteAll({ ...context, signal }, repository, { ids, flags, request, dryRun, lock }),
  )
}

type Request = RewriteRequest<unknown>

interface Run {
  readonly ids: readonly string[]
  readonly flags: CommandFlags
  readonly request: Request
  readonly dryRun: boolean
  readonly lock: HeldLock | undefined
}

async function rewriteAll(
  context: CommandContext,
  repository: Repository,
  { ids, flags, request, dryRun, lock }: Run,
): Promise<void> {
  const { printer, signal } = context
  const damaged = new DamagedSnapshots(printer)
  const filter = readFilter(flags, context)
  const snapshots = await findSnapshots(repository, { ids, filter, signal, onDamaged: damaged.passOver })
  const indexed = await loadIndex(repository, { signal })
  const plan: RewritePlan = await planRewrite(indexed, snapshots, request, {
    signal,
    onSnapshot: (snapshot) => printer.say(`\n${describeSnapshot(snapshot)}`),
    onPlanned: (planned) =>
      planned.fate === 'lost'
        ? printer.say('  stays as it is: nothing in it matches')
        : printPlanned(context, planned, request.forget),
  })
  // Where nothing was to be included, nothing is removed either.
  const planned = plan.snapshots.filter(({ fate }) => fate !== 'lost')
  await runRewrite(
    context,
    { ...plan, snapshots: planned, isEmpty: planned.every(({ fate }) => fate === 'keep') },
    { dryRun, lock },
  )
  damaged.throwIfAny()
}

function readRequest(context: CommandContext, flags: CommandFlags): Request {
  const excludes = readPatterns(context, flags, {
    exact: ['exclude', 'excludeFile'],
    any: ['iexclude', 'iexcludeFile'],
  })
  const includes = readPatterns(context, flags, {
    exact: ['include', 'includeFile'],
    any: ['iinclude', 'iincludeFile'],
  })
  if (excludes.length > 0 && includes.length > 0) throw context.refuse('--include and --exclude exclude each other')
  const summary = flags.snapshotSummary === true
  const hostname = textOf(flags, 'newHost') || undefined
  const time = readTime(context, flags)
  const createRules = rulesOf(context, { excludes, includes, summary })
  if (!createRules && hostname === undefined && time === undefined) {
    throw context.refuse('there is nothing to do; give patterns, --new-host, --new-time or --snapshot-summary')
  }
  const [forget, allowEmpty] = [flags.forget === true, flags.unsafeAllowEmpty === true]
  const counting = summary ? 'always' : undefined
  return { tag: 'rewrite', forget, hostname, time, createRules, allowEmpty, summary: counting }
}

interface Filters {
  readonly excludes: readonly Patterns[]
  readonly includes: readonly Patterns[]
  readonly summary: boolean
}

function rulesOf({ printer }: CommandContext, { excludes, includes, summary }: Filters) {
  const tell = (what: string, pass: 'plan' | 'store') => (path: Buffer) => {
    if (pass === 'plan' && printer.verbosity >= 3) printer.trace(`  ${what} ${printable(path, Infinity)}`)
  }
  if (excludes.length > 0) return (pass: 'plan' | 'store') => excludeRules(excludes, tell('leaving out', pass))
  if (includes.length > 0) return (pass: 'plan' | 'store') => includeRules(includes, tell('keeping', pass))
  return summary ? countingRules : undefined
}

function readTime(context: CommandContext, flags: CommandFlags): string | undefined {
  const given = textOf(flags, 'newTime')
  if (given === undefined || given === '') return undefined
  const parsed = parseWallTime(given)
  if (parsed === undefined) throw context.refuse(`"${given}" is no time; write '2026-01-31 22:08:41'`)
  return formatLocalTime(parsed)
}
