import { formatBytes, printable } from '#base'
import { checkRepository, parseDataSubset } from '#repository'
import type { CheckProblem, CheckResult, NamedSnapshot } from '#repository'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { CliError } from '../errors.ts'
import { StepStatus } from '../live-status.ts'
import { defaultThreads, startThreads } from '../local-threads.ts'
import { lockWait, openForCommand } from '../open-repository.ts'
import type { Printer } from '../printer.ts'
import { addFilterFlags, chooseSnapshots, isEmptyFilter, readFilter } from '../snapshot-flags.ts'
import { count, shortId } from '../words.ts'

const text = `
Proves that the repository is sound: that everything which the snapshots need is there and fits together, and with
--read-data that every byte of it is right. Damage is told down to the files that it touches. Nothing is changed. With ids or
filters, only the trees and data of these snapshots are looked at, besides the index and the list of packs.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy check',
      'understudy check --read-data',
      'understudy check --read-data-subset 3/7',
      'understudy check --read-data latest',
    ],
    exitCodes: { 1: 'It failed, or the repository has errors.' },
  })
  command.argument('[id...]', 'snapshots to check (default: all)')
  command.addOption(flag('--read-data', 'read all data and prove it'))
  command.addOption(valueFlag('--read-data-subset <part>', 'read a part: the n-th of t (3/7), or at random 5% or 10G'))
  command.addOption(flag('--with-cache', 'believe the local cache instead of reading everything from the storage'))
  addFilterFlags(command)
  runs(command, check, { outlivesOutput: true })
}

const steps = {
  'load index': { title: 'load indexes', unit: 'index files' },
  'check trees': { title: 'check snapshots, trees and blobs', unit: 'trees' },
  'read data': { title: 'read data', unit: 'bytes' },
  'find affected files': { title: 'find the files that are affected', unit: 'trees' },
}

async function check(context: CommandContext, ids: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer, signal, globals } = context
  const readData = readDataOf(context, flags)
  const filter = readFilter(flags, context)
  const isWhole = ids.length === 0 && isEmptyFilter(filter)
  const result = await runCheck(context, async () => {
    await using warm = readData === undefined ? undefined : startThreads()
    await using opened = await openForCommand(context, { cache: flags.withCache === true ? 'usual' : 'temporary' })
    using status = new StepStatus(context, steps)
    const { retryFor, onWait } = lockWait(context)
    return await checkRepository(opened.repository, {
      readData,
      ...(!isWhole && { choose: (all: readonly NamedSnapshot[]) => chooseSnapshots(all, { ids, filter }) }),
      threads: defaultThreads(),
      warm,
      noLock: globals.noLock,
      retryLock: retryFor,
      onLockWait: onWait,
      signal,
      onProgress: status.report,
      onProblem: (message) => {
        if (!printer.isJson) printer.error(`error: ${printable(message, 4096)}`)
      },
    })
  })
  const { problems, omitted, notices } = result
  if (printer.isJson) {
    for (const problem of problems) printer.jsonError(problemFields(problem))
    printer.json(summaryOf(result))
  } else {
    for (const { kind, message } of notices) {
      printer.say(message)
      if (kind === 'packs-orphaned') printer.say(adviceFor(problems))
    }
    printAffected(printer, problems)
    if (omitted > 0) printer.error(`… and ${count(omitted, 'more error')}`)
  }
  if (problems.length > 0) throw new CliError('DAMAGE_FOUND')
  const { snapshots, packs, read } = result
  printer.say(`${count(snapshots, 'snapshot')}, ${count(packs, 'pack')}${describeRead(read)}`)
  printer.say('no errors were found')
}

/** With JSON a summary comes in every case, as programs expect it. */
async function runCheck({ printer }: CommandContext, work: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await work()
  } catch (thrown) {
    if (printer.isJson) printer.json({ ...emptySummary, num_errors: 1 })
    throw thrown
  }
}

function readDataOf(context: CommandContext, { readData, readDataSubset }: CommandFlags) {
  if (readData === true && readDataSubset !== undefined) {
    throw context.refuse('--read-data and --read-data-subset exclude each other')
  }
  return readData === true ? true : readDataSubset === undefined ? undefined : parseDataSubset(readDataSubset as string)
}

const emptySummary = {
  message_type: 'summary',
  num_errors: 0,
  broken_packs: null as readonly string[] | null,
  suggest_repair_index: false,
  suggest_prune: false,
}

function summaryOf({ problems, omitted, notices }: CheckResult): typeof emptySummary {
  const broken = problems.flatMap(({ file }) => (file?.type === 'pack' ? [file.name] : []))
  const has = (...kinds: readonly string[]) => [...problems, ...notices].some(({ kind }) => kinds.includes(kind))
  return {
    ...emptySummary,
    num_errors: problems.length + omitted,
    broken_packs: broken.length > 0 ? broken : null,
    suggest_repair_index: has('index-damaged', 'pack-indexed-twice'),
    suggest_prune: has('packs-orphaned', 'pack-mixed'),
  }
}

function problemFields({ kind, message, file, affected }: CheckProblem): unknown {
  const paths = affected.paths.map(({ snapshot, path }) => ({ snapshot, path: path.toString('utf8') }))
  return { message_type: 'error', message, kind, file, affected: { total: affected.total, paths } }
}

/** About packs that are in no index: needed by nothing in a repository that is whole, perhaps by what is missing in another. */
function adviceFor(problems: readonly CheckProblem[]): string {
  if (problems.length === 0) return '  Nothing needs them, and a prune removes them.'
  return '  They may hold what is missing: `understudy repair index` brings what is in them into the index.'
}

function printAffected(printer: Printer, problems: readonly CheckProblem[]): void {
  for (const { message, affected } of problems) {
    const { paths, total, more } = affected
    if (total === 0) continue
    printer.error('')
    printer.error(`This touches ${more ? 'more than ' : ''}${count(total, 'path')}: ${printable(message, 4096)}`)
    for (const { snapshot, path } of paths) printer.error(`  ${shortId(snapshot)}  ${printable(path, Infinity)}`)
    if (total > paths.length) printer.error(`  … and ${total - paths.length} more`)
  }
}

function describeRead({ packs, bytes }: CheckResult['read']): string {
  return packs === 0 ? '' : `; ${count(packs, 'pack')} read to the last byte (${formatBytes(bytes)})`
}
