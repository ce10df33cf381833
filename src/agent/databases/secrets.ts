import { chmod, chown, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { messageOf } from '#base'

import type { ProgramUser } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'

/** A folder that only one user can look into, for what programs have to be told in files. Disposing removes it. */
export interface PrivateFolder extends AsyncDisposable {
  readonly path: string
  /** Writes a file that only the folder's user can read; returns its path. */
  write(name: string, content: string): Promise<string>
}

/** Makes the folder, for the user that a program will run as. */
export async function makePrivateFolder(user?: ProgramUser, on: string = tmpdir()): Promise<PrivateFolder> {
  const path = await mkdtemp(join(on, 'understudy-'))
  const give = async (what: string) => {
    if (user && user.uid !== process.getuid?.()) await chown(what, user.uid, user.gid)
  }
  const remove = async () => await rm(path, { recursive: true, force: true })
  try {
    await chmod(path, 0o700)
    await give(path)
  } catch (thrown) {
    await remove()
    throw thrown
  }
  return {
    path,
    async write(name, content) {
      const file = join(path, name)
      await writeFile(file, content, { mode: 0o600, flag: 'wx' })
      await give(file)
      return file
    },
    [Symbol.asyncDispose]: remove,
  }
}

/** A password is no book. */
const longest = 4096

/** The password in a file. Throws DATABASE_SECRET_UNREADABLE when others could read it too. */
export async function readPassword(file: string): Promise<string> {
  const refuse = (reason: string) => new DatabaseError('DATABASE_SECRET_UNREADABLE', { file, reason })
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const { mode, uid } = await handle.stat()
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse('it is no regular file')
    if ((mode & 0o077) !== 0) throw refuse('others may read it')
    if (uid !== 0 && uid !== process.getuid?.()) throw refuse('it belongs to somebody else')
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(longest + 1), 0, longest + 1, 0)
    const password = buffer.toString('utf8', 0, bytesRead).replace(/\r?\n$/, '')
    if (bytesRead > longest) throw refuse('it is too long')
    if (password === '' || /[\0\r\n]/.test(password)) throw refuse('it does not hold one line of text')
    return password
  } catch (thrown) {
    if (thrown instanceof DatabaseError) throw thrown
    throw refuse(messageOf(thrown))
  }
}
