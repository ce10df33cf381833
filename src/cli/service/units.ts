import { isAbsolute, join } from 'node:path'

/** Units of systemd for agent and server: each may do what its work needs, and nothing else. */

export interface Unit {
  /** `understudy-agent.service` */
  readonly file: string
  readonly text: string
  /** The user that it runs as, where that is one of its own. */
  readonly user?: string
}

export interface UnitOptions {
  /** Node and the program's entry, absolute. */
  readonly command: readonly string[]
  /** Where it keeps what is its own. */
  readonly data: string
  /** Folders besides that it may write into. */
  readonly write: readonly string[]
}

/** The first line of what we write, by which it is known again. */
export const unitMark = '# Made by `understudy service`. What is to be otherwise belongs into a drop-in: systemctl edit'

const stateHome = '/var/lib'
const cacheName = 'understudy'

/** What an agent may do besides reading files: dump databases as their users, restore with owners and rights, or all. */
export type AgentWork = 'databases' | 'restores' | 'everything'
export const agentWorks: readonly AgentWork[] = ['databases', 'restores', 'everything']

// capabilities(7)
const capabilitiesOf = {
  /** Every file, whoever owns it, and no right to change one. */
  files: ['CAP_DAC_READ_SEARCH'],
  /** To work as the user of a database server, and to end what works so. */
  databases: ['CAP_CHOWN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_KILL'],
  /** To give files back to their owners, with their rights and capabilities. */
  restores: ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_SETFCAP'],
} as const

/** It runs as root, for it reads what everybody has, but root without rights: all it can write is in its own folders. */
export function agentUnit({ may, ...options }: UnitOptions & { readonly may: readonly AgentWork[] }): Unit {
  const { command, data } = options
  const works = may.filter((work) => work !== 'everything')
  const capabilities = new Set(
    ['files', ...works].flatMap((work) => capabilitiesOf[work as keyof typeof capabilitiesOf]),
  )
  const isRestricted = !may.includes('everything')
  const service = [
    `ExecStart=${commandLine([...command, 'agent', 'run', '--data', data])}`,
    ...common,
    // Backups give way to whatever people do on the machine.
    'Nice=5',
    `CacheDirectory=${cacheName}`,
    // Users of databases go through it to files of their own.
    'CacheDirectoryMode=0711',
    `Environment=XDG_CACHE_HOME=%C/${cacheName} TMPDIR=%C/${cacheName}`,
  ]
  const limits = [
    ...placesOf(options),
    // Without PrivateTmp: /tmp and /var/tmp are of what it backs up. Its own are in TMPDIR.
    `CapabilityBoundingSet=${[...capabilities].join(' ')}`,
    ...sandbox,
    ...(may.includes('restores') ? [] : ['RestrictSUIDSGID=yes']),
  ]
  return {
    file: 'understudy-agent.service',
    text: unitText('Understudy agent: backs this machine up', [...service, ...(isRestricted ? limits : [])]),
  }
}

/** It runs as a user of its own, without any right of root. */
export function serverUnit({ flags, ...options }: UnitOptions & { readonly flags: readonly string[] }): Unit {
  const { command, data } = options
  const user = 'understudy'
  const bind = listensBelow1024(flags) ? ['CAP_NET_BIND_SERVICE'] : []
  return {
    file: 'understudy-server.service',
    user,
    text: unitText('Understudy control server', [
      // The agent of this machine, which is root, may have made it for itself alone.
      ...(isBelow(data, `${stateHome}/understudy`) ? [`ExecStartPre=+/bin/chmod 0711 ${stateHome}/understudy`] : []),
      `ExecStart=${commandLine([...command, 'serve', '--no-agent', '--data', data, ...flags])}`,
      ...common,
      `User=${user}`,
      `Group=${user}`,
      ...placesOf(options),
      `CapabilityBoundingSet=${bind.join(' ')}`,
      ...(bind.length > 0 ? [`AmbientCapabilities=${bind.join(' ')}`] : []),
      ...sandbox,
      'RestrictSUIDSGID=yes',
      'PrivateTmp=yes',
      'ProtectProc=invisible',
      'RemoveIPC=yes',
    ]),
  }
}

const common = [
  'Type=exec',
  'Restart=always',
  'RestartSec=30',
  // An upload or a backup under way is ended in order.
  'TimeoutStopSec=90',
  'UMask=0077',
  // What lies in memory may be a secret.
  'LimitCORE=0',
]

/** systemd.exec(5). Not MemoryDenyWriteExecute: Node makes code as it runs. */
const sandbox = [
  'NoNewPrivileges=yes',
  'ProtectSystem=strict',
  'ProtectHome=read-only',
  'PrivateDevices=yes',
  'ProtectClock=yes',
  'ProtectControlGroups=yes',
  'ProtectHostname=yes',
  'ProtectKernelLogs=yes',
  'ProtectKernelModules=yes',
  'ProtectKernelTunables=yes',
  'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  'RestrictNamespaces=yes',
  'RestrictRealtime=yes',
  'LockPersonality=yes',
  'KeyringMode=private',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallErrorNumber=EPERM',
]

function unitText(description: string, service: readonly string[]): string {
  const lines = [
    unitMark,
    '[Unit]',
    `Description=${description}`,
    'Wants=network-online.target',
    'After=network-online.target',
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    ...service,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ]
  return `${lines.join('\n')}\n`
}

/** Below /var/lib systemd makes its folder; elsewhere it must be there. */
function placesOf({ data, write }: UnitOptions): string[] {
  const isState = isBelow(data, stateHome)
  const places = [...(isState ? [] : [data]), ...write]
  return [
    ...(isState ? [`StateDirectory=${quote(data.slice(stateHome.length + 1))}`, 'StateDirectoryMode=0700'] : []),
    ...(places.length > 0 ? [`ReadWritePaths=${places.map(quote).join(' ')}`] : []),
  ]
}

function isBelow(path: string, folder: string): boolean {
  return isAbsolute(path) && join(path, '.') === path && path.startsWith(`${folder}/`)
}

function listensBelow1024(flags: readonly string[]): boolean {
  const at = flags.findIndex((flag) => flag === '--listen' || flag.startsWith('--listen='))
  const listen = flags[at]?.startsWith('--listen=') === true ? flags[at] : flags[at + 1]
  const port = at < 0 ? undefined : /:(\d+)$/.exec(listen ?? '')?.[1]
  return port !== undefined && Number(port) < 1024
}

function commandLine(words: readonly string[]): string {
  return words.map((word) => quote(word).replaceAll('$', '$$$$')).join(' ')
}

/** A word of a setting: systemd replaces `%` also between quotes (systemd.syntax(7), systemd.unit(5)). */
function quote(word: string): string {
  const plain = word.replaceAll('%', '%%')
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(plain) ? plain : `"${plain.replace(/["\\]/g, String.raw`\$&`)}"`
}
