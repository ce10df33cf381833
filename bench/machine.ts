import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { basename, join } from 'node:path'
import { missing, peer } from '../test/helpers/peers.ts'
import type { PeerName } from '../test/helpers/peers.ts'

/** What was measured on, and with which versions: figures mean nothing without it. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly disk: string
  readonly versions: Readonly<Record<string, string>>
}

export function describeMachine(place: string): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: `${type()} ${release()}`,
    disk: describeDisk(place),
    versions: {
      understudy: ownVersion(),
      restic: versionOf('restic', 'version'),
      borg: versionOf('borg', '--version'),
      node: process.versions.node,
    },
  }
}

export function formatMachine({ processor, cores, memoryGb, kernel, disk, versions }: Machine): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${cores} × ${processor}, ${memoryGb} GB, ${kernel}, ${disk}\n${programs.join(', ')}\n`
}

function ownVersion(): string {
  const dist = join(import.meta.dirname, '..', 'dist', 'package.json')
  const { version, commit } = JSON.parse(readFileSync(dist, 'utf8')) as { version: string; commit?: string }
  return commit === undefined ? version : `${version} (${commit.slice(0, 10)})`
}

/** `restic 0.19.1 compiled with …` → `0.19.1`. */
function versionOf(name: PeerName, argument: string): string {
  if (missing(name)) return 'not installed'
  const words = execFileSync(peer(name), [argument], { encoding: 'utf8' })
  return /\d+(?:\.\d+)+/.exec(words)?.[0] ?? 'unknown'
}

/** File system, device, and whether it turns, of the folder's disk. */
function describeDisk(place: string): string {
  try {
    const words = execFileSync('findmnt', ['-n', '-o', 'FSTYPE,SOURCE', '-T', place], { encoding: 'utf8' })
    const [fileSystem = '', device = ''] = words.trim().split(/\s+/)
    return [fileSystem, 'on', device, turns(device)].join(' ').trim()
  } catch {
    return 'unknown disk'
  }
}

function turns(device: string): string {
  try {
    const rotational = readFileSync(`/sys/block/${basename(device)}/queue/rotational`, 'latin1').trim()
    return rotational === '1' ? '(the kernel calls it rotational)' : '(solid state)'
  } catch {
    return ''
  }
}
