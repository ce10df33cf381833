import { randomBytes, randomUUID } from 'node:crypto'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'
import { confirmKit, hashKitCode, kitState, makeKitCode } from './confirm.ts'
import type { Confirmation, KitState } from './confirm.ts'
import { noteOwnBackup } from '../own-backup/own-repository.ts'
import { digestOf, gatherOwnBackup, gatherReaders, gatherRepositories } from './gather.ts'
import type { KitRepository } from './kit.ts'
import { kitPage } from './page.ts'
import { kitText } from './text.ts'
import { wordsIn } from './words.ts'
import type { KitLanguage } from './words.ts'

/** The recovery kits of a client: made, confirmed, and what is known of them. */

export interface KitOrder {
  readonly language: KitLanguage
  readonly contact?: string | undefined
  /** With the server's own backup, which opens the data of all clients: for the server's own people. */
  readonly withServer: boolean
  /** Who has it made, as in the audit log. */
  readonly by: string
}

export interface MadeKit {
  /** They hold secrets, and are kept nowhere. */
  readonly page: string
  readonly text: string
  readonly madeAt: number
}

/** Makes a new kit; until its code is typed back, the client counts as having none. Throws `KIT_INVALID`, `KIT_SECRET_UNPRINTABLE`. */
export async function makeKit(
  services: Services,
  clientId: string,
  { language, contact, withServer, by }: KitOrder,
): Promise<MadeKit> {
  const { store, clock } = services
  const { db } = store
  const client = await findClient(services, clientId)
  const repositories = await gatherRepositories(services, client)
  const server = withServer ? [await gatherOwnBackup(services)] : []
  const hasPasswords = repositories.some(({ password }) => password !== undefined)
  const readers = await gatherReaders(services, clientId, { words: wordsIn(language), hasPasswords })
  const code = makeKitCode(() => randomBytes(1).readUInt8())
  const madeAt = clock.now()
  const kit = { client: client.name, made: madeAt, code, repositories: [...repositories, ...server], readers, contact }
  const written = { page: kitPage(kit, language), text: kitText(kit, language) }
  await db
    .insertInto('kits')
    .values({
      id: randomUUID(),
      clientId,
      codeHash: hashKitCode(code),
      contents: [repositories, server].flatMap((part) => (part.length > 0 ? [digestOf(services, part)] : [])).join(' '),
      madeAt,
      madeBy: by,
      confirmedAt: null,
      confirmedBy: null,
    })
    .execute()
  if (withServer) await noteOwnBackup(services, { passwordShownAt: madeAt })
  return { ...written, madeAt }
}

/** Takes the code that somebody typed back from the printed kit. */
export async function takeKitCode(
  { store, clock }: Services,
  clientId: string,
  { code, by }: { readonly code: string; readonly by: string },
): Promise<Confirmation> {
  const rows = await store.db.selectFrom('kits').selectAll().where('clientId', '=', clientId).execute()
  const confirmation = confirmKit(
    code,
    rows.map(({ codeHash: hash, madeAt: made }) => ({ hash, made })),
  )
  if (confirmation.result === 'right') {
    await store.db
      .updateTable('kits')
      .set({ confirmedAt: clock.now(), confirmedBy: by })
      .where('clientId', '=', clientId)
      .where('codeHash', '=', hashKitCode(code))
      .execute()
  }
  return confirmation
}

export interface KitOfClient extends KitState {
  readonly madeAt: number | null
  readonly confirmedAt: number | null
  /** Names of repositories whose password the server does not have. */
  readonly byHand: readonly string[]
  /** A sentence: what is lost with it. */
  readonly lost: string
}

/** What is known of the newest kit of a client. Throws `SECRET_DAMAGED`, `KIT_INVALID`. */
export async function kitOf(services: Services, clientId: string): Promise<KitOfClient> {
  const { store, clock } = services
  const now = clock.now()
  const repositories = await gatherRepositories(services, await findClient(services, clientId))
  const newest = await store.db
    .selectFrom('kits')
    .selectAll()
    .where('clientId', '=', clientId)
    .orderBy('madeAt', 'desc')
    .limit(1)
    .executeTakeFirst()
  const isSame = newest === undefined || (await saysTheSame(services, newest, repositories))
  const times = {
    made: newest?.madeAt,
    confirmed: newest?.confirmedAt ?? undefined,
    // When it changed is not known; that it is not the same now is enough.
    changedSince: isSame ? undefined : Infinity,
  }
  return {
    ...kitState(times, now),
    madeAt: newest?.madeAt ?? null,
    confirmedAt: newest?.confirmedAt ?? null,
    byHand: repositories.filter(({ password }) => password === undefined).map(({ name }) => name),
    lost: wordsIn('en').lost,
  }
}

/** Whether what stands in a kit is so still: the client's repositories and, where it has that part, the server's own backup. */
async function saysTheSame(
  services: Services,
  { contents }: Row<'kits'>,
  repositories: readonly KitRepository[],
): Promise<boolean> {
  const [ofClient, ofServer] = contents.split(' ')
  if (ofClient !== digestOf(services, repositories)) return false
  return ofServer === undefined || ofServer === digestOf(services, [await gatherOwnBackup(services)])
}

async function findClient({ store }: Services, id: string): Promise<Pick<Row<'clients'>, 'id' | 'name'>> {
  return await store.db.selectFrom('clients').select(['id', 'name']).where('id', '=', id).executeTakeFirstOrThrow()
}
