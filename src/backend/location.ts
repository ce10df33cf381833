import { BackendError } from './errors.ts'
import type { Credentials } from './http-client.ts'
import { parseS3, type S3Location } from './s3-location.ts'
import { parseSftp, type SftpLocation } from './sftp-location.ts'

/** Locations of repositories, written as restic writes them. */

export type Location =
  | SftpLocation
  | S3Location
  | { readonly scheme: 'local'; readonly path: string; readonly display: string }
  | {
      readonly scheme: 'rest'
      readonly url: URL
      readonly socketPath?: string | undefined
      readonly credentials?: Credentials | undefined
      readonly display: string
    }

/** Kinds of storage that restic knows and we do not, yet. */
const notYet = new Set(['b2', 'azure', 'gs', 'swift', 'rclone'])

/**
 * `/path`, `folder`, `local:folder`, `rest:https://user:password@host:8000/path/`, `rest:http+unix:///socket:/path/`,
 * `sftp:user@host:/path`, `sftp://user@host:port//path`, `s3:host/bucket/path`, `s3:https://host:port/bucket/path`.
 * Throws `LOCATION_INVALID` or `LOCATION_NOT_YET`; no message shows a password.
 */
export function parseLocation(text: string, env: NodeJS.ProcessEnv = {}): Location {
  if (text === '') throw invalid(text, 'it is empty')
  if (text.includes('\0')) throw invalid(text, 'it holds a NUL character')
  const scheme = /^([a-z0-9]+):/.exec(text)?.[1] ?? ''
  if (scheme === 'local') return local(text, text.slice('local:'.length))
  if (scheme === 'rest') return parseRest(text, env)
  if (scheme === 'sftp' || scheme === 's3') {
    const parsed = scheme === 's3' ? parseS3(text) : parseSftp(text)
    if ('reason' in parsed) throw invalid(text, parsed.reason)
    return parsed
  }
  if (notYet.has(scheme)) throw new BackendError('LOCATION_NOT_YET', { scheme })
  if (!isPath(text) && text.includes(':')) {
    throw invalid(text, 'it names no kind of storage that we know (a folder with a colon is written local:folder)')
  }
  return local(text, text)
}

/** The location as it may be shown and logged: without user name and password. */
export function displayLocation(text: string): string {
  try {
    return parseLocation(text).display
  } catch {
    return withoutSecrets(text)
  }
}

/** Paths may hold colons when nobody can take their start for a kind of storage. */
function isPath(text: string): boolean {
  return /^(?:\.\.?[/\\]|[/\\]|[A-Za-z]:[/\\])/.test(text)
}

function local(text: string, path: string): Location {
  if (path === '') throw invalid(text, 'it names no folder')
  return { scheme: 'local', path, display: path }
}

function parseRest(text: string, env: NodeJS.ProcessEnv): Location {
  const rest = text.slice('rest:'.length)
  if (rest.startsWith('http+unix:')) return parseUnixSocket(text, rest, env)
  const url = parseUrl(text, rest)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw invalid(text, 'rest: wants a URL with https or http')
  const credentials = credentialsOf(url, env)
  return { scheme: 'rest', url: bare(url), credentials, display: `rest:${url.origin}${shownPath(url)}` }
}

/** A socket file and the path on the server behind it: `http+unix:///run/rest.sock:/repository/`. */
function parseUnixSocket(text: string, rest: string, env: NodeJS.ProcessEnv): Location {
  const match = /^http\+unix:\/\/(?:([^/]*)@)?(\/[^:]+)(?::(\/.*))?$/.exec(rest)
  if (!match) throw invalid(text, 'it is not of the form rest:http+unix:///path/of/socket:/path/of/repository/')
  const [, user = '', socketPath = '', path = '/'] = match
  const url = parseUrl(text, `http://${user === '' ? '' : `${user}@`}localhost${path}`)
  const credentials = credentialsOf(url, env)
  const display = `rest:http+unix://${socketPath}:${shownPath(url)}`
  return { scheme: 'rest', url: bare(url), socketPath, credentials, display }
}

function parseUrl(text: string, url: string): URL {
  if (!URL.canParse(url)) throw invalid(text, 'what follows rest: is not a URL')
  return new URL(url)
}

/** The folder alone, ending in a slash. */
function bare(url: URL): URL {
  const folder = new URL(url)
  folder.username = folder.password = folder.hash = folder.search = ''
  if (!folder.pathname.endsWith('/')) folder.pathname += '/'
  return folder
}

/** After a password with an unescaped slash, its rest counts as path: then everything up to the last @ is hidden. */
function shownPath(url: URL): string {
  const { pathname } = bare(url)
  return url.password === '' ? pathname : pathname.replace(/^.*@/, '/***@')
}

/** From the URL; only when it has neither name nor password, from the environment. */
function credentialsOf(url: URL, env: NodeJS.ProcessEnv): Credentials | undefined {
  if (url.username !== '' || url.password !== '') {
    return { user: decoded(url.username), password: decoded(url.password) }
  }
  const user = env.UNDERSTUDY_REST_USERNAME ?? env.RESTIC_REST_USERNAME ?? ''
  const password = env.UNDERSTUDY_REST_PASSWORD ?? env.RESTIC_REST_PASSWORD ?? ''
  return user === '' && password === '' ? undefined : { user, password }
}

/** A lone % is a character of the password, not the start of an escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function invalid(text: string, reason: string): BackendError {
  return new BackendError('LOCATION_INVALID', { location: withoutSecrets(text), reason })
}

/** For text that is no proper location: everything before the last @ may be a password. */
function withoutSecrets(text: string): string {
  const at = text.lastIndexOf('@')
  const scheme = /^(?:[a-z0-9]+:)?(?:[a-z0-9+]+:\/\/)?/i.exec(text)?.[0] ?? ''
  return at < scheme.length || !text.includes(':') ? text : `${scheme}***${text.slice(at)}`
}
