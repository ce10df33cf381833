/**
 * Puts in place what the tests need beyond npm: the programs that Understudy has to get on with (current restic,
 * rest-server, rclone; the restic of Debian 12 as the oldest one; an S3 service), and a few tools of the system.
 *
 * The S3 service comes from npm, everywhere; the rest only on Debian as root. Those peers are unpacked into a folder of their own out of Debian's archive, from the mirror that the
 * machine itself uses; the machine's package sources stay as they are. Elsewhere nothing is touched, and the tests that need
 * what is missing are skipped with the reason.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { missing, peer, peersFolder, type PeerName } from '../test/helpers/peers.ts'

/** A set of peers: they come from one suite of Debian and are unpacked into one folder. */
interface PeerSet {
  readonly suite: string
  readonly packages: readonly string[]
  readonly names: readonly PeerName[]
  readonly folder: string
}

const peerSets: readonly PeerSet[] = [
  {
    suite: 'sid',
    packages: ['restic', 'restic-rest-server', 'rclone'],
    names: ['restic', 'rest-server', 'rclone'],
    folder: peersFolder('current'),
  },
  { suite: 'bookworm', packages: ['restic'], names: ['restic-0.14'], folder: peersFolder('old') },
]

/** An S3 service that is not ours: Debian has none that is small (its rclone is built without `serve s3`). */
const s3Service = { name: 's3rver', version: '3.7.1' } as const

/** Tools of the system that tests call by name, and the Debian packages that have them. */
const systemTools: Readonly<Record<string, string>> = {
  setfattr: 'attr',
  setfacl: 'acl',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  python3: 'python3-minimal',
  unzip: 'unzip',
  losetup: 'mount',
  unshare: 'util-linux',
  openssl: 'openssl',
  strace: 'strace',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  smbd: 'samba',
  'pure-ftpd': 'pure-ftpd',
  zsh: 'zsh',
  fish: 'fish',
  pg_createcluster: 'postgresql',
  mariadbd: 'mariadb-server',
  chromium: 'chromium',
}

/** Servers among them, and their units: nobody's machine is to start one at its next boot because of tests. */
const units: Readonly<Record<string, readonly string[]>> = {
  sshd: ['ssh.service'],
  smbd: ['smbd.service', 'nmbd.service', 'samba-ad-dc.service'],
  'pure-ftpd': ['pure-ftpd.service'],
  pg_createcluster: ['postgresql.service'],
  mariadbd: ['mariadb.service'],
}

const archiveKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Puts in place what can be; gives one line for each thing that is missing afterwards. */
export function installPeers(): string[] {
  if (canInstall()) {
    installSystemTools()
    for (const set of peerSets) installPeerSet(set)
  }
  installS3Service()
  return whatIsMissing()
}

function canInstall(): boolean {
  return (
    process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync(archiveKeyring) && isOnPath('apt-get')
  )
}

function whatIsMissing(): string[] {
  const tools = Object.entries(systemTools)
    .filter(([tool]) => !isOnPath(tool))
    .map(([tool, name]) => `${tool} (Debian package ${name})`)
  const wanted = [...peerSets.flatMap(({ names }) => names), s3Service.name]
  const peers = wanted.filter((name) => missing(name))
  return [...tools, ...peers]
}

function installSystemTools(): void {
  const absent = Object.entries(systemTools).filter(([tool]) => !isOnPath(tool))
  if (absent.length === 0) return
  const packages = [...new Set(absent.map(([, name]) => name))]
  say(`installing Debian packages: ${packages.join(', ')}`)
  apt(['update'])
  withoutServices(() => apt(['install', '-y', '--no-install-recommends', ...packages]))
}

/** Tests start servers themselves, for as long as they need them: nobody wants a machine that listens because of them. */
function withoutServices(install: () => boolean): void {
  const policy = '/usr/sbin/policy-rc.d' // Debian's way to say no to every start
  const isOurs = !existsSync(policy)
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  const added = Object.entries(units).filter(([tool]) => !isOnPath(tool))
  try {
    install()
    const here = added.filter(([tool]) => isOnPath(tool)).flatMap(([, names]) => names)
    if (here.length > 0 && isOnPath('systemctl')) run('systemctl', ['disable', ...here], tmpdir())
  } finally {
    if (isOurs) rmSync(policy)
  }
}

