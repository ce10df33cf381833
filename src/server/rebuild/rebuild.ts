import type { Services } from '../app/services.ts'
import { formatMoment } from '../time.ts'
import { becauseOf } from './bring-back.ts'
import type { About } from './bring-back.ts'
import { learn } from './learn.ts'
import { serverActor, takeIn } from './take-in.ts'

/** What was made of a lost server, a sentence each: what is there again, and what is missing. */
export type RebuildReport = readonly string[]

/** After the control data was brought back: each ledger learns what has arrived since, and what is missing is said. */
export async function settle(services: Services, about: About): Promise<RebuildReport> {
  const { store, audit } = services
  const { db } = store
  const made = formatMoment(about.madeAt)
  const because = becauseOf(about)
  await audit.write({ actor: serverActor, what: 'server.rebuild', details: { madeAt: made } })
  const report = [
    `The server is back as it was at ${made}.`,
    'What was revoked or changed after that is as it was before: look at people, tokens, machines and policies.',
    'Enrolment lines and invitations hold no longer, and what waited for a yes is withdrawn. Machines that were enrolled after that are to be enrolled anew.',
  ]
  for (const repository of await db.selectFrom('repositories').selectAll().orderBy('name').execute()) {
    report.push(...(await settleRepository(services, repository, because)))
  }
  report.push('Retention removes nothing from any repository until somebody lifts the hold.')
  return report
}

async function settleRepository(
  services: Services,
  repository: Parameters<typeof takeIn>[1],
  because: string,
): Promise<string[]> {
  const { id, name } = repository
  const config = await services.storage.size(id, { type: 'config', name: '' }).catch(() => undefined)
  if (config === undefined) return [await sayAbsent(services, repository)]
  const { learned, missing, returned } = await takeIn(services, repository, { because })
  const say = (words: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : [`"${name}": ${words}: ${ids.map((each) => each.slice(0, 8)).join(', ')}.`]
  return [
    ...say('snapshots in its storage that the ledger did not know, taken in as learned', learned),
    ...say('snapshots that should be in its storage and are not', missing),
    ...say('snapshots that had been removed and are there again', returned),
  ]
}

async function sayAbsent(
  { store }: Services,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<string> {
  const copies = await store.db
    .selectFrom('copies')
    .innerJoin('destinations', 'destinations.id', 'copies.destinationId')
    .select('destinations.name')
    .where('copies.repositoryId', '=', id)
    .where('copies.completeAt', 'is not', null)
    .execute()
  const places = [...new Set(copies.map((copy) => `"${copy.name}"`))]
  const where = places.length === 0 ? 'No copy of it is known.' : `There is a copy of it at ${places.join(', ')}.`
  return `"${name}": its repository ${id} is not in the storage. ${where}`
}

/** Without its own backup: from the repositories alone. */
export async function startAnew(services: Services, location: string): Promise<RebuildReport> {
  const { repositories, problems } = await learn(services, location)
  const details = { repositories: repositories.length, problems }
  await services.audit.write({ actor: serverActor, what: 'server.learn', details })
  return [
    `${repositories.length} repositories were found, with ${repositories.reduce((sum, { snapshots }) => sum + snapshots, 0)} snapshots.`,
    ...repositories.map(({ id, snapshots }) => `${id}: ${snapshots} snapshots.`),
    ...problems,
    'Missing: people, clients, policies, destinations, the audit log, which machine each repository is of, and every password.',
    'Type the password of each repository from its recovery kit (POST /api/repositories/ID/password): then the server knows its machine.',
    'Machines are to be enrolled anew. Retention removes nothing from any repository until somebody lifts the hold.',
  ]
}
