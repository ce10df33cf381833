import { createHash, randomBytes } from 'node:crypto'
import type { ProofSettings } from '#protocol'
import type { Services } from '../app/services.ts'
import type { NewOperation } from '../operations/operations.ts'
import type { Round } from '../work/round.ts'
import { clearScratch } from './scratch.ts'
import { loadAllSettings, usualSettings } from './settings.ts'

const hour = 3_600_000
const day = 24 * hour
/** A machine that was not seen for longer proves nothing by itself: the server does it then. */
const unseenAfter = 7 * day

/** A repository that has something to prove, and the machine that it is of. */
export interface Provable {
  readonly repositoryId: string
  readonly clientId: string
  readonly machineId: string | null
  /** The server does not have the password. */
  readonly isKept: boolean
  /** Its agent works. */
  readonly hasAgent: boolean
}

export interface DueProof {
  readonly kind: 'check' | 'test-restore' | 'trial'
  readonly by: 'server' | 'machine'
  /** Each is planned once, by whatever node, however often the server starts. */
  readonly onceKey: string
}

/**
 * The proofs that are due in the period that `now` lies in, each kind with its own. Repositories begin their periods at
 * different times, so that not all are read at once. Where the client keeps the password, only the machine can prove anything.
 */
export function dueProofs(subject: Provable, settings: ProofSettings, now: number): DueProof[] {
  const { repositoryId, isKept, hasAgent } = subject
  const { check, testRestore, trial } = settings
  const due: DueProof[] = []
  const add = (kind: DueProof['kind'], every: number, where: (period: number) => 'server' | 'machine') => {
    const period = Math.floor((now + offsetOf(repositoryId, every)) / every)
    const wanted = where(period)
    const by = wanted === 'server' && isKept ? 'machine' : wanted === 'machine' && !hasAgent ? 'server' : wanted
    if (by === 'machine' ? hasAgent : !isKept)
      due.push({ kind, by, onceKey: `${kind} ${repositoryId} ${every} ${period}` })
  }
  if (!isKept) add('check', check.everyHours * hour, () => 'server')
  add('test-restore', testRestore.everyDays * day, (period) => {
    if (testRestore.where !== 'alternating') return testRestore.where
    return period % 2 === 0 ? 'server' : 'machine'
  })
  if (trial) add('trial', trial.everyDays * day, () => trial.where)
  return due
}

/** Where in a period a repository stands: always the same, and evenly spread. */
function offsetOf(repositoryId: string, every: number): number {
  return Math.floor((createHash('sha256').update(repositoryId).digest().readUInt32BE(0) / 2 ** 32) * every)
}

/** Enters the proofs that are due as operations. */
export const proofRound: Round = {
  name: 'plan proofs',
  every: 10 * 60_000,
  async run(services, { signal }) {
    await clearScratch(services)
    const [settings, subjects] = [await loadAllSettings(services), await findProvable(services)]
    for (const subject of subjects) {
      const wanted = settings.get(subject.clientId) ?? usualSettings
      for (const proof of dueProofs(subject, wanted, services.clock.now())) {
        signal.throwIfAborted()
        if (!(await isPlanned(services, subject, proof))) await plan(services, subject, { proof, settings: wanted })
      }
    }
  },
}

async function findProvable({ store, clock }: Services): Promise<Provable[]> {
  const rows = await store.db
    .selectFrom('repositories')
    .leftJoin('machines', 'machines.id', 'repositories.machineId')
    .select([
      'repositories.id as repositoryId',
      'repositories.clientId',
      'repositories.machineId',
      'repositories.sealedPassword',
      'machines.state',
      'machines.publicKey',
      'machines.lastSeenAt',
    ])
    .where('repositories.id', 'in', (received) =>
      received.selectFrom('ledger').select('ledger.repositoryId').where('ledger.what', '=', 'received'),
    )
    .execute()
  const seenSince = clock.now() - unseenAfter
  return rows.map(({ sealedPassword, state, publicKey, lastSeenAt, ...about }) => ({
    ...about,
    isKept: sealedPassword === null,
    hasAgent: state === 'approved' && publicKey !== null && (lastSeenAt ?? 0) >= seenSince,
  }))
}

/** Whether this one was planned already, or one of its kind has not ended yet: a machine that sleeps gathers none. */
async function isPlanned({ store }: Services, subject: Provable, { kind, onceKey }: DueProof): Promise<boolean> {
  const { clientId, repositoryId } = subject
  const found = await store.db
    .selectFrom('operations')
    .select('id')
    .where((where) =>
      where.or([
        where('onceKey', '=', onceKey),
        where.and([
          where('state', 'in', ['waiting', 'running']),
          where('clientId', '=', clientId),
          where('kind', '=', kind),
          where('order', 'like', `%${repositoryId}%`),
        ]),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

async function plan(
  services: Services,
  subject: Provable,
  { proof, settings }: { readonly proof: DueProof; readonly settings: ProofSettings },
): Promise<void> {
  const snapshots = [...(await services.ledger.received(subject.repositoryId))]
  if (snapshots.length === 0) return // all of them were removed
  const latest = snapshots.reduce((newest, each) => (each[1] >= newest[1] ? each : newest))[0]
  const seed = randomBytes(12).toString('base64url')
  const random = snapshotBySeed(
    snapshots.map(([id]) => id),
    seed,
  )
  const { kind, by, onceKey } = proof
  const snapshotId = kind === 'trial' ? latest : random
  const operation = proofOperation(subject, { kind, by, snapshotId, seed, settings })
  await services.operations.create({ ...operation, requestedBy: 'schedule', onceKey })
}

/** One of the snapshots, by the seed: whoever knows both finds the same. */
export function snapshotBySeed(ids: readonly string[], seed: string): string {
  const number = createHash('sha256').update(`snapshot ${seed}`).digest().readUInt32BE(0)
  return ids[number % ids.length] as string
}

export interface WantedProof {
  readonly kind: DueProof['kind']
  readonly by: 'server' | 'machine'
  readonly snapshotId: string
  readonly seed: string
  readonly settings: ProofSettings
  readonly readEverything?: boolean
}

/** A proof as an operation, but for who asks for it. */
export function proofOperation(
  { repositoryId, clientId, machineId }: Pick<Provable, 'repositoryId' | 'clientId' | 'machineId'>,
  { kind, by, snapshotId, seed, settings, readEverything = false }: WantedProof,
): Omit<NewOperation, 'requestedBy'> {
  const { mostFiles, mostBytes } = settings.testRestore
  const orders = {
    check: { read: readEverything ? 'everything' : 'next part' },
    'test-restore': { snapshotId, seed, mostFiles, mostBytes },
    trial: { snapshotId },
  }
  const order = { repositoryId, machineId, ...orders[kind] }
  return { clientId, machineId: by === 'machine' ? machineId : null, kind, order }
}
