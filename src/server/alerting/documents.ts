import type { Kysely } from 'kysely'
import type { Tables } from '../store/tables.ts'

/** Documents that are read and written as a whole, by whoever has read the newest revision. */

export interface Document {
  /** Undefined: it was never written. */
  readonly value: string | undefined
  /** 0 before the first writing. */
  readonly revision: number
}

export async function readDocument(db: Kysely<Tables>, name: string): Promise<Document> {
  const row = await db.selectFrom('alertDocuments').selectAll().where('name', '=', name).executeTakeFirst()
  return row ?? { value: undefined, revision: 0 }
}

/** False, and nothing is written, when somebody else has written since `revision`. */
export async function writeDocument(
  db: Kysely<Tables>,
  name: string,
  { value, revision }: { readonly value: string; readonly revision: number },
): Promise<boolean> {
  const next = { value, revision: revision + 1 }
  const written =
    revision === 0
      ? await db
          .insertInto('alertDocuments')
          .values({ name, ...next })
          .onConflict((conflict) => conflict.column('name').doNothing())
          .returning('name')
          .executeTakeFirst()
      : await db
          .updateTable('alertDocuments')
          .set(next)
          .where('name', '=', name)
          .where('revision', '=', revision)
          .returning('name')
          .executeTakeFirst()
  return written !== undefined
}
