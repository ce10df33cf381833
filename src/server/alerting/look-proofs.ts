import type { Kysely } from 'kysely'
import { z } from 'zod'
import { limits } from '../alerts/index.ts'
import type { ClientRef, ProofView } from '../alerts/index.ts'
import { hasSnapshots } from '../retention/care.ts'
import type { Row, Tables } from '../store/tables.ts'

/** Kinds of operations that are proofs of a backup; and as the alerts name them. */
const proofKinds = { check: 'check', 'test-restore': 'test_restore', trial: 'trial' } as const
type ProofName = keyof typeof proofKinds
const proofNames = Object.keys(proofKinds) as ProofName[]

const day = 86_400_000
/** How long a proof holds that says nothing of it; and after which a repository that was never checked should have been. */
const usualLife = 31 * day
/** A failure that is older was followed by others, or its repository is no more. */
const failuresSince = 90 * day

/**
 * Proofs of each repository: that it is checked is expected of all whose password the server has; what else was proven once is expected to be proven again
 * before it holds no longer.
 */
export async function lookAtProofs(
  db: Kysely<Tables>,
  clients: ReadonlyMap<string, ClientRef>,
  now: number,
): Promise<ProofView[]> {
  const repositories = await provable(db)
  const [passed, failed] = [await passedProofs(db), await failedProofs(db, now)]
  return repositories.flatMap((repository) =>
    proofNames.flatMap((name) => {
      const key = `${repository.id} ${name}`
      const client = clients.get(repository.clientId)
      const isChecked = name === 'check' && repository.sealedPassword !== null
      const isExpected = isChecked || passed.has(key) || failed.has(key)
      return client && isExpected ? viewOf({ repository, name, client }, passed.get(key), failed.get(key)) : []
    }),
  )
}

interface About {
  readonly repository: Row<'repositories'>
  readonly name: ProofName
  readonly client: ClientRef
}

interface Passed {
  readonly measuredAt: number
  readonly holdsUntil: number | null
}

interface Failed {
  readonly at: number
  readonly reason: string
}

function viewOf(about: About, passed: Passed | undefined, failed: Failed | undefined): ProofView {
  const { repository, name, client } = about
  const since = passed?.measuredAt ?? failed?.at ?? repository.createdAt
  const life = passed?.holdsUntil ? Math.max(passed.holdsUntil - passed.measuredAt, 1) : usualLife
  return {
    id: name,
    kind: proofKinds[name],
    subject: { type: 'repository', id: repository.id, name: repository.name, client },
    // It is late when it holds no longer.
    every: life / limits.proofLate,
    activeSince: since,
    lastPassed: passed?.measuredAt ?? null,
    ...(failed && failed.at > (passed?.measuredAt ?? 0) && { failed }),
  }
}

/** Repositories in use that have something to prove. */
async function provable(db: Kysely<Tables>): Promise<readonly Row<'repositories'>[]> {
  return await db
    .selectFrom('repositories')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .selectAll('repositories')
    .where('repositoryCare.deletedAt', 'is', null)
    .where((where) => hasSnapshots(where))
    .execute()
}

async function passedProofs(db: Kysely<Tables>): Promise<ReadonlyMap<string, Passed>> {
  const rows = await db
    .selectFrom('evidence')
    // The operation that measured it gives the id, and says which proof it was; one that found damage has left evidence, too.
    .innerJoin('operations', 'operations.id', 'evidence.id')
    .select(['repositoryId', 'operations.kind'])
    .select(({ fn }) => [fn.max('measuredAt').as('measuredAt'), fn.max('holdsUntil').as('holdsUntil')])
    .where('operations.kind', 'in', proofNames)
    .where('operations.state', '=', 'done')
    .where('repositoryId', 'is not', null)
    .groupBy(['repositoryId', 'operations.kind'])
    .execute()
  return new Map(rows.map(({ repositoryId, kind, ...passed }) => [`${repositoryId} ${kind}`, passed]))
}

const orderSchema = z.object({ repositoryId: z.string().optional().catch(undefined) })

/** The newest failure of each. */
async function failedProofs(db: Kysely<Tables>, now: number): Promise<ReadonlyMap<string, Failed>> {
  const rows = await db
    .selectFrom('operations')
    .select(['kind', 'order', 'endedAt', 'reason'])
    .where('kind', 'in', proofNames)
    .where('endedAt', '>', now - failuresSince)
    .where('state', '=', 'failed')
    .orderBy('endedAt')
    .execute()
  return new Map(
    rows.flatMap(({ kind, order, endedAt, reason }) => {
      const { repositoryId } = orderSchema.parse(JSON.parse(order))
      const failed = { at: endedAt ?? 0, reason: reason ?? 'no reason was given' }
      return repositoryId === undefined ? [] : [[`${repositoryId} ${kind}`, failed] as const]
    }),
  )
}
