import { isIP } from 'node:net'

import { NeighbourError } from './errors.ts'

/** A machine that may take no software, and how it is read. Secrets are plain text here: keep it out of every log. */
export type NeighbourDevice = SftpDevice | FtpDevice | SmbDevice

interface Reached {
  /** For people, and for the name of the host in the snapshot. */
  readonly name: string
  /** Name or address. */
  readonly host: string
  /** Default: the protocol's. */
  readonly port?: number | undefined
  readonly user: string
  readonly password?: string | undefined
  /** Absolute paths to read; for SMB the first component is the share. */
  readonly paths: readonly string[]
  /** Connections at once; small controllers bear one or two. Default 4. */
  readonly connections?: number | undefined
}

export interface SftpDevice extends Reached {
  readonly kind: 'sftp'
  /** The keys by which the machine proves itself, as in known_hosts, without the host: `ssh-ed25519 AAAA…`. At least one. */
  readonly hostKeys: readonly string[]
  /** PEM, in place of a password. */
  readonly privateKey?: string | undefined
  readonly privateKeyPassphrase?: string | undefined
  /** Ciphers that are broken today, for machines that know no others. */
  readonly oldCiphers?: boolean | undefined
}

export interface FtpDevice extends Reached {
  readonly kind: 'ftp'
  /** `none` sends the password as it is: only where the line is trusted. */
  readonly encryption: 'none' | 'explicit' | 'implicit'
  /** `any`: the line is encrypted, and nobody knows to whom; for machines whose certificate nobody signed. Default `checked`. */
  readonly certificate?: 'checked' | 'any' | undefined
}

export interface SmbDevice extends Reached {
  readonly kind: 'smb'
  readonly domain?: string | undefined
}

const defaultConnections = 4

/** Throws DEVICE_INVALID. */
export function checkDevice(device: NeighbourDevice): void {
  const { host, port, user, paths, connections = defaultConnections } = device
  if (!isHost(host)) throw invalid('the host is neither a name nor an address')
  if (port !== undefined && !isWhole(port, 65_535)) throw invalid('the port is not a number from 1 to 65535')
  if (!isWhole(connections, 64)) throw invalid('the number of connections is not from 1 to 64')
  if (user === '' || hasControl(user)) throw invalid('the user name is empty or has control characters in it')
  if (paths.length === 0) throw invalid('it has no paths')
  for (const path of paths) checkPath(path, device.kind)
  if (device.kind === 'sftp') checkSftp(device)
  else if (device.password === undefined) throw invalid('it has no password')
}

function checkSftp({ hostKeys, password, privateKey }: SftpDevice): void {
  if (hostKeys.length === 0) throw invalid('it has no host key, so nobody could tell whether it is the right machine')
  const malformed = hostKeys.find((key) => !/^[a-z0-9@.-]+ [A-Za-z0-9+/]+=*$/.test(key))
  if (malformed !== undefined) throw invalid('a host key is not of the form "ssh-ed25519 AAAA…"')
  if ((password === undefined) === (privateKey === undefined)) throw invalid('it needs a password or a private key')
}

function checkPath(path: string, kind: NeighbourDevice['kind']): void {
  const isPlain = path.startsWith('/') && !componentsOf(path).some((name) => name === '.' || name === '..')
  if (!isPlain || path.includes('\0')) throw invalid(`"${path}" is no absolute path without dots`)
  if (kind === 'smb' && componentsOf(path).length === 0) throw invalid('a path for SMB begins with the share')
}

export function componentsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}

function isHost(host: string): boolean {
  return isIP(host) !== 0 || /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?$/.test(host)
}

function isWhole(value: number, largest: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= largest
}

function hasControl(text: string): boolean {
  return /[\u0000-\u001f\u007f]/.test(text)
}

function invalid(reason: string): NeighbourError {
  return new NeighbourError('DEVICE_INVALID', { reason })
}

/** The line of a known_hosts file for each host key. */
export function knownHosts({ host, port = 22, hostKeys }: SftpDevice): string {
  const name = port === 22 ? host : `[${host}]:${port}`
  return hostKeys.map((key) => `${name} ${key}\n`).join('')
}

/** What `config/create` of rclone is given for the machine; rclone hides the secrets of it itself. */
interface RemoteParameters {
  readonly type: NeighbourDevice['kind']
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Everything that could make rclone run a program on the machine, write to it or ask about it is switched off.
 * `followLinks`: SFTP only; elsewhere the machine itself follows them.
 */
export function remoteParameters(
  device: NeighbourDevice,
  { knownHostsFile, followLinks }: { readonly knownHostsFile: string; readonly followLinks: boolean },
): RemoteParameters {
  const { kind, host, port, user, password, connections = defaultConnections } = device
  const common = {
    host,
    user,
    ...(port !== undefined && { port: String(port) }),
    ...(password !== undefined && { pass: password }),
  }
  if (kind === 'sftp') {
    const parameters = sftpParameters(device, { knownHostsFile, followLinks })
    return { type: kind, parameters: { ...common, ...parameters, connections: String(connections) } }
  }
  if (kind === 'ftp') {
    const { encryption, certificate = 'checked' } = device
    const parameters = {
      tls: String(encryption === 'implicit'),
      explicit_tls: String(encryption === 'explicit'),
      no_check_certificate: String(certificate === 'any'),
      concurrency: String(connections),
      writing_mdtm: 'false',
    }
    return { type: kind, parameters: { ...common, ...parameters } }
  }
  // A share whose name ends in `$` is named by the policy where it is wanted.
  return { type: kind, parameters: { ...common, hide_special_share: 'false', domain: device.domain ?? 'WORKGROUP' } }
}

function sftpParameters(
  { privateKey, privateKeyPassphrase, oldCiphers = false }: SftpDevice,
  { knownHostsFile, followLinks }: { readonly knownHostsFile: string; readonly followLinks: boolean },
): Record<string, string> {
  return {
    known_hosts_file: knownHostsFile,
    skip_links: String(!followLinks),
    shell_type: 'none',
    disable_hashcheck: 'true',
    set_modtime: 'false',
    use_insecure_cipher: String(oldCiphers),
    key_use_agent: 'false',
    // One line, with `\n` written out.
    ...(privateKey !== undefined && { key_pem: privateKey.trim().replace(/\r?\n/g, String.raw`\n`) }),
    ...(privateKeyPassphrase !== undefined && { key_file_pass: privateKeyPassphrase }),
  }
}
