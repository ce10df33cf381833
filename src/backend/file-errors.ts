import { hasCode, messageOf } from '#base'
import type { FileRef } from './backend.ts'
import { BackendError } from './errors.ts'
import { fileDetails } from './layout.ts'

/** System codes of file calls, sorted by what a person or a retry can do about them. */

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const refused = new Set(['EACCES', 'EPERM', 'EROFS'])
/** Nothing changes by asking again. All others (EIO, ESTALE, EBUSY, EMFILE …) may pass. */
const lasting = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'ENOSYS',
  'ENOTSUP',
  'ENXIO',
])

export interface FileErrorContext {
  readonly location: string
  /** The file that was read: `ENOENT` then means that it is absent. */
  readonly reading?: FileRef | undefined
}

/** The `BackendError` for what a file call threw. Errors that are ours already pass unchanged. */
export function fileError(thrown: unknown, { location, reading }: FileErrorContext): Error {
  if (!(thrown instanceof Error) || !('code' in thrown) || thrown instanceof BackendError) return thrown as Error
  if (!('syscall' in thrown) && !/^E[A-Z0-9]+$/.test(String(thrown.code))) return thrown
  const code = String(thrown.code)
  const reason = messageOf(thrown)
  if (full.has(code)) return new BackendError('STORAGE_FULL', { location, cause: thrown })
  if (refused.has(code)) return new BackendError('ACCESS_DENIED', { location, reason, cause: thrown })
  if (reading && hasCode(thrown, 'ENOENT')) {
    return new BackendError('FILE_NOT_FOUND', { ...fileDetails(reading, location), cause: thrown })
  }
  return new BackendError('STORAGE_FAILED', { location, reason, transient: !lasting.has(code), cause: thrown })
}
