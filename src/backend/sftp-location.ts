import { posix } from 'node:path'
import type { SftpAddress } from './sftp-command.ts'

/** Locations of SFTP servers, written as restic writes them. */

export interface SftpLocation {
  readonly scheme: 'sftp'
  readonly address: SftpAddress
  readonly path: string
  readonly display: string
}

/**
 * `sftp:user@host:/path`, `sftp:host:path/from/the/home/folder`, `sftp://user@host:port//path` (two slashes: from the root).
 * Gives the reason when it is none of them.
 */
export function parseSftp(text: string): SftpLocation | { readonly reason: string } {
  return text.startsWith('sftp://') ? parseSftpUrl(text) : parseScpStyle(text.slice('sftp:'.length))
}

function parseSftpUrl(text: string): SftpLocation | { readonly reason: string } {
  if (!URL.canParse(text)) return { reason: 'what follows sftp: is not a URL' }
  const { username, password, hostname, port, pathname } = new URL(text)
  if (password !== '') return { reason: 'it holds a password, which ssh takes from nobody but a person; use a key' }
  if (pathname === '') return { reason: 'it names no folder' }
  return build(decoded(username), hostname, port, decoded(pathname.slice(1)))
}

/** The user may hold an @, and an address of IPv6 is in brackets. */
function parseScpStyle(text: string): SftpLocation | { readonly reason: string } {
  const match = /^(\[[^\]]*\]|[^:[]*(?:\[[^\]]*\])?):(.*)$/s.exec(text)
  if (!match) return { reason: 'it is not of the form sftp:user@host:/path' }
  const [, server = '', path = ''] = match
  const at = server.lastIndexOf('@')
  return build(at < 0 ? '' : server.slice(0, at), server.slice(at + 1), '', path)
}

function build(user: string, host: string, port: string, given: string): SftpLocation | { readonly reason: string } {
  const name = host.replace(/^\[(.*)\]$/, '$1')
  // ssh would take it for one of its flags.
  if (name.startsWith('-') || user.startsWith('-')) return { reason: 'a host or user cannot begin with a dash' }
  const path = cleaned(given)
  if (path.startsWith('~')) {
    return { reason: 'SFTP knows no ~; a path without a slash before it begins in the home folder of the user' }
  }
  const address = { host: name, ...(user === '' ? {} : { user }), ...(port === '' ? {} : { port }) }
  const server = `${user === '' ? '' : `${user}@`}${name.includes(':') ? `[${name}]` : name}`
  const shown = shownPath(path)
  const display = port === '' ? `sftp:${server}:${shown}` : `sftp://${server}:${port}/${shown}`
  return { scheme: 'sftp', address, path, display }
}

function cleaned(path: string): string {
  const clean = posix.normalize(path)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

/** Of `user:password@host:/path` everything behind the first colon counts as path: what may be a password is hidden. */
function shownPath(path: string): string {
  return path.startsWith('/') ? path : path.replace(/^.*@/s, '***@')
}

/** A lone % is a character, not the start of an escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
