import type { ExpressionBuilder } from 'kysely'
import type { Services } from '../app/services.ts'
import type { Tables } from '../store/tables.ts'

/** One thing that is measured, with its values by what they are of. */
export interface Figure {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly values: readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[]
}

const day = 86_400_000

/** What the control data says just now. */
export async function readFigures(services: Services): Promise<readonly Figure[]> {
  return [
    await openOperations(services),
    await endedOperations(services),
    await machines(services),
    await sinceSeen(services),
    await sinceGoodBackup(services),
    await repositorySizes(services),
    await openAlerts(services),
    await waitingMessages(services),
  ]
}

async function openOperations({ store }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('operations')
    .select(['kind', 'state'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('state', 'in', ['waiting', 'running'])
    .groupBy(['kind', 'state'])
    .execute()
  const values = rows.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count }))
  const help = 'Operations that wait or run'
  return { name: 'understudy_operations', help, labels: ['kind', 'state'], values }
}

async function endedOperations({ store, clock }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('operations')
    .select(['kind', 'state'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('endedAt', '>', clock.now() - day)
    .groupBy(['kind', 'state'])
    .execute()
  const values = rows.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count }))
  const help = 'Operations that have ended within the last 24 hours'
  return { name: 'understudy_operations_ended_last_day', help, labels: ['kind', 'state'], values }
}

async function machines({ store }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('machines')
    .select(['kind', 'state'])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .groupBy(['kind', 'state'])
    .execute()
  const values = rows.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count }))
  return { name: 'understudy_machines', help: 'Machines that are known', labels: ['kind', 'state'], values }
}

async function sinceSeen({ store, clock }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('machines')
    .select(['id', 'lastSeenAt as at'])
    .where('state', '=', 'approved')
    .where('lastSeenAt', 'is not', null)
    .execute()
  const help = 'Seconds since a machine was last heard'
  return { name: 'understudy_machine_unseen_seconds', help, ...byMachine(rows, clock.now()) }
}

async function sinceGoodBackup({ store, clock }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('machines')
    .select('id')
    .select((machine) => [lastBackup(machine, 'done').as('done'), lastBackup(machine, 'warnings').as('warnings')])
    .where('state', '=', 'approved')
    .execute()
  const good = rows.flatMap(({ id, done, warnings }) => {
    const at = Math.max(done ?? 0, warnings ?? 0)
    return at > 0 ? { id, at } : []
  })
  const help = 'Seconds since the last good backup of a machine ended'
  return { name: 'understudy_last_good_backup_seconds', help, ...byMachine(good, clock.now()) }
}

/** Asked so that an index answers it, however many operations there were. */
function lastBackup(machine: ExpressionBuilder<Tables, 'machines'>, state: 'done' | 'warnings') {
  return machine
    .selectFrom('operations')
    .select('operations.endedAt')
    .whereRef('operations.machineId', '=', 'machines.id')
    .where('operations.kind', '=', 'backup')
    .where('operations.state', '=', state)
    .orderBy('operations.endedAt', 'desc')
    .limit(1)
}

function byMachine(rows: readonly { readonly id: string; readonly at: number | null }[], now: number) {
  const values = rows.map(({ id, at }) => ({ labels: { machine: id }, value: (now - (at ?? 0)) / 1000 }))
  return { labels: ['machine'], values }
}

async function repositorySizes({ store }: Services): Promise<Figure> {
  const rows = await store.db
    .selectFrom('repositoryCare')
    .select(['repositoryId', 'usedBytes'])
    .where('usedBytes', 'is not', null)
    .execute()
  const values = rows.map(({ repositoryId, usedBytes }) => ({
    labels: { repository: repositoryId },
    value: usedBytes ?? 0,
  }))
  const help = 'Bytes of a repository when it was last looked at'
  return { name: 'understudy_repository_bytes', help, labels: ['repository'], values }
}

async function openAlerts({ alerting }: Services): Promise<Figure> {
  const { state } = await alerting.store.load()
  const open = Object.values(state.open).filter(({ gone }) => !gone)
  const groups = Map.groupBy(open, ({ condition: { kind, severity } }) => `${kind} ${severity}`)
  const values = [...groups].map(([name, { length }]) => {
    const [kind = '', severity = ''] = name.split(' ')
    return { labels: { kind, severity }, value: length }
  })
  return { name: 'understudy_alerts', help: 'Alerts that are open', labels: ['kind', 'severity'], values }
}

async function waitingMessages({ store }: Services): Promise<Figure> {
  const { count } = await store.db
    .selectFrom('alertMessages')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('dueAt', 'is not', null)
    .executeTakeFirstOrThrow()
  const values = [{ labels: {}, value: count }]
  return { name: 'understudy_alert_messages_waiting', help: 'Messages that have not arrived yet', labels: [], values }
}
