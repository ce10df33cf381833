import type { BackupPolicy, DatabaseDump } from '#policy'
import type { Outcome } from '#protocol'
import { outcomeOf } from '../databases/evidence.ts'
import type { DumpEvidence } from '../databases/evidence.ts'
import type { DumpOrder } from '../databases/dump-order.ts'
import type { AgentFolder, DatabaseServer } from '../state.ts'
import { figuresOf, progressOf } from './figures.ts'
import type { BackupWork } from './job.ts'
import { runOwnProgram } from './own-program.ts'

/** What of a policy's databases became a snapshot, and what is known of each. */
export interface DumpsMade {
  readonly outcome: Outcome
  readonly dumps: readonly DumpEvidence[]
}

export function hasDumps({ what: { databases = [], hookDumps = [] } }: BackupPolicy): boolean {
  return databases.length + hookDumps.length > 0
}

/**
 * Dumps the databases of a policy into a snapshot of their own. The outcome is `done` only when every dump is good; evidence
 * of each is told to the server, and kept here to compare the next ones with.
 */
export async function dumpByPolicy(
  { id, policy }: { readonly id: string; readonly policy: BackupPolicy },
  work: BackupWork,
  limitFlags: readonly string[],
): Promise<DumpsMade> {
  const { folder, program, signal, report } = work
  const before = await folder.readDumps()
  const last = before[id]?.last ?? []
  const { order, missing } = await orderOf(policy, work)
  const file = await folder.writeSecretFile('databases.order', JSON.stringify({ ...order, last }))
  const flags = [...(await work.flags()), ...limitFlags]
  const args = ['agent', 'dump-databases', ...flags, '--', file]
  const dumps: DumpEvidence[] = []
  const ended = await runOwnProgram(program, args, {
    signal,
    onStatus: (status) => report({ ...progressOf(status), step: 'dump databases' }),
    onMessage: (message) => {
      if (message['message_type'] === 'dump') dumps.push(message['evidence'] as DumpEvidence)
    },
  })
  if (signal.aborted) return { outcome: { state: 'cancelled', reason: 'It was ended before it was done.' }, dumps }
  const result = ended.summary && figuresOf(ended.summary)
  const snapshotId = typeof result?.['snapshotId'] === 'string' ? result['snapshotId'] : undefined
  if (snapshotId !== undefined) await work.sign(snapshotId)
  await keepAndTell({ id, dumps, last, snapshotId }, work)
  const state = snapshotId === undefined ? 'failed' : outcomeOf(dumps)
  const failed = dumps.filter(({ outcome }) => outcome === 'failed')
  const doubtful = dumps.filter(({ outcome }) => outcome === 'warnings')
  const reasons = [
    ...missing,
    ...failed.map((dump) => `${subjectOf(dump)} not dumped: ${dump.failure?.message ?? 'nobody said why.'}`),
    ...doubtful.map((dump) => `${subjectOf(dump)}: ${dump.warnings[0]?.message ?? 'its dump is doubtful.'}`),
    ...(snapshotId === undefined && dumps.length === 0 ? [ended.failure?.message ?? ended.words.trim()] : []),
  ]
  const code = failed[0]?.failure?.code ?? doubtful[0]?.warnings[0]?.code ?? ended.failure?.code
  const worst = state === 'done' && missing.length > 0 ? 'warnings' : state
  return {
    dumps,
    outcome: {
      state: worst,
      ...(reasons.length > 0 && { reason: reasons.join(' ').slice(0, 2_000) }),
      ...(worst !== 'done' && code !== undefined && { code }),
      ...(result && { result }),
    },
  }
}

/** `shop`; of a server that could not even be asked: `postgresql main`. */
function subjectOf({ subject, engine, server }: DumpEvidence): string {
  return subject === '*' ? `${engine} ${server}` : subject
}

interface Told {
  readonly id: string
  readonly dumps: readonly DumpEvidence[]
  readonly last: readonly { readonly path: string; readonly bytes: number }[]
  readonly snapshotId: string | undefined
}

async function keepAndTell({ id, dumps, last, snapshotId }: Told, { folder, tell, repository }: BackupWork) {
  const databases = dumps.filter(({ kind }) => kind === 'database')
  await tell(
    databases.map((dump) => ({
      kind: 'dump',
      subject: dump.path,
      measuredAt: dump.takenAt,
      measured: {
        ...dump,
        policyId: id,
        repositoryId: repository.repositoryId,
        // Without a snapshot there is no dump, however well it went.
        outcome: snapshotId === undefined ? 'failed' : dump.outcome,
        snapshotId: snapshotId ?? null,
        bytesBefore: last.find(({ path }) => path === dump.path)?.bytes ?? null,
      },
    })),
  )
  if (snapshotId === undefined) return
  const good = databases.filter(({ outcome }) => outcome !== 'failed').map(({ path, bytes }) => ({ path, bytes }))
  // What is gone was told once; of what failed today the last good one is what the next is compared with.
  const gone = new Set(databases.filter(({ failure }) => failure?.code === 'DATABASE_GONE').map(({ path }) => path))
  const kept = last.filter(({ path }) => !gone.has(path) && !good.some((dump) => dump.path === path))
  const all = await folder.readDumps()
  await folder.writeDumps({ ...all, [id]: { ...all[id], snapshotId, last: [...good, ...kept] } })
}

/** The order for a policy on this machine: which servers there are, and how they are reached, is the machine's own matter. */
async function orderOf(
  { what: { databases = [], hookDumps = [] } }: BackupPolicy,
  { folder, hooksFolder }: BackupWork,
): Promise<{ readonly order: Omit<DumpOrder, 'last'>; readonly missing: readonly string[] }> {
  const known = await folder.readDatabaseServers()
  const servers = databases.flatMap((dump) => serversFor(dump, known))
  const sqlite = databases.find(({ engine }) => engine === 'sqlite')
  const files = sqlite ? await sqliteFiles(sqlite, folder) : []
  const hooks = hookDumps.map(({ hook, file }) => ({ hook, ...(file !== undefined && { file }) }))
  const plan = { servers, files: files.map((path) => ({ engine: 'sqlite' as const, path })), hooks }
  const missing = sqlite && files.length === 0 ? ['No database of SQLite was found on the machine.'] : []
  return { order: { plan, hooksFolder }, missing }
}

function serversFor({ engine, which }: DatabaseDump, known: readonly DatabaseServer[]) {
  if (engine === 'sqlite') return []
  const kind = engine === 'mariadb' ? 'mysql' : engine
  const own = known.filter((server) => server.engine === kind)
  const servers = own.length > 0 ? own : [{ engine: kind, name: 'main' } as const]
  return servers.map((server) => ({ ...server, ...(which !== 'all' && { databases: [...which] }) }))
}

async function sqliteFiles({ which }: DatabaseDump, folder: AgentFolder): Promise<readonly string[]> {
  if (which !== 'all') return which
  const { findings = [] } = (await folder.readLook())?.discovery ?? {}
  const found = findings.filter(({ engine }) => engine === 'sqlite').flatMap(({ places: [place] }) => place?.path ?? [])
  return [...new Set(found)]
}
