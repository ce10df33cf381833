import { createHash } from 'node:crypto'
import { restoreFiguresSchema } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { keepEvidence } from './evidence.ts'

const day = 86_400_000

/** How long a restore that was measured holds: machines, lines and data change. */
export const restoreHolds = { sample: 90 * day, part: 90 * day, whole: 180 * day } as const
const lineHolds = 90 * day

const lineSchema = z.object({ bytesPerSecond: z.number().positive() })
const ordered = z.object({ repositoryId: z.string().optional() })

/**
 * Makes evidence of an operation that a machine has ended: a restore that was whole as far as it went says how fast this way
 * is. One with losses proves nothing good, and stands in the history as what it was.
 */
export async function recordProof(services: Services, operation: Row<'operations'>): Promise<void> {
  const { id, clientId, machineId, kind, state, result, order, onceKey } = operation
  const isRestore = kind === 'restore' || kind === 'test-restore' || kind === 'trial'
  if (!isRestore || state !== 'done' || result === null || clientId === null || machineId === null) return
  if (onceKey?.startsWith(machineId)) return // the machine entered it by itself: nobody ordered it
  const told: unknown = JSON.parse(result)
  const [figures, wanted] = [restoreFiguresSchema.safeParse(told), ordered.safeParse(JSON.parse(order))]
  const repositoryId = wanted.data?.repositoryId ?? (await ownRepository(services, machineId))
  if (!figures.success || repositoryId === undefined) return
  const about = { clientId, machineId, repositoryId, measuredBy: `machine:${machineId}` }
  const { scope, snapshotId, files, bytes, seconds } = figures.data
  // What was right already was not brought: nothing of it was measured.
  if (bytes > 0 && seconds > 0) {
    const measured = { copy: repositoryId, machine: machineId, scope, snapshotId, files, bytes, seconds }
    await keepEvidence(services, { ...about, id, kind: 'restore', holdsFor: restoreHolds[scope], measured })
  }
  const line = lineSchema.safeParse((told as { readonly line?: unknown }).line)
  if (!line.success) return
  const measured = { copy: repositoryId, machine: machineId, ...line.data }
  await keepEvidence(services, { ...about, id: secondId(id), kind: 'line', holdsFor: lineHolds, measured })
}

async function ownRepository({ store }: Services, machineId: string): Promise<string | undefined> {
  const query = store.db.selectFrom('repositories').select('id').where('machineId', '=', machineId)
  return (await query.executeTakeFirst())?.id
}

/** One operation, two things measured: the id of the second follows from the first, so that it too is kept once. */
function secondId(id: string): string {
  const hex = createHash('sha256').update(`line ${id}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  )
}
