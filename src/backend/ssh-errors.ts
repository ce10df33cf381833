import { BackendError } from './errors.ts'
import type { SftpAddress } from './sftp-command.ts'

/** What `ssh` says when it ends, in words that tell what to do. */

export interface SshEnd {
  readonly location: string
  readonly address: SftpAddress
  readonly program: string
  /** Undefined as long as it runs. */
  readonly code: number | null | undefined
  /** Its error output as it came, and in one printable line. */
  readonly rawWords: string
  readonly words: string
  /** What ended the conversation, when the program did not say. */
  readonly reason: string
  /** A connection stood once, and ssh could ask then. */
  readonly hadAsked: boolean
  /** What came was no SFTP from its first byte on. */
  readonly isForeign: boolean
}

/** The host cannot be reached, now. */
const unreachable: readonly (readonly [RegExp, string])[] = [
  [/Could not resolve hostname|Name or service not known/, 'the host name is not known'],
  [/Connection refused/, 'nothing answers on that port'],
  [/No route to host/, 'there is no way to that host'],
  [/Network is (?:unreachable|down)/, 'there is no way to that network'],
  [/(?:Connection|Operation) timed out|Timeout, server .* not responding/, 'no answer in time'],
]

/** The `BackendError` for a connection that could not be made, or that broke. */
export function sshError(end: SshEnd): BackendError {
  const { location, address, program, rawWords, words } = end
  const details = { location, reason: words || end.reason, ...byHand(address) }
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed|REVOKED HOST KEY/i.test(rawWords)) {
    return new BackendError('SSH_HOST_KEY_CHANGED', details)
  }
  if (/Host key verification failed|No .* host key is known/.test(rawWords)) {
    return new BackendError('SSH_HOST_KEY_UNKNOWN', details)
  }
  if (/Permission denied(?: \(|, please)|Too many authentication failures/.test(rawWords)) {
    return new BackendError('SSH_LOGIN_REFUSED', { ...details, reason: loginReason(end) })
  }
  if (/subsystem request failed/i.test(rawWords) || end.code === 127) {
    return new BackendError('SFTP_NOT_OFFERED', details)
  }
  if (end.isForeign) return new BackendError('SFTP_NOT_OFFERED', { ...details, reason: end.reason })
  if (/Bad configuration option|unknown option|illegal option|^usage: |Bad owner or permissions/m.test(rawWords)) {
    return new BackendError('SSH_NOT_USABLE', { ...details, program })
  }
  const why = unreachable.find(([pattern]) => pattern.test(rawWords))?.[1]
  if (why) return new BackendError('STORAGE_UNREACHABLE', { location, reason: why, transient: true })
  const said = words === '' ? '' : ` (${program} says: ${words})`
  return new BackendError('STORAGE_FAILED', { location, reason: `${end.reason}${said}`, transient: true })
}

/** How a person tries the same, and under which name ssh keeps the host's key. */
function byHand({ user, host, port }: SftpAddress) {
  const login = ['ssh', ...(port === undefined ? [] : ['-p', port]), user === undefined ? host : `${user}@${host}`]
  return { host, login: login.join(' '), keyName: port === undefined ? host : `[${host}]:${port}` }
}

function loginReason({ words, hadAsked }: SshEnd): string {
  const again = 'the connection broke, and ssh would have to ask for the password again'
  return hadAsked ? `${again}: ${words}` : words
}
