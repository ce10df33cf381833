import { messageOf } from '#base'

import { NeighbourError } from './errors.ts'

/** What rclone says, in our words. Its texts come from Go's libraries and from the machine, so they are looked at for what they hold. */

/** Why one entry could not be read. `status` is the one of its HTTP answer. */
export function entryFailure(path: Buffer | string, status: number, reason: string): NeighbourError {
  const text = String(path)
  if (isMissing(status, reason)) {
    // U+FFFD stands for bytes that are no UTF-8: rclone cannot find again what it has listed so.
    return text.includes('\ufffd')
      ? new NeighbourError('DEVICE_NAME_UNUSABLE', { path, reason: 'it is not UTF-8' })
      : new NeighbourError('DEVICE_ENTRY_MISSING', { path })
  }
  if (isRefused(reason)) return new NeighbourError('DEVICE_ENTRY_REFUSED', { path })
  return new NeighbourError('DEVICE_ENTRY_FAILED', { path, reason })
}

export interface Whom {
  readonly device: string
  readonly user: string
}

const signs: readonly (readonly [RegExp, 'DEVICE_NOT_TRUSTED' | 'DEVICE_LOGIN_REFUSED' | 'DEVICE_UNREACHABLE'])[] = [
  [/knownhosts|host key|x509|certificate|tls: /i, 'DEVICE_NOT_TRUSTED'],
  [
    /unable to authenticate|login incorrect|\b530\b|logon is invalid|logon failure|account (is )?(locked|disabled)/i,
    'DEVICE_LOGIN_REFUSED',
  ],
  [
    /dial |refused|no route|unreachable|timed? ?out|timeout|deadline|no such host|reset by peer|broken pipe|\bEOF\b|^NewFs:/i,
    'DEVICE_UNREACHABLE',
  ],
]

/** Why the machine itself could not be asked; undefined when the words are about an entry. */
export function deviceFailure(thrown: unknown, { device, user }: Whom): NeighbourError | undefined {
  const reason = messageOf(thrown)
  const code = signs.find(([sign]) => sign.test(reason))?.[1]
  return code && new NeighbourError(code, { device, user, reason, cause: thrown })
}

/** Whether the words can only be about one entry, and not about the machine. */
export function isEntryReason(status: number, reason: string): boolean {
  return isMissing(status, reason) || isRefused(reason)
}

function isMissing(status: number, reason: string): boolean {
  return status === 404 || /not found|no such file|does not exist/i.test(reason)
}

function isRefused(reason: string): boolean {
  return /permission denied|access is denied|access denied|\b550\b|not permitted/i.test(reason)
}
