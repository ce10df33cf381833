import type { FileRef } from './backend.ts'
import { BackendError } from './errors.ts'
import { fileDetails } from './layout.ts'
import { hasStatus, SftpStatus, type SftpClient } from './sftp-client.ts'
import { statuses } from './sftp-packets.ts'

/** What servers answer that could not do what was asked, in words, and whether asking again may help. */

export interface SftpErrorContext {
  readonly location: string
  /** The file that was read: "no such file" then means that it is absent. */
  readonly reading?: FileRef | undefined
  /** What was written, and where: the reason may be the file system, which SFTP has no words for. */
  readonly writing?: { readonly client: SftpClient; readonly folder: string; readonly bytes: number } | undefined
}

/** Nothing changes by asking again. */
const lasting = ['noSuchFile', 'permissionDenied', 'badMessage', 'unsupported', 'writeProtect'] as const

const words: Readonly<Record<number, string>> = {
  [statuses.noSuchFile]: 'there is no such file or folder',
  [statuses.permissionDenied]: 'permission denied',
  [statuses.failure]: 'the server gave no reason',
  [statuses.badMessage]: 'the server takes the name for impossible',
  [statuses.unsupported]: 'the server cannot do that',
  [statuses.writeProtect]: 'the file system is read-only',
}

/** The `BackendError` for what a call threw. A broken connection and errors that are ours pass unchanged. */
export async function sftpError(thrown: unknown, context: SftpErrorContext): Promise<unknown> {
  if (!(thrown instanceof SftpStatus)) return thrown
  const { location, reading, writing } = context
  if (reading && hasStatus(thrown, 'noSuchFile')) {
    return new BackendError('FILE_NOT_FOUND', { ...fileDetails(reading, location), cause: thrown })
  }
  if (hasStatus(thrown, 'permissionDenied', 'writeProtect')) {
    return new BackendError('ACCESS_DENIED', { location, reason: reasonOf(thrown), cause: thrown })
  }
  if (isFull(thrown)) return new BackendError('STORAGE_FULL', { location, cause: thrown })
  if (writing && hasStatus(thrown, 'failure')) return explainFailedWrite(thrown, { location, ...writing })
  return new BackendError('STORAGE_FAILED', {
    location,
    reason: reasonOf(thrown),
    transient: !hasStatus(thrown, ...lasting),
    cause: thrown,
  })
}

function isFull(thrown: SftpStatus): boolean {
  return hasStatus(thrown, 'noSpace', 'quotaExceeded') || /no space|quota/i.test(thrown.message)
}

/** OpenSSH says "Failure" for a full disk, a quota and a read-only file system alike; the file system knows more. */
async function explainFailedWrite(
  thrown: SftpStatus,
  { location, client, folder, bytes }: { readonly location: string } & NonNullable<SftpErrorContext['writing']>,
): Promise<BackendError> {
  const state = await client.fileSystemState(folder).catch(() => undefined)
  if (state?.isReadOnly) {
    return new BackendError('ACCESS_DENIED', { location, reason: 'the file system is read-only', cause: thrown })
  }
  if (state && (state.freeBytes < bytes || (state.files > 0 && state.freeFiles === 0))) {
    return new BackendError('STORAGE_FULL', { location, cause: thrown })
  }
  const guess = state ? 'it cannot write although the disk has room; is a quota used up?' : 'it cannot write'
  const reason = `${guess} (${reasonOf(thrown)})`
  return new BackendError('STORAGE_FAILED', { location, reason, transient: true, cause: thrown })
}

function reasonOf({ status, message }: SftpStatus): string {
  const usual = words[status] ?? `SFTP status ${status}`
  return message === '' || /^(?:failure|permission denied|no such file)$/i.test(message) ? usual : message
}
