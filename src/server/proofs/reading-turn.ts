import type { ProofSettings } from '#protocol'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'

/**
 * The turn through all the data of a repository: each check reads one part, the next one the next, so that within a set time
 * every byte has been read. How far it is outlives servers.
 */

export interface TurnPart {
  /** From 1. */
  readonly part: number
  readonly parts: number
}

/** More parts than this the repository does not have. */
const mostParts = 256
/** The share of the time that is kept for checks that could not be made. */
const reserve = 0.1

/** Into how many parts the data is cut, so that checks every so often read all of it in time. */
export function partsFor({ everyHours, coverWithinDays }: ProofSettings['check']): number {
  const checks = (coverWithinDays * 24) / everyHours
  return Math.min(mostParts, Math.max(1, Math.floor(checks * (1 - reserve))))
}

/** What is to be read next. Cut into another number of parts, the turn begins anew. */
export function nextPart(turn: Row<'readingTurns'> | undefined, parts: number): TurnPart {
  if (!turn || turn.parts !== parts || turn.part >= parts) return { part: 1, parts }
  return { part: turn.part + 1, parts }
}

export async function loadTurn({ store }: Services, repositoryId: string): Promise<Row<'readingTurns'> | undefined> {
  const query = store.db.selectFrom('readingTurns').selectAll().where('repositoryId', '=', repositoryId)
  return await query.executeTakeFirst()
}

/** Notes that a part was read, or with `everything` all of them, by a check that began at `begunAt`. */
export async function noteRead(
  services: Services,
  repositoryId: string,
  { part, parts, begunAt, everything }: TurnPart & { readonly begunAt: number; readonly everything: boolean },
): Promise<void> {
  const before = await loadTurn(services, repositoryId)
  const goesOn = before !== undefined && part > 1 && !everything
  const turnBegunAt = goesOn ? before.turnBegunAt : begunAt
  const isWhole = part === parts
  const turn = {
    part,
    parts,
    turnBegunAt,
    coveredSince: isWhole ? turnBegunAt : (before?.coveredSince ?? null),
    coveredAt: isWhole ? services.clock.now() : (before?.coveredAt ?? null),
  }
  await services.store.db
    .insertInto('readingTurns')
    .values({ repositoryId, ...turn })
    .onConflict((conflict) => conflict.column('repositoryId').doUpdateSet(turn))
    .execute()
}
