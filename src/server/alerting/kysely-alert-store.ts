import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '#base'
import { emptyAlertState } from '../alerts/index.ts'
import type {
  AlertChange,
  AlertState,
  AlertStore,
  Attempt,
  ClaimOptions,
  Message,
  OutboxEntry,
} from '../alerts/index.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Row, Tables } from '../store/tables.ts'
import { readDocument, writeDocument } from './documents.ts'

const stateName = 'state'

/** The alerts' memory in the control data: state, outbox and delivery log change together or not at all. */
export class KyselyAlertStore implements AlertStore {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  async load(): Promise<{ readonly state: AlertState; readonly revision: number }> {
    const { value, revision } = await readDocument(this.#db, stateName)
    return { state: parseState(value), revision }
  }

  async save(
    { state, messages = [], attempts = [] }: AlertChange,
    { revision }: { readonly revision: number },
  ): Promise<boolean> {
    return await this.#db.transaction().execute(async (transaction) => {
      const { value: before } = await readDocument(transaction, stateName)
      if (!(await writeDocument(transaction, stateName, { value: JSON.stringify(state), revision }))) return false
      await insertMessages(transaction, messages)
      for (const attempt of attempts) await noteAttempt(transaction, attempt)
      await noteEvents(transaction, changesOf(parseState(before), state), this.#clock)
      return true
    })
  }

  async claim({ now, horizon, until, limit }: ClaimOptions): Promise<readonly OutboxEntry[]> {
    const due = await this.#db
      .selectFrom('alertMessages')
      .selectAll()
      .where((where) => where.or([where('dueAt', '<=', now), where('dueAt', '>', horizon)]))
      .orderBy('dueAt')
      .orderBy('id')
      .limit(limit)
      .execute()
    const claimed: OutboxEntry[] = []
    for (const row of due) if (await this.#take(row, until)) claimed.push(entryOf(row))
    return claimed
  }

  // When it is due is what was seen: of several nodes one changes the row, and the others find another time there.
  async #take({ id, dueAt }: Row<'alertMessages'>, until: number): Promise<boolean> {
    const taken = await this.#db
      .updateTable('alertMessages')
      .set({ dueAt: until })
      .where('id', '=', id)
      .where('dueAt', '=', dueAt)
      .returning('id')
      .executeTakeFirst()
    return taken !== undefined
  }
}

function parseState(value: string | undefined): AlertState {
  return value === undefined ? emptyAlertState() : (JSON.parse(value) as AlertState)
}

function entryOf({ message, tries }: Row<'alertMessages'>): OutboxEntry {
  return { message: JSON.parse(message) as Message, tries }
}

async function insertMessages(transaction: Transaction<Tables>, messages: readonly Message[]): Promise<void> {
  if (messages.length === 0) return
  const rows = messages.map((message) => ({
    id: message.id,
    message: JSON.stringify(message),
    createdAt: message.at,
    dueAt: message.at,
    tries: 0,
  }))
  await transaction
    .insertInto('alertMessages')
    .values(rows)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

async function noteAttempt(transaction: Transaction<Tables>, attempt: Attempt): Promise<void> {
  const { message, at, delivery, next } = attempt
  const row = { messageId: message, at, delivery: JSON.stringify(delivery), nextAt: next }
  await transaction.insertInto('alertAttempts').values(row).execute()
  await transaction
    .updateTable('alertMessages')
    .set((current) => ({ dueAt: next, tries: current('tries', '+', 1) }))
    .where('id', '=', message)
    .execute()
}

/** What whoever watches has to look at again: alerts that came, went, or are taken on, muted or as bad as something else now. */
function changesOf(before: AlertState, after: AlertState) {
  const keys = new Set([...Object.keys(before.open), ...Object.keys(after.open)])
  return [...keys].flatMap((key) => {
    const [was, is] = [before, after].map(({ open }) => (Object.hasOwn(open, key) ? open[key] : undefined))
    const subject = (is ?? was)?.condition.subject
    if (faceOf(was) === faceOf(is)) return []
    return [{ kind: 'alert' as const, subject: key, clientId: subject?.client?.id ?? null }]
  })
}

function faceOf(entry: AlertState['open'][string] | undefined): string {
  if (!entry || entry.gone) return ''
  const { condition, acknowledged, muted } = entry
  return JSON.stringify([condition.severity, acknowledged, muted])
}
