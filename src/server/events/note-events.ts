import type { Kysely } from 'kysely'
import type { Clock } from '#base'
import type { EventKind } from '#protocol'
import type { Tables } from '../store/tables.ts'

/** Something that has changed, for those who watch: they ask for it anew. */
export interface Change {
  readonly kind: EventKind
  /** The id of what has changed; of an alert its key. */
  readonly subject: string
  /** Null: it belongs to the server itself. */
  readonly clientId: string | null
}

/** Bound by how many parameters a statement may have. */
const atOnce = 500

/** Tells whoever watches, together with the change itself when that is made in the same transaction. */
export async function noteEvents(db: Kysely<Tables>, changes: readonly Change[], clock: Clock): Promise<void> {
  const at = clock.now()
  for (let from = 0; from < changes.length; from += atOnce) {
    const rows = changes.slice(from, from + atOnce).map((change) => ({ at, ...change }))
    await db.insertInto('events').values(rows).execute()
  }
}
