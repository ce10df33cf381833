import type { evidenceRecordSchema } from '#protocol'
import type { Kysely, Transaction } from 'kysely'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row, Tables } from '../store/tables.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

export interface NewEvidence {
  /** The same thing measured is told once: the operation that measured it gives the id. */
  readonly id: string
  readonly clientId: string
  readonly machineId: string | null
  readonly repositoryId: string | null
  readonly kind: 'restore' | 'check' | 'line'
  /** 'machine:…', or 'server'. */
  readonly measuredBy: string
  /** How long it holds, in milliseconds from now. */
  readonly holdsFor: number
  /** Plain JSON. */
  readonly measured: object
}

/** Keeps what was measured. Told twice it is kept once. */
export async function keepEvidence(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  { measured, holdsFor, ...about }: NewEvidence,
  within: Kysely<Tables> | Transaction<Tables> = store.db,
): Promise<void> {
  const now = clock.now()
  await within
    .insertInto('evidence')
    .values({ ...about, measuredAt: now, holdsUntil: now + holdsFor, measured: JSON.stringify(measured) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export function showEvidence(row: Row<'evidence'>): z.input<typeof evidenceRecordSchema> {
  const { measuredAt, holdsUntil, measured, ...same } = row
  return {
    ...same,
    measuredAt: formatMoment(measuredAt),
    holdsUntil: formatMomentOrNull(holdsUntil),
    measured: JSON.parse(measured) as Record<string, unknown>,
  }
}
