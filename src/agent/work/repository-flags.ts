import type { AgentFolder, OwnRepository } from '../state.ts'

/**
 * Where the program finds the repository and its password: files that only the agent's user may read. `name` is what they
 * are called, for a repository that is not the machine's own.
 */
export async function repositoryFlags(
  folder: AgentFolder,
  { url, user, secret, password }: OwnRepository,
  certificateFile: string | undefined,
  { name = 'repository' }: { readonly name?: string } = {},
): Promise<string[]> {
  const location = new URL(url)
  location.username = user
  location.password = secret
  const locationFile = await folder.writeSecretFile(`${name}.location`, `rest:${location.href}\n`)
  const passwordFile = await folder.writeSecretFile(`${name}.password`, `${password}\n`)
  const trust = certificateFile === undefined ? [] : ['--cacert', certificateFile]
  return ['--repository-file', locationFile, '--password-file', passwordFile, ...trust]
}
