import { chmod, mkdir, stat } from 'node:fs/promises'

/**
 * Makes the server's own folder, or closes one that others may look into: keys, certificate and database lie there. Answers
 * whether it had to be closed.
 */
export async function closeOwnFolder(folder: string): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (process.platform === 'win32') return false
  const { mode } = await stat(folder)
  if ((mode & 0o077) === 0) return false
  await chmod(folder, 0o700)
  return true
}
