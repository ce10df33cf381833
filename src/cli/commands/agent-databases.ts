import { hostname } from 'node:os'
import { dumpDatabases, readDumpOrder, tryDumps } from '#agent'
import type { LoadEvidence } from '#agent'
import { formatBytes, formatSpan, printable } from '#base'
import { ContentLoader, TreeLoader, findSnapshot, loadIndex } from '#repository'
import { printBackupSummary } from '../backup-progress.ts'
import { backUpSource } from '../back-up-source.ts'
import type { CliCommand } from '../command.ts'
import { setHelp } from '../command.ts'
import { runs } from '../context.ts'
import type { CommandContext } from '../context.ts'
import { CliError } from '../errors.ts'
import { defaultThreads } from '../local-threads.ts'
import { readRepository } from '../open-repository.ts'

const about = `
Makes dumps of databases and backs them up as one snapshot, each only when it is whole. The file says which databases, as
JSON: {"plan": {"servers": [{"engine": "postgresql", "name": "main"}], "files": [{"engine": "sqlite", "path": "/srv/shop.db"}]}}.
The agent does this by the backup policies that name databases.`

export function defineDumpDatabases(command: CliCommand): void {
  setHelp(command, {
    text: about,
    examples: ['understudy agent dump-databases --repo /backups databases.json'],
    exitCodes: { 3: 'A snapshot was made, but not every database is in it.' },
  })
  command.summary('back up dumps of databases').argument('<file>')
  runs(command, async (context, [file = '']) => await backUpDatabases(context, file), { outlivesOutput: true })
}

async function backUpDatabases(context: CommandContext, file: string): Promise<void> {
  const { printer, signal } = context
  const { plan, last, hooksFolder } = await readDumpOrder(file)
  await using dumps = await dumpDatabases(plan, { last, hooksFolder, signal })
  try {
    const result = await backUpSource(context, dumps, { host: hostname(), tag: 'databases' })
    printBackupSummary(context, result, { dryRun: false })
    if (result.problems.length > 0) throw new CliError('SOURCE_INCOMPLETE')
  } finally {
    // Also of what failed as a whole it is told why, database by database.
    for (const dump of dumps.evidence()) {
      if (printer.isJson) printer.json({ message_type: 'dump', evidence: dump })
      else if (dump.kind === 'database')
        printer.say(`${printable(dump.subject)}: ${dump.outcome}, ${formatBytes(dump.bytes)}`)
    }
  }
}

const tryAbout = `
Loads each dump of a snapshot into a server of its own that is made for it and removed afterwards, and compares the rows that
arrive with those in the dump: only that shows that a dump is good. It needs the programs of the database on this machine.`

export function defineTryDumps(command: CliCommand): void {
  setHelp(command, { text: tryAbout, examples: ['understudy agent try-dumps --repo /backups latest'] })
  command.summary('load the dumps of a snapshot, to try them').argument('<snapshot>')
  runs(command, async (context, [id = '']) => {
    const failed: string[] = []
    await readRepository(context, async (repository, signal) => {
      const { tree } = await findSnapshot(repository, id, { filter: { tags: [['databases']] }, signal })
      const indexed = await loadIndex(repository, { signal })
      await using contents = new ContentLoader(indexed, { threads: defaultThreads() })
      const loader = new TreeLoader(indexed)
      const trees = { loadTree: (folder: Buffer) => loader.loadById(folder, { signal }) }
      for await (const tried of tryDumps({ trees, contents }, { tree, signal })) {
        sayTried(context, tried)
        if (tried.outcome === 'failed') failed.push(tried.subject)
      }
    })
    if (failed.length > 0) throw new CliError('DUMPS_NOT_LOADED', { databases: failed.map(printable).join(', ') })
  })
}

function sayTried({ printer }: CommandContext, tried: LoadEvidence): void {
  if (printer.isJson) return printer.json({ message_type: 'dump_load', ...tried })
  const { subject, outcome, measured, failure } = tried
  const what = measured
    ? `${measured.tables} tables, ${measured.rows} rows in ${formatSpan(measured.duration)}`
    : (failure?.message ?? '')
  printer.say(`${printable(subject)}: ${outcome}: ${what}`)
}