/** Unpacks the packages of `set` beside their place, and moves them there when they are whole. */
function installPeerSet({ suite, packages, names, folder }: PeerSet): void {
  const absent = names.filter((name) => !existsInside(folder, name))
  const mirror = debianMirror()
  if (absent.length === 0) return
  if (mirror === undefined) return say("This machine's package sources name no mirror of Debian's archive.")
  say(`fetching ${absent.join(', ')} from ${mirror} ${suite}`)
  const work = mkdtempSync(join(tmpdir(), 'understudy-peers-'))
  try {
    const unpacked = join(work, 'unpacked')
    if (!download({ work, mirror, suite, packages }) || !unpack(work, unpacked)) return
    putInPlace(unpacked, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Installed beside its place, and moved there when it is whole; no part of the project's own dependencies. */
function installS3Service(): void {
  const { name, version } = s3Service
  if (!missing(name)) return
  say(`fetching ${name} ${version} from npm`)
  const work = mkdtempSync(join(tmpdir(), 'understudy-peers-'))
  try {
    const prefix = join(work, 'unpacked')
    mkdirSync(prefix)
    const quietly = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    if (run('npm', ['install', '--prefix', prefix, ...quietly, `${name}@${version}`], work))
      putInPlace(prefix, peersFolder('s3rver'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** A peer that lies elsewhere, on the PATH, may be years old: what counts is the one that we put in place. */
function existsInside(folder: string, name: PeerName): boolean {
  return missing(name) === false && peer(name).startsWith(folder)
}

interface Download {
  readonly work: string
  readonly mirror: string
  readonly suite: string
  readonly packages: readonly string[]
}

/** Fetches packages with apt, which checks their signatures, but with lists and caches of its own under `work`. */
function download({ work, mirror, suite, packages }: Download): boolean {
  const sources = join(work, 'sources.list')
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true })
  mkdirSync(join(work, 'cache', 'archives', 'partial'), { recursive: true })
  writeFileSync(sources, `deb [signed-by=${archiveKeyring}] ${mirror} ${suite} main\n`)
  const options = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/nonexistent',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': join(work, 'cache'),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  }
  const settings = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  return apt([...settings, 'update'], work) && apt([...settings, 'download', ...packages], work)
}

function unpack(work: string, to: string): boolean {
  mkdirSync(to)
  return globSync('*.deb', { cwd: work }).every((file) => run('dpkg', ['-x', join(work, file), to], work))
}

function putInPlace(unpacked: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  const beside = `${to}.new-${process.pid}`
  run('cp', ['-a', unpacked, beside], dirname(to)) // the folders may lie on different file systems
  rmSync(to, { recursive: true, force: true })
  renameSync(beside, to)
}

/** The mirror of Debian's archive that this machine's own package sources name. */
export function debianMirror(root: string = '/etc/apt'): string | undefined {
  const read = (file: string) => readFileSync(join(root, file), 'utf8')
  const sources = globSync('sources.list.d/*.sources', { cwd: root }).map(read)
  const lists = ['sources.list', ...globSync('sources.list.d/*.list', { cwd: root })]
    .filter((file) => existsSync(join(root, file)))
    .map(read)
  return mirrorIn(sources.flatMap(addressesInSources).concat(lists.flatMap(addressesInList)))
}

/** Addresses in the newer form: paragraphs of `Field: value` lines. */
function addressesInSources(text: string): string[] {
  return [...text.matchAll(/^URIs:[ \t]*(.+)$/gim)].flatMap(([, value]) => (value as string).trim().split(/\s+/))
}

/** Addresses in the older form: `deb [options] address suite component`. */
function addressesInList(text: string): string[] {
  return [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s*)?(\S+)/gm)].map(([, address]) => address as string)
}

/** The archive proper ends in `/debian`; security updates, backports of others and strangers do not. */
function mirrorIn(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => /^https?:\/\/\S+\/debian\/?$/.test(address))
}

function isOnPath(tool: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(join(folder, tool)))
}

function apt(args: readonly string[], cwd: string = tmpdir()): boolean {
  return run('apt-get', ['-qq', ...args], cwd)
}

/** Runs a command whose words matter only when it fails. */
function run(command: string, args: readonly string[], cwd: string): boolean {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  if (status !== 0) say(`${command} failed: ${stdout}${stderr}`)
  return status === 0
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const absent = installPeers()
  for (const line of absent) say(`missing: ${line}`)
  process.exitCode = absent.length > 0 ? 1 : 0
}
