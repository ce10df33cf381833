import { missingSshd, startSshd } from '../../helpers/sshd.ts'
import type { Storage } from './index.ts'

/** OpenSSH's server on this machine. */
export async function sftpStorage(): Promise<Storage | string> {
  const absent = missingSshd()
  if (absent !== false) return absent
  const server = await startSshd()
  return {
    kind: 'sftp',
    folder: `${server.folder}/repository`,
    location: server.location('repository'),
    flags: ['-o', `sftp.args=${server.args.join(' ')}`],
    [Symbol.asyncDispose]: () => Promise.resolve(server[Symbol.asyncDispose]()),
  }
}
