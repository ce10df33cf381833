import type { OwnEvidence } from '#protocol'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'

/** What machines have measured about themselves: dumps of their databases, and that these could be loaded again. */

const kinds = ['dump', 'dump-load'] as const

/** Keeps evidence; what is known by its id is kept once. A machine's clock is not believed into the future. */
export async function takeEvidence(
  { store, clock }: Services,
  { machineId, clientId }: { readonly machineId: string; readonly clientId: string },
  evidence: readonly OwnEvidence[],
): Promise<void> {
  const own = await store.db
    .selectFrom('repositories')
    .select('id')
    .where('machineId', '=', machineId)
    .executeTakeFirst()
  const rows = evidence.map(({ id, kind, measuredAt, subject, measured }) => ({
    id,
    clientId,
    machineId,
    repositoryId: own?.id ?? null,
    kind,
    measuredBy: `machine:${machineId}`,
    measuredAt: Math.min(Date.parse(measuredAt), clock.now()),
    holdsUntil: null,
    measured: JSON.stringify({ ...measured, subject: measured['subject'] ?? subject, path: subject }),
  }))
  await store.db
    .insertInto('evidence')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export interface DatabaseEvidence {
  /** Path of the dump in its snapshot. */
  readonly subject: string
  readonly dump: Measured | null
  readonly lastGood: Measured | null
  readonly load: Measured | null
}

interface Measured {
  /** Milliseconds since 1970. */
  readonly measuredAt: number
  readonly measured: Record<string, unknown>
}

/** The newest evidence of each database of a machine. */
export async function databaseEvidenceOf({ store }: Services, machineId: string): Promise<DatabaseEvidence[]> {
  const rows = await store.db
    .selectFrom('evidence')
    .selectAll()
    .where('machineId', '=', machineId)
    .where('kind', 'in', kinds)
    .orderBy('measuredAt', 'desc')
    .limit(mostLooked)
    .execute()
  const bySubject = Map.groupBy(rows.map(fromRow), ({ measured }) => String(measured['path']))
  return [...bySubject]
    .map(([subject, all]) => {
      const dumps = all.filter(({ kind }) => kind === 'dump')
      const pick = (one: (typeof all)[number] | undefined) =>
        one ? { measuredAt: one.measuredAt, measured: one.measured } : null
      return {
        subject,
        dump: pick(dumps[0]),
        lastGood: pick(dumps.find(({ measured }) => measured['outcome'] === 'good')),
        load: pick(all.find(({ kind }) => kind === 'dump-load')),
      }
    })
    .toSorted((a, b) => (a.subject < b.subject ? -1 : 1))
}

/** Pieces of evidence that are looked at, the newest first. */
const mostLooked = 20_000

function fromRow({ kind, measuredAt, measured }: Row<'evidence'>) {
  return { kind, measuredAt, measured: JSON.parse(measured) as Record<string, unknown> }
}
