import { createHash, randomUUID } from 'node:crypto'
import type { Outcome } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { noteEvents } from '../events/note-events.ts'
import type { LedgerFindings, LedgerSnapshot } from '../records/ledger.ts'
import { shouldBeThere } from '../records/ledger.ts'
import type { Row } from '../store/tables.ts'
import { serverJob } from '../work/job.ts'
import { careOf, measureRepository, noteCare } from './care.ts'
import { disagreementsOf, ledgerEvidenceKind } from './ledger-evidence.ts'
import type { Disagreement, ledgerEvidenceSchema } from './ledger-evidence.ts'
import { loadSubject, inWords } from './subject.ts'

const day = 86_400_000
/** Ids that the evidence names at most, of each kind. */
const mostNamed = 50

/** Holds what a repository's storage lists against the ledger, and takes its figures. It opens nothing: no password is needed. */
export const ledgerCheckJob = serverJob({
  kind: 'ledger-check',
  order: z.object({ repository: z.string() }),
  run: async ({ repository }, { services }) => await checkLedger(services, repository),
})

async function checkLedger(services: Services, repositoryId: string): Promise<Outcome> {
  const { ledger } = services
  const { repository } = await loadSubject(services, repositoryId)
  const { found, listed } = await lookTwice(services, repositoryId)
  const known = await ledger.snapshots(repositoryId)
  const configChanged = await hasOtherConfig(services, repositoryId)
  const brokenAt = (await ledger.verify(repositoryId)).fault?.seq ?? null
  const findings = await dated(services, repositoryId, asDisagreements({ found, known, listed, configChanged }))
  const agrees = findings.length === 0 && brokenAt === null
  const result = { agrees, snapshots: listed.size, brokenAt, configChanged, findings }
  await writeEvidence(services, repository, result)
  await measureRepository(services, repositoryId)
  if (agrees) return { state: 'done', reason: 'Ledger and storage agree.', result }
  return {
    state: 'warnings',
    code: brokenAt === null ? 'LEDGER_DISAGREES' : 'LEDGER_BROKEN',
    reason: sentenceOf(found, { brokenAt, configChanged }),
    result,
  }
}

interface Looked {
  readonly found: LedgerFindings
  readonly listed: ReadonlySet<string>
}

/** What differs at one look may be an upload under way: only what differs at a second, too, is a finding. */
async function lookTwice(services: Services, repositoryId: string): Promise<Looked> {
  const first = await lookOnce(services, repositoryId)
  if (agree(first.found)) return first
  const { found, listed } = await lookOnce(services, repositoryId)
  const both = (kind: keyof LedgerFindings) => {
    const before = new Set(first.found[kind])
    return found[kind].filter((id) => before.has(id))
  }
  return { listed, found: { missing: both('missing'), returned: both('returned'), unknown: both('unknown') } }
}

async function lookOnce({ ledger, storage }: Services, repositoryId: string): Promise<Looked> {
  const listed = new Set<string>()
  for await (const { name } of storage.list(repositoryId, 'snapshot')) listed.add(name)
  return { listed, found: await ledger.compare(repositoryId, listed) }
}

function agree({ missing, returned, unknown }: LedgerFindings): boolean {
  return missing.length + returned.length + unknown.length === 0
}

interface Compared {
  readonly found: LedgerFindings
  readonly known: ReadonlyMap<string, LedgerSnapshot>
  readonly listed: ReadonlySet<string>
  readonly configChanged: boolean
}

type Undated = Omit<Disagreement, 'foundAt'>

/**
 * A storage that was set back to an earlier day lacks just the newest, or has again what was removed, or has an older config.
 */
function asDisagreements({ found, known, listed, configChanged }: Compared): Undated[] {
  const { missing, returned, unknown } = found
  const isRolledBack = lacksTheNewest({ missing, known, listed }) || returned.length > 0 || configChanged
  const rolledBack = isRolledBack ? [...missing, ...returned] : []
  return [
    ...disagreement('missing', isRolledBack ? [] : missing),
    ...(isRolledBack ? [{ kind: 'rolled_back' as const, ...countOf(rolledBack) }] : []),
    ...disagreement('invented', unknown),
  ]
}

function disagreement(kind: Undated['kind'], ids: readonly string[]): Undated[] {
  return ids.length === 0 ? [] : [{ kind, ...countOf(ids) }]
}

function countOf(ids: readonly string[]) {
  return { count: ids.length, ids: ids.slice(0, mostNamed) }
}

function lacksTheNewest({
  missing,
  known,
  listed,
}: Pick<Compared, 'known' | 'listed'> & { missing: readonly string[] }) {
  const there = [...known.values()].filter((each) => shouldBeThere(each) && listed.has(each.id))
  if (missing.length === 0 || there.length === 0) return false
  const newest = Math.max(...there.map(({ receivedAt }) => receivedAt))
  return missing.every((id) => (known.get(id)?.receivedAt ?? 0) > newest)
}

/** True when the config is another than at the first look. A repository's config does not change. */
async function hasOtherConfig({ store, storage }: Services, repositoryId: string): Promise<boolean> {
  await using opened = await storage.open(repositoryId, { type: 'config', name: '' })
  if (!opened) return false
  const hash = createHash('sha256')
  for await (const piece of opened.pieces({ offset: 0, length: opened.size })) hash.update(piece)
  const seen = hash.digest('hex')
  const { configHash: before = null } = (await careOf(store.db, repositoryId)) ?? {}
  if (before === null) await noteCare(store.db, repositoryId, { configHash: seen })
  return before !== null && before !== seen
}

/** What was found before has been so since then. */
async function dated(
  { store, clock }: Services,
  repositoryId: string,
  found: readonly Undated[],
): Promise<Disagreement[]> {
  const before = (await disagreementsOf(store.db, [repositoryId])).get(repositoryId) ?? []
  return found.map((each) => ({
    ...each,
    foundAt: before.find(({ kind }) => kind === each.kind)?.foundAt ?? clock.now(),
  }))
}

async function writeEvidence(
  { store, clock }: Services,
  { id: repositoryId, clientId, machineId }: Row<'repositories'>,
  measured: z.input<typeof ledgerEvidenceSchema>,
): Promise<void> {
  const measuredAt = clock.now()
  await store.db
    .insertInto('evidence')
    .values({
      id: randomUUID(),
      clientId,
      machineId,
      repositoryId,
      kind: ledgerEvidenceKind,
      measuredBy: 'server',
      measuredAt,
      holdsUntil: measuredAt + 2 * day,
      measured: JSON.stringify(measured),
    })
    .execute()
  await noteEvents(store.db, [{ kind: 'repository', subject: repositoryId, clientId }], clock)
}

function sentenceOf(
  found: LedgerFindings,
  { brokenAt, configChanged }: { readonly brokenAt: number | null; readonly configChanged: boolean },
): string {
  const parts = [
    ...(brokenAt === null ? [] : [`the ledger was changed from outside at its entry ${brokenAt}`]),
    ...(configChanged ? ['the config is another than before'] : []),
    inWords(found),
  ].filter((part) => part !== '')
  return `Ledger and storage disagree: ${parts.join('; ')}.`
}
