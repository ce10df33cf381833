import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf, throwIfBug, toPlainError } from '#base'
import { restoreOrderSchema } from '#protocol'
import type { Outcome, RestoreOrder } from '#protocol'
import { readAllowedFolders } from '../restore/allowed-folders.ts'
import { decideRestore } from '../restore/decide.ts'
import type { RestoreDecision } from '../restore/decide.ts'
import { refuseLinks, restoreFolder, safeFolder, safeRootOf } from '../restore/places.ts'
import { outcomeOf, runRestores } from '../restore/run-restore.ts'
import type { RestoreRun } from '../restore/run-restore.ts'
import { digestOf, hasYes, mostDaysWaiting } from '../restore/waiting.ts'
import type { AgentFolder } from '../state.ts'
import { agentJob } from './job.ts'
import type { AgentWork, SetAside } from './job.ts'
import { withRepository } from './other-repository.ts'

const day = 86_400_000

/**
 * A restore: to a new folder, or in place where the machine itself allows it. What it does not allow waits until somebody
 * on the machine says yes. Interrupted, it goes on where it stopped.
 */
export const restoreJob = agentJob({
  kind: 'restore',
  order: restoreOrderSchema,
  async run(order, work) {
    return await told(work, async () => await restore(order, work))
  },
})

async function restore(order: RestoreOrder, work: AgentWork): Promise<Outcome | SetAside> {
  const { folder, operationId = '' } = work
  const agreed = await hasYes(folder, operationId, order)
  const isOwn = isOfOwnRepository(order, work) && (await work.isOwn(order.snapshotId))
  const decision = decideRestore(order, { isOwn, allowed: await readAllowedFolders(folder), hasYes: agreed })
  if (decision.do === 'wait') return await waitForYes(order, decision.because, work)
  return await withRepository(order.repositoryId, work, async (repository) => {
    if (repository === undefined) return await waitForYes(order, 'the password of the repository is typed here', work)
    const runs = await runsOf(order, decision, work)
    const restored = await runRestores(runs, { ...work, repository })
    const [first] = runs
    const place = decision.do === 'new folder' ? { folder: first?.target } : { inPlace: order.paths }
    const isWhole = order.paths.length === 0 && restored.outcome === 'whole'
    const { snapshotId } = order
    const outcome = outcomeOf(restored, { snapshotId, scope: isWhole ? 'whole' : 'part', ...place })
    // An agent that is told to end goes on with it at its next start, by the same yes.
    if (!work.signal.aborted) await forget(work)
    return outcome
  })
}

function isOfOwnRepository({ repositoryId }: RestoreOrder, { repository }: AgentWork): boolean {
  return repositoryId === undefined || repositoryId === repository.repositoryId
}

async function runsOf(
  { snapshotId, paths }: RestoreOrder,
  decision: Exclude<RestoreDecision, { readonly do: 'wait' }>,
  { folder, operationId = '' }: AgentWork,
): Promise<RestoreRun[]> {
  const how = { snapshotId, verify: false }
  if (decision.do === 'new folder') {
    const target = await restoreFolder(decision.below ?? (await ownPlace(folder)), operationId, {
      // Whoever can exchange the agent's own folder has the agent already.
      isOurs: decision.below === undefined,
    })
    return [{ ...how, from: '/', target, paths, foreign: decision.foreign }]
  }
  const byRoot = new Map<string, string[]>()
  for (const { path, root: allowed } of decision.places) {
    await refuseLinks(path)
    const root = (allowed === undefined ? undefined : await safeIfThere(allowed)) ?? (await safeRootOf(path))
    byRoot.set(root, [...(byRoot.get(root) ?? []), path])
  }
  return [...byRoot].map(([root, inside]) => {
    const relative = inside.map((path) => (root === '/' ? path : path.slice(root.length)))
    return { ...how, from: root, target: root, paths: inside.includes(root) ? [] : relative, foreign: false }
  })
}

/** Where the machine keeps the folders of restores for which nobody named another place. */
async function ownPlace({ path }: AgentFolder): Promise<string> {
  const place = join(await realpath(path), 'restores')
  await mkdir(place, { recursive: true, mode: 0o700 })
  return place
}

async function safeIfThere(folder: string): Promise<string | undefined> {
  return await safeFolder(folder).catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return undefined // it is made anew, below what is there
    throw thrown
  })
}

async function waitForYes(order: RestoreOrder, because: string, work: AgentWork): Promise<Outcome | SetAside> {
  const { folder, operationId = '', now } = work
  const waiting = await folder.readWaiting()
  const known = waiting.find((one) => one.operationId === operationId)
  if (known && digestOf(known.order) !== digestOf(order)) {
    // What somebody here has seen under this id must stay what it was.
    await forget(work)
    return {
      state: 'failed',
      reason: 'The order was changed while it waited for a yes.',
      code: 'RESTORE_ORDER_CHANGED',
    }
  }
  if (known && now > known.since + mostDaysWaiting * day) {
    await forget(work)
    const reason = `Nobody on the machine said yes within ${mostDaysWaiting} days: ${because}.`
    return { state: 'failed', reason, code: 'RESTORE_NOT_ALLOWED' }
  }
  const needsPassword = order.repositoryId !== undefined && (await needsTypedPassword(order, work))
  const entry = { operationId, order, because, needsPassword, since: known?.since ?? now }
  const others = waiting.filter(
    (one) => one.operationId !== operationId && now <= one.since + 2 * mostDaysWaiting * day,
  )
  await folder.writeWaiting([...others, entry])
  // A yes that does not fit what is asked now is none.
  await folder.removeYes(operationId)
  return {
    state: 'set aside',
    step: `waiting for a yes on the machine (understudy agent approve): ${because}`.slice(0, 200),
  }
}

async function needsTypedPassword({ repositoryId }: RestoreOrder, work: AgentWork): Promise<boolean> {
  if (repositoryId === undefined || repositoryId === work.repository.repositoryId) return false
  return (await work.readAccess()).password === null
}

/** What is over waits no more, and its yes is for nothing else. */
async function forget({ folder, operationId = '' }: AgentWork): Promise<void> {
  const waiting = await folder.readWaiting()
  const others = waiting.filter((one) => one.operationId !== operationId)
  if (others.length < waiting.length) await folder.writeWaiting(others)
  await folder.removeYes(operationId)
}

/** Whatever goes wrong is told to those who ordered it: it does not end the agent. */
export async function told<Ended>(
  { signal }: Pick<AgentWork, 'signal'>,
  work: () => Promise<Ended>,
): Promise<Ended | Outcome> {
  try {
    return await work()
  } catch (thrown) {
    if (signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
    if (hasCode(thrown, 'SERVER_UNREACHABLE')) throw thrown // it is ordered again when the server is back
    throwIfBug(thrown)
    const { code = 'UNEXPECTED' } = toPlainError(thrown)
    return { state: 'failed', reason: messageOf(thrown).slice(0, 2_000), code }
  }
}
