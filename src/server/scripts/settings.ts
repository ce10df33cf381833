import { ScriptError } from './errors.ts'
import { isOneLine } from './quote.ts'

/** Everything that a script for a machine without our agent is made from. Secrets are plain text here: keep it out of every log. */
export interface ScriptSettings {
  /** The machine, by the name that its snapshots get. */
  readonly machine: string
  /** Its own repository on the server: `https://host:8484/…/`, with a credential that adds and reads, and deletes nothing. */
  readonly repository: { readonly url: string; readonly user: string; readonly password: string }
  readonly repositoryPassword: string
  /** PEM, when the server's certificate is its own. */
  readonly certificate?: string | undefined
  /** Where the result of each run is sent, and the token that lets it in. */
  readonly report: { readonly url: string; readonly token: string }
  /** Absolute paths to back up. */
  readonly paths: readonly string[]
  /** Patterns as of restic. */
  readonly excludes: readonly string[]
  readonly schedule: ScriptSchedule
  /** Whether it runs on battery, too. */
  readonly onBattery: boolean
  /** KiB a second. */
  readonly uploadLimit?: number | undefined
}

export interface ScriptSchedule {
  /** By the machine's own clock. */
  readonly hour: number
  readonly minute: number
  /** Default: every day. */
  readonly days?: readonly Weekday[] | undefined
}

export const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const

export type Weekday = (typeof weekdays)[number]

/** The oldest restic that the scripts work with: it knows the second version of the repository format. */
export const leastRestic = '0.14.0'

/** Throws SCRIPT_INVALID. */
export function checkSettings(settings: ScriptSettings, isAbsolute: (path: string) => boolean): void {
  const { machine, repository, repositoryPassword, report, paths, excludes, schedule, certificate, uploadLimit } =
    settings
  const invalid = (reason: string) => new ScriptError('SCRIPT_INVALID', { machine, reason })
  const { user, password } = repository
  if (machine === '' || ![machine, user, password, repositoryPassword].every(isOneLine)) {
    throw invalid('a name or a password has a line end or control characters in it, or the name is empty')
  }
  // What restic reads from a file is without the blanks around it, and without a byte order mark.
  if (/^[\s\ufeff]|\s$|^$/.test(repositoryPassword))
    throw invalid('the password of the repository begins or ends with a blank')
  if (![repository.url, report.url].every(isWebAddress)) {
    throw invalid('an address is not of the form https://host/path; without TLS only this machine itself is reached')
  }
  if (!/^[\x21-\x7e]+$/.test(report.token)) throw invalid('the token has other characters in it than printable ASCII')
  if (paths.length === 0) throw invalid('there is nothing to back up')
  const relative = paths.find((path) => !isOneLine(path) || !isAbsolute(path))
  if (relative !== undefined) throw invalid(`"${relative}" is no absolute path on one line`)
  if (!excludes.every(isOneLine)) throw invalid('a pattern has a line end or control characters in it')
  if (certificate !== undefined && !isPem(certificate)) throw invalid('the certificate is not in PEM format')
  if (uploadLimit !== undefined && !isWhole(uploadLimit, 1, 1e9))
    throw invalid('the upload limit is not a whole number')
  if (!isWhole(schedule.hour, 0, 23) || !isWhole(schedule.minute, 0, 59)) throw invalid('the time of day is none')
  if (schedule.days?.length === 0) throw invalid('the schedule has no day')
}

function isWebAddress(address: string): boolean {
  if (!URL.canParse(address) || !isOneLine(address)) return false
  const { protocol, hostname, username, password } = new URL(address)
  const isLocal = ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
  const isClosed = protocol === 'https:' || (protocol === 'http:' && isLocal)
  return isClosed && username === '' && password === ''
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

/** Certificates alone: no line of them can be taken for a command, and no private key gets into a script or onto paper. */
export function isPem(text: string): boolean {
  return /^(-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=]+\r?\n)+-----END CERTIFICATE-----\r?\n?)+$/.test(text)
}

/** The files that both scripts write for restic and curl: secrets come to them from there and are in no argument and no environment. */
export interface SettingsFile {
  readonly name: 'repository' | 'password' | 'paths' | 'excludes' | 'report.curl' | 'server.pem'
  readonly lines: readonly string[]
}

/** @param certificatePath where `server.pem` will lie, for curl */
export function settingsFiles(
  settings: ScriptSettings,
  certificatePath: string,
  curlExtras: readonly string[] = [],
): SettingsFile[] {
  const { repositoryPassword, paths, excludes, certificate } = settings
  const trust = certificate === undefined ? [] : [`cacert = ${quoteCurl(certificatePath)}`]
  const files: SettingsFile[] = [
    { name: 'repository', lines: [repositoryAddress(settings)] },
    { name: 'password', lines: [repositoryPassword] },
    { name: 'paths', lines: paths },
    { name: 'excludes', lines: excludes.map(excludeLine) },
    { name: 'report.curl', lines: [...reportRequest(settings), ...trust, ...curlExtras] },
  ]
  if (certificate !== undefined) files.push({ name: 'server.pem', lines: certificate.trim().split(/\r?\n/) })
  return files
}

function repositoryAddress({ repository: { url, user, password } }: ScriptSettings): string {
  const address = new URL(url)
  const [name, secret] = [user, password].map(encodeURIComponent)
  return `rest:${address.protocol}//${name}:${secret}@${address.host}${address.pathname}`
}

function reportRequest({ report: { url, token } }: ScriptSettings): string[] {
  return [
    `url = ${quoteCurl(url)}`,
    `header = ${quoteCurl(`Authorization: Bearer ${token}`)}`,
    'header = "Content-Type: application/json"',
    'silent',
    'show-error',
    'fail',
    'max-time = 60',
  ]
}

/** A value in a configuration file of curl: between double quotes, where a backslash takes the meaning of the next character. */
export function quoteCurl(value: string): string {
  return `"${value.replace(/["\\]/g, String.raw`\$&`)}"`
}

/**
 * A pattern as a line of a file: there restic takes `$` for a variable, `#` at the beginning for a comment, and the blanks around
 * it away (restic: internal/filter/exclude.go). In brackets they stand for themselves.
 */
export function excludeLine(pattern: string): string {
  return pattern
    .replaceAll('$', '$$$$')
    .replace(/^#/, '[#]')
    .replace(/^\s|\s$/g, '[$&]')
}
