import { repositoryFlags } from './repository-flags.ts'
import type { AgentWork } from './job.ts'

/** Names the files with the credential of a repository that is not the machine's own. */
const name = 'other-repository'

/**
 * Does something with the flags by which the program finds a repository: the machine's own, or another's, for which the
 * server lends a credential as long as the operation runs. `use` hears undefined when the password is known neither to the
 * server nor from somebody on this machine.
 */
export async function withRepository<Ended>(
  repositoryId: string | undefined,
  work: AgentWork,
  use: (flags: readonly string[] | undefined) => Promise<Ended>,
): Promise<Ended> {
  const { folder, repository, certificateFile, operationId = '' } = work
  if (repositoryId === undefined || repositoryId === repository.repositoryId) {
    return await use(await repositoryFlags(folder, repository, certificateFile))
  }
  const { password: given, ...access } = await work.readAccess()
  const password = given ?? (await folder.readYes(operationId))?.password
  if (password === undefined) return await use(undefined)
  try {
    return await use(await repositoryFlags(folder, { ...access, password }, certificateFile, { name }))
  } finally {
    for (const what of ['location', 'password']) await folder.removeSecretFile(`${name}.${what}`)
  }
}
