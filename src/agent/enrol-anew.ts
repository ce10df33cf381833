import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import { AgentFolder } from './state.ts'

/** What a machine is by: everything else in the agent's folder is the machine's own matter, and stays. */
const ofTheMachine =
  /^(server|repository|policies|devices|runs|pending|waiting|look|dumps|known-server)\.json$|^yes-.*\.json$|^snapshots\.jsonl$|^machine\.key$|^(repository|server)\.(secret|crt|location|password)$/

/** What goes on where the same machine has other hardware: the password of its repository, and what it has not said yet. */
const goesOn = ['repository.secret', 'pending.json']

/** Where a machine becomes known that is another one already: what it was counts until it is known anew. */
export function stagedFolder({ path }: AgentFolder): AgentFolder {
  return new AgentFolder(join(path, 'anew'))
}

/**
 * Puts what the machine was until now into a folder beside, and what is staged in its place. Cut off at any step, it can be
 * begun again with the same line. Returns where the former is; undefined: there was nothing.
 */
export async function becomeAnew(folder: AgentFolder, now: number): Promise<string | undefined> {
  const staged = stagedFolder(folder)
  const [before, after] = [await folder.findEnrolled(), await staged.readEnrolled()]
  // First of all its name: an agent that is started in between is not enrolled, and does not work as half of one.
  const names = (await readdir(folder.path)).filter((name) => ofTheMachine.test(name)).toSorted(serverFirst)
  const aside = join(folder.path, `before-${now}`)
  if (names.length > 0) await mkdir(aside, { recursive: true, mode: 0o700 })
  for (const name of names) await rename(join(folder.path, name), join(aside, name))
  if (before?.machineId === after.machineId) {
    for (const name of goesOn) await copyIfThere(join(aside, name), join(folder.path, name))
  }
  const key = await readFile(join(staged.path, 'machine.key'))
  await writeFile(join(folder.path, 'machine.key'), key, { mode: 0o600, flush: true })
  await folder.writeEnrolled(after)
  await rm(staged.path, { recursive: true })
  return names.length > 0 ? aside : undefined
}

function serverFirst(a: string, b: string): number {
  return Number(b === 'server.json') - Number(a === 'server.json')
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((thrown: unknown) => {
    if (!hasCode(thrown, 'ENOENT')) throw thrown
  })
}
