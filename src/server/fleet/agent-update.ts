import type { AgentUpdate, aboutMachineSchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'

/** Whether an agent, by what it says of itself, or this server is to be updated; null: neither. */
export function updateOf(
  { agentVersion, notUnderstood = [] }: z.output<typeof aboutMachineSchema>,
  { version }: Pick<Services, 'version'>,
): AgentUpdate | null {
  if (notUnderstood.length > 0) return 'needed'
  const order = compareVersions(agentVersion, version)
  return order === 0 ? null : order < 0 ? 'due' : 'server'
}

/** Remembers why an agent was refused. That it has been heard is not said: it does no work for this server. */
export async function noteRefusedAgent(
  { store }: Services,
  machineId: string,
  refused: { readonly agentVersion: string; readonly update: AgentUpdate },
): Promise<void> {
  const query = store.db.selectFrom('machines').select('about').where('id', '=', machineId)
  const { about } = await query.executeTakeFirstOrThrow()
  const now = JSON.stringify({ ...(JSON.parse(about) as object), ...refused })
  if (now === about) return // it asks again and again
  await store.db.updateTable('machines').set({ about: now }).where('id', '=', machineId).execute()
}

/** Below 0: `one` is older. What is no version of three numbers is not compared: 0. */
function compareVersions(one: string, other: string): number {
  const [ours, theirs] = [numbersOf(one), numbersOf(other)]
  if (!ours || !theirs) return 0
  const differing = ours.findIndex((number, at) => number !== theirs[at])
  return differing < 0 ? 0 : (ours[differing] as number) - (theirs[differing] as number)
}

function numbersOf(version: string): readonly number[] | undefined {
  return /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?![0-9.])/.exec(version)?.slice(1).map(Number)
}
