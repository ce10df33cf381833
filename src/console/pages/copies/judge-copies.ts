import type { destinationSchema } from '#protocol'
import type { z } from 'zod'
import type { StatusKind } from '../../parts/status-kind.ts'

export type Destination = z.output<typeof destinationSchema>

export interface JudgedDestination {
  readonly is: StatusKind
  readonly word: 'upToDate' | 'isBehind' | 'nothingYet'
  /** As old as the oldest of its copies; null: one was never complete, or there is none. */
  readonly completeAt: string | null
}

/** A place is as good as the worst of its copies: of rotated disks, as the one that is newest of each repository. */
export function judgeDestination({ copies }: Pick<Destination, 'copies'>): JudgedDestination {
  const newest = [...Map.groupBy(copies, ({ repositoryId }) => repositoryId).values()].map(
    (ofOne) => ofOne.toSorted((a, b) => (b.completeAt ?? '').localeCompare(a.completeAt ?? ''))[0],
  )
  if (newest.length === 0) return { is: 'unknown', word: 'nothingYet', completeAt: null }
  const times = newest.map((copy) => copy?.completeAt ?? null)
  const [oldest] = times.toSorted((a, b) => (a ?? '').localeCompare(b ?? ''))
  const completeAt = oldest ?? null
  const isBehind = completeAt === null || newest.some((copy) => copy?.isBehind === true)
  return isBehind ? { is: 'look', word: 'isBehind', completeAt } : { is: 'good', word: 'upToDate', completeAt }
}

/** Whether the last attempt to destroy something there succeeded; null: nobody has tried. */
export function couldBeDestroyed({ tamperTest }: Pick<Destination, 'tamperTest'>): boolean | null {
  return tamperTest === null ? null : tamperTest.attempts.some(({ refused }) => !refused)
}
